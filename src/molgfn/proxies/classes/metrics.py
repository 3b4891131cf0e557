"""How good probabilities of labels are: likelihood, calibration, ranking and decisions at one half."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from molgfn.proxies.calibration import auroc
from molgfn.proxies.classes.uncertainty import of_members

#: bins of equal width of the expected calibration error
BINS = 10
#: least probability that a likelihood is taken of, so that it is finite
LEAST = 1e-12


@dataclass(frozen=True)
class ClassMetrics:
    """Of the n molecules of one part; NaN where it is not defined (one label only, one decision only).

    Attributes:
        n: molecules.
        positives: how many have the label 1.
        nll: mean negative log likelihood of the labels, in nats; .693 of a coin.
        brier: mean squared difference of probability and label, in [0, 1]; .25 of a coin.
        ece: expected calibration error, in [0, 1].
        accuracy: share of labels that are told right, 1 from a probability of one half on.
        balanced_accuracy: mean over the two labels of the share that is told right.
        mcc: correlation of told and true labels (Matthews), in [-1, 1].
        auroc: probability that a molecule of label 1 has the larger probability than one of label 0, equal ones counted
            half.
        auprc: area under the curve of precision over recall (average precision); the share of positives by chance.
    """

    n: int
    positives: int
    nll: float
    brier: float
    ece: float
    accuracy: float
    balanced_accuracy: float
    mcc: float
    auroc: float
    auprc: float


@dataclass(frozen=True)
class ClassCalibration(ClassMetrics):
    """The same, and whether molecules from outside are told apart; NaN where none were given.

    Attributes:
        ood_auroc_entropy: probability that a molecule from outside has the larger entropy of its label than one of
            the n, equal ones counted half.
        ood_auroc_information: the same of the mutual information of label and posterior member.
        outside: molecules from outside.
    """

    ood_auroc_entropy: float
    ood_auroc_information: float
    outside: int


def measure_classes(labels: np.ndarray, probability: np.ndarray) -> ClassMetrics:
    """Metrics of probabilities of label 1 [n] of molecules with ``labels`` [n], 0 or 1; n >= 1."""
    positive = labels > 0
    told = probability >= 0.5
    return ClassMetrics(
        n=len(labels),
        positives=int(positive.sum()),
        nll=negative_log_likelihood(labels, probability),
        brier=float(((probability - labels) ** 2).mean()),
        ece=binned_calibration_error(labels, probability),
        accuracy=float((told == positive).mean()),
        balanced_accuracy=balanced_accuracy(positive, told),
        mcc=matthews(positive, told),
        auroc=auroc(probability[positive], probability[~positive]),
        auprc=average_precision(positive, probability),
    )


def judge_classes(labels: np.ndarray, members: np.ndarray, outside: np.ndarray | None = None) -> ClassCalibration:
    """All numbers of ``ClassCalibration``.

    Args:
        labels: 0 or 1, [n], n >= 1.
        members: probability of label 1 by each posterior member, [S, n].
        outside: the same of molecules that are unlike those of training, [S, m]; None: of none.
    """
    own = of_members(members)
    away = None if outside is None else of_members(outside)
    nothing = float("nan")
    return ClassCalibration(
        **asdict(measure_classes(labels, own.probability)),
        ood_auroc_entropy=nothing if away is None else auroc(away.entropy, own.entropy),
        ood_auroc_information=nothing if away is None else auroc(away.mutual_information, own.mutual_information),
        outside=0 if outside is None else outside.shape[1],
    )


def negative_log_likelihood(labels: np.ndarray, probability: np.ndarray) -> float:
    """Mean of -log p(label), in nats; probabilities are taken as at least ``LEAST``."""
    right = np.where(labels > 0, probability, 1 - probability)
    return float(-np.log(np.maximum(right, LEAST)).mean())


def binned_calibration_error(labels: np.ndarray, probability: np.ndarray) -> float:
    """Mean over the molecules of |share of label 1 - mean probability| of their bin, of ten bins of equal width of the
    probability of label 1.

    Reference: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; Guo et al.,
        ICML 2017, arXiv 1706.04599, equation 3, there of the probability of the label that is told.
    """
    which = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    differences = np.bincount(which, weights=labels - probability, minlength=BINS)
    return float(np.abs(differences).sum() / len(labels))


def balanced_accuracy(positive: np.ndarray, told: np.ndarray) -> float:
    """Mean over the two labels of the share that is told right; NaN with one label only; bool [n] both."""
    if positive.all() or not positive.any():
        return float("nan")
    return float((told[positive].mean() + (~told[~positive]).mean()) / 2)


def matthews(positive: np.ndarray, told: np.ndarray) -> float:
    """Correlation of two bool [n]; NaN where one of them is constant.

    Reference: Matthews 1975, doi:10.1016/0005-2795(75)90109-9.
    """
    spread = float(positive.std() * told.std())
    if spread == 0:
        return float("nan")
    return float(((positive & told).mean() - positive.mean() * told.mean()) / spread)


def average_precision(positive: np.ndarray, score: np.ndarray) -> float:
    """Sum over thresholds of precision times what recall gains, equal scores together; NaN without positives.

    Args:
        positive: bool [n].
        score: more is more likely, [n].

    Reference: as scikit-learn's ``average_precision_score``, without interpolation.
    """
    total = int(positive.sum())
    if not total:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # last molecule of each threshold
    hits = positive[order].cumsum()[ends]
    gains = np.diff(hits, prepend=0) / total
    return float((gains * hits / (ends + 1)).sum())
