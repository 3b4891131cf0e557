"""What people call a metric, from its key."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: pattern of a key -> its words; {value} is the property, {0}, {1} ... the groups of the pattern
LABELS = (
    (r"validity", "valid"),
    (r"validity/scored", "valid, and with a value"),
    (r"uniqueness/n=(\d+)", "different among {0} samples"),
    (r"novelty", "not in the reference"),
    (r"mean/reward", "mean R(x)"),
    (r"mean/log_reward", "mean log R(x)"),
    (r"mean/value", "{mean}"),
    (r"quantile/value/(\d+)%", "{0} % quantile of {value}"),
    (r"top_k/k=1/value", "{value} of the best"),
    (r"top_k/k=1/reward", "R(x) of the best"),
    (r"top_k/k=(\d+)/value", "{mean}, of the {0} best"),
    (r"top_k/k=(\d+)/reward", "mean R(x) of the {0} best"),
    (r"modes/value([<>]=)(.+)/tanimoto<(.+)", "modes: {value} {0} {1}, similarity below {2}"),
    (r"circles/tanimoto<(.+)/n=(\d+)", "#Circles: similarity below {0}, among {1} samples"),
    (r"scaffolds/n=(\d+)", "different scaffolds of {0} samples"),
    (r"scaffolds/value([<>]=)(.+)", "scaffolds with {value} {0} {1}"),
    (r"internal_diversity", "internal diversity (IntDiv1)"),
    (r"unusual_motifs", "with a motif that chemists avoid"),
    (r"unusual_motifs/(.+)", "with {0}"),
    (r"alerts/all", "without a structural alert"),
    (r"alerts/(.+)", "without an alert of {0}"),
    (r"vendi/n=(\d+)", "Vendi score of {0} samples"),
    (r"snn", "similarity to the nearest of the reference"),
    (r"fragment_similarity", "similarity of BRICS fragments to the reference"),
    (r"scaffold_similarity", "similarity of scaffolds to the reference"),
    (r"kl_score", "KL score (GuacaMol)"),
    (r"fcd", "Fréchet ChemNet distance"),
    (r"objectives/hypervolume/n=(\d+)", "hypervolume of {0} samples"),
    (r"objectives/front/n=(\d+)", "on the Pareto front of {0} samples"),
    (r"elbo", "ELBO"),
    (r"torsions/effective_share", "effective share of the shapes, mean over molecules"),
    (r"torsions/effective_share/(.+)", "effective share of the shapes of {0}"),
    (r"torsions/log_z/(.+)", "log Z of {0} by importance sampling"),
    (r"torsions/jsd/(.+)", "largest divergence of a torsion of {0} from the weighted one (nats)"),
    (r"log_z/importance", "log Z by importance sampling"),
    (r"log_z/effective_share", "effective share of the samples in it"),
    (r"(?:correlation|heldout)/pearson/(?:\w+/)?N=(\d+)", "Pearson correlation of log P_T and log R"),
    (r"(?:correlation|heldout)/spearman/(?:\w+/)?N=(\d+)", "Spearman correlation of log P_T and log R"),
    (r"(?:correlation|heldout)/slope/(?:\w+/)?N=(\d+)", "slope of log P_T on log R"),
    (r"log_p_terminal/standard_error/.*", "median standard error of log P_T"),
    (r"property/(?:component/)?(.+)/mean", "mean {of}"),
    (r"property/(?:component/)?(.+)/sd", "standard deviation of {of}"),
    (r"exact/tv", "total variation from R/Z"),
    (r"exact/jsd", "Jensen-Shannon divergence from R/Z (nats)"),
    (r"exact/kl", "KL divergence of R/Z from P_T (nats)"),
    (r"exact/log_z", "log Z"),
    (r"density/log_z", "log Z"),
    (r"density/log_z_error", "error of the policy's log Z"),
    (r"density/importance_error", "error of log Z by importance sampling"),
    (r"density/jsd", "Jensen-Shannon divergence from R/Z, over bins (nats)"),
    (r"density/jsd_exact", "the same of as many exact samples"),
    (r"exact/mean_reward", "mean R(x) under P_T"),
    (r"exact/target_mean_reward", "mean R(x) under R/Z"),
)
#: columns of metrics.csv in words
LOGGED = {
    "exact/tv": "exact total variation",
    "exact/jsd": "exact Jensen-Shannon divergence, nats",
    "found/trajectories": "trajectories",
    "oracle/calls": "reward calls",
    "oracle/unique": "different objects scored",
    "value/mean": "mean property of a batch",
    "train/gradient_steps": "gradient steps",
    "time/elapsed_seconds": "seconds",
}
_WORDS = [(re.compile(pattern), words) for pattern, words in LABELS]
_SIGNS = {">=": "≥", "<=": "≤"}


def label_of(key: str, value: str, mean: str, descriptors: Mapping[str, str]) -> str:
    """The words for a key; "" where nobody has said them.

    Args:
        key: of a reading.
        value: what the samples were scored with.
        mean: the mean of it in words.
        descriptors: name -> words, of the kind of object.
    """
    for pattern, words in _WORDS:
        if (found := pattern.fullmatch(key)) is not None:
            groups = [_SIGNS.get(text, text) for text in found.groups()]
            first = groups[0] if groups else ""
            name = first.removesuffix("_transformed").replace("_", " ")
            desirable = first.endswith("_transformed")
            of = descriptors.get(first) or (f"desirability of {name}" if desirable else name)
            return words.format(*groups, value=value, mean=mean, of=of)
    return ""
