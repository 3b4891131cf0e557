"""How like the reference the molecules are, by the distributions of what they are like."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import Descriptors, rdFingerprintGenerator
from scipy import stats

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scale, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind

#: compared by a kernel density, and by a histogram of ten bins of the reference's range
CONTINUOUS = ("BertzCT", "MolLogP", "MolWt", "TPSA")
COUNTED = ("NumHAcceptors", "NumHDonors", "NumRotatableBonds", "NumAliphaticRings", "NumAromaticRings")
SIMILARITY = "internal_similarity"
POINTS, BINS, LEAST = 1000, 10, 1e-10
_GENERATOR = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=4096)


class KLScore(Metric):
    """GuacaMol's KL score: mean over ten properties of exp(-KL(reference || samples)), in (0, 1], 1 for the same.

    The properties are BertzCT, MolLogP, MolWt, TPSA and the similarity of each molecule to its nearest neighbour among
    its own (Tanimoto, ECFP4 of 4096 bits), by Gaussian kernel densities at 1,000 points; and the numbers of acceptors,
    donors, rotatable bonds, aliphatic and aromatic rings, by ten bins over the range of the reference. Of unique valid
    molecules, as many of the reference as of the samples; n counts those of each. ``kl_score/<property>`` is the
    divergence of one, in nats. A property that does not vary in one of the two has no density, so nothing is reported.
    """

    name: ClassVar[str] = "kl_score"
    requires: ClassVar[frozenset[str]] = frozenset({"reference_sample"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Brown et al., GuacaMol, J. Chem. Inf. Model. 59 (2019), arXiv 1811.09621"
    scales: ClassVar[Scales] = {"kl_score": SHARE, "kl_score/*": Scale("minimise", "nats", best=0.0)}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        known = samples.reference_sample
        n = 0 if known is None else min(len(samples.unique), len(known.unique))
        if known is None or n < 2:
            return {self.name: Reading.missing(f"needs two different molecules on both sides, has {n}")}
        baseline, sampled = (_properties(_some(part, n)) for part in (known, samples))
        divergences = {}
        for name in (*CONTINUOUS, *COUNTED, SIMILARITY):
            if name in COUNTED:
                divergences[name] = counted_divergence(baseline[name], sampled[name])
                continue
            if still := [what for what, p in (("reference", baseline), ("samples", sampled)) if not np.ptp(p[name])]:
                return {self.name: Reading.missing(f"{name} is the same for all molecules of the {still[0]}")}
            divergences[name] = continuous_divergence(baseline[name], sampled[name])
        score = float(np.mean([np.exp(-value) for value in divergences.values()]))
        parts = {f"{self.name}/{name}": Reading(value, count=n) for name, value in divergences.items()}
        return {self.name: Reading(score, count=n), **parts}


def continuous_divergence(baseline: np.ndarray, sampled: np.ndarray) -> float:
    """KL of two samples [n] and [m] in nats, by Gaussian kernel densities (Scott's rule) at points over both ranges."""
    both = np.concatenate([baseline, sampled])
    points = np.linspace(both.min(), both.max(), POINTS)
    p, q = (stats.gaussian_kde(x)(points) + LEAST for x in (baseline, sampled))
    return float(stats.entropy(p, q))


def counted_divergence(baseline: np.ndarray, sampled: np.ndarray) -> float:
    """KL of two samples [n] and [m] in nats, by ten bins over the range of the first.

    What lies outside of it is not counted, as in the authors' code.
    """
    p, edges = np.histogram(baseline, bins=BINS)
    q, _ = np.histogram(sampled, bins=edges)
    if not q.any():
        return float(stats.entropy(p + LEAST * p.sum(), np.ones(BINS)))  # nothing inside: even, after their floor
    width = edges[1] - edges[0]
    return float(stats.entropy(p / (p.sum() * width) + LEAST, q / (q.sum() * width) + LEAST))


def _some(samples: Samples, n: int) -> list[Chem.Mol]:
    """``n`` of the unique molecules, drawn by a fixed seed: those of a reference may lie in some order."""
    rows = np.random.default_rng(0).permutation(np.sort(samples.unique))[:n]
    return [samples.objects[row].mol for row in rows.tolist()]


def _properties(mols: list[Chem.Mol]) -> dict[str, np.ndarray]:
    """Each property of each molecule, float64 [n]."""
    found = {
        name: np.array([getattr(Descriptors, name)(mol) for mol in mols], dtype=np.float64)
        for name in (*CONTINUOUS, *COUNTED)
    }
    bits = [_GENERATOR.GetFingerprint(mol) for mol in mols]
    nearest = np.zeros(len(bits))
    for i in range(1, len(bits)):
        similarity = np.array(DataStructs.BulkTanimotoSimilarity(bits[i], bits[:i]))
        nearest[i] = similarity.max()
        nearest[:i] = np.maximum(nearest[:i], similarity)
    return {**found, SIMILARITY: nearest}
