"""Whether stated uncertainties are right: likelihood, calibration of intervals, and telling strangers apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm, rankdata

#: probabilities of the central intervals that ``expected_calibration_error`` looks at
LEVELS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class Calibration:
    """Of normal predictions N(mean, std^2) of n truths.

    Attributes:
        n: molecules.
        rmse: root mean square error, in units of the property.
        nll: mean of -log N(truth; mean, std^2) in nats, of the property in its units.
        ece: expected calibration error of central intervals, in [0, .5).
        miscalibration_area: area between calibration curve and diagonal, in [0, .5].
        ood_auroc: probability that a molecule from outside has the larger stated standard deviation than one of the n,
            equal ones counted half; NaN where none were given.
        outside: molecules from outside.
    """

    n: int
    rmse: float
    nll: float
    ece: float
    miscalibration_area: float
    ood_auroc: float
    outside: int


def judge(truth: np.ndarray, mean: np.ndarray, std: np.ndarray, outside: np.ndarray | None = None) -> Calibration:
    """All numbers of ``Calibration``.

    Args:
        truth: [n], n >= 1.
        mean: of the prediction, [n].
        std: its stated standard deviation, more than 0, [n].
        outside: stated standard deviations of molecules that are unlike those of training, [m]; None: of none.
    """
    central = central_probability(truth, mean, std)
    return Calibration(
        n=len(truth),
        rmse=float(np.sqrt(((mean - truth) ** 2).mean())),
        nll=negative_log_likelihood(truth, mean, std),
        ece=expected_calibration_error(central),
        miscalibration_area=miscalibration_area(central),
        ood_auroc=float("nan") if outside is None else auroc(outside, std),
        outside=0 if outside is None else len(outside),
    )


def negative_log_likelihood(truth: np.ndarray, mean: np.ndarray, std: np.ndarray) -> float:
    """Mean of -log N(truth; mean, std^2), in nats."""
    return float(-norm.logpdf(truth, mean, std).mean())


def central_probability(truth: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Probability of the smallest central interval of N(mean, std^2) that holds the truth, [n] in [0, 1]; uniform where
    the prediction is right.
    """
    return 2 * ndtr(np.abs(truth - mean) / std) - 1


def expected_calibration_error(central: np.ndarray) -> float:
    """Mean over p = .05, .10 ... .95 of |share of truths in their central p interval - p|.

    Args:
        central: of ``central_probability``, [n].

    Reference: Kuleshov et al., "Accurate uncertainties for deep learning using calibrated regression", ICML 2018, arXiv
        1807.00263, equation 9, with absolute values and equal weights.
    """
    within = (central[:, None] <= LEVELS).mean(0)
    return float(np.abs(within - LEVELS).mean())


def miscalibration_area(central: np.ndarray) -> float:
    """Integral over p in [0, 1] of |share of truths in their central p interval - p|, exactly.

    Args:
        central: of ``central_probability``, [n].

    Reference: Tran et al., "Methods for comparing uncertainty quantifications for material property predictions", Mach.
        Learn.: Sci. Technol. 1, 025006 (2020), doi:10.1088/2632-2153/ab7e1a.
    """
    ends = np.concatenate([[0.0], np.sort(central), [1.0]])
    share = np.arange(len(ends) - 1) / max(1, len(central))  # between one end and the next
    low, high = ends[:-1] - share, ends[1:] - share
    # the integral of |u| from low to high
    return float(0.5 * np.abs(high * np.abs(high) - low * np.abs(low)).sum())


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """P(positive > negative) + P(equal) / 2 of one number of each, the area under the ROC curve; NaN without either.

    Reference: Mann and Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    m, n = len(positive), len(negative)
    if not m or not n:
        return float("nan")
    ranks = rankdata(np.concatenate([positive, negative]))
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
