"""How good predictions are, and what their stated uncertainty is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molgfn.correlations import spearman


@dataclass(frozen=True)
class Metrics:
    """Of the n molecules of one part; NaN where it is not defined (one molecule, a constant).

    Attributes:
        n: molecules.
        rmse: root mean square error, in units of the property.
        mae: mean absolute error.
        r2: 1 - squared error / squared deviation from the part's mean.
        spearman: rank correlation of prediction and truth.
        std: root mean square of the stated standard deviations; equal to ``rmse`` where they are right on average.
        within_one: share of truths within one stated standard deviation of the prediction; 0.683 if errors are normal.
        within_two: within two; 0.954.
        std_spearman: rank correlation of absolute error and stated standard deviation: whether it says which
            predictions are bad.
    """

    n: int
    rmse: float
    mae: float
    r2: float
    spearman: float
    std: float
    within_one: float
    within_two: float
    std_spearman: float


def measure(truth: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Metrics:
    """Metrics of predictions ``mean`` with standard deviations ``std`` of ``truth``, all [n], n >= 1."""
    error = np.abs(mean - truth)
    spread = ((truth - truth.mean()) ** 2).sum()
    return Metrics(
        n=len(truth),
        rmse=float(np.sqrt((error**2).mean())),
        mae=float(error.mean()),
        r2=float(1 - (error**2).sum() / spread) if spread > 0 else float("nan"),
        spearman=spearman(mean, truth),
        std=float(np.sqrt((std**2).mean())),
        within_one=float((error <= std).mean()),
        within_two=float((error <= 2 * std).mean()),
        std_spearman=spearman(error, std),
    )


def std_factor(truth: np.ndarray, mean: np.ndarray, std: np.ndarray) -> float:
    """What the standard deviations must be multiplied by so that their mean square is that of the errors.

    Members of an ensemble agree more with each other than with the truth, so it is usually above 1. Unlike the factor
    of maximum likelihood it does not hang on the few molecules on which the members happen to agree.
    """
    square = float((std**2).mean())
    error = float(((truth - mean) ** 2).mean())
    return float(np.sqrt(error / square)) if square > 0 and error > 0 else 1.0
