"""A proxy judged by judgements of pairs: those of its own file by part, or others."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from molgfn.proxies.base import FittedProxy
from molgfn.proxies.classes.metrics import LEAST
from molgfn.proxies.pairs.judgements import Judgements
from molgfn.proxies.pairs.metrics import PairMetrics, measure_pairs, slope
from molgfn.proxies.splits import Parts


def pair_metrics(scores: np.ndarray, judgements: Judgements, parts: Parts) -> dict[str, PairMetrics]:
    """Metrics of each part that has judgements, from scores of the M molecules [M]."""
    rows = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    margin = scores[judgements.chosen] - scores[judgements.rejected]
    size = _size_margin(judgements, parts.train)
    labels, weights = judgements.labels, judgements.weights
    return {k: measure_pairs(margin[r], size[r], labels[r], weights[r]) for k, r in rows.items() if len(r)}


def evaluate_pairs(proxy: FittedProxy, judgements: Judgements) -> dict[str, PairMetrics]:
    """Metrics by part where the judgements are those that the proxy was fitted to, else of ``all`` of them.

    A proxy of a table of numbers can be judged, too: by its direction, as if its units were nats; of labels it is the
    log odds of 1. The baseline of ``all`` is fitted to these judgements themselves, which is in its favour.
    """
    card, made = proxy.card, proxy.card.settings
    mols = [molecule.mol for molecule in judgements.molecules if molecule.mol is not None]
    mean = proxy.predict(mols)[0]
    mean = logit(mean.clip(LEAST, 1 - LEAST)) if card.task == "classification" else mean
    scores = mean * (1 if card.direction == "maximise" else -1)
    same = card.data.get("sha256") == judgements.sha256 and card.data.get("pairs") == len(judgements)
    if same:
        own = {name: made[name] for name in ("validation", "test", "seed")}
        return pair_metrics(scores, judgements, judgements.parts(kind=made["split"], **own))
    margin = scores[judgements.chosen] - scores[judgements.rejected]
    size = _size_margin(judgements, np.arange(len(judgements)))
    return {"all": measure_pairs(margin, size, judgements.labels, judgements.weights)}


def _size_margin(judgements: Judgements, fitted: np.ndarray) -> np.ndarray:
    """Log-odds by the number of heavy atoms alone, its slope fitted to the rows ``fitted``; [N]."""
    atoms = [m.mol.GetNumHeavyAtoms() for m in judgements.molecules if m.mol is not None]
    sizes = np.array(atoms, dtype=np.float64)
    difference = sizes[judgements.chosen] - sizes[judgements.rejected]
    return slope(difference[fitted], judgements.labels[fitted], judgements.weights[fitted]) * difference
