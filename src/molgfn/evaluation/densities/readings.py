"""The comparison of samples with the density that they should have, as named readings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from molgfn.environments.base import Environment
from molgfn.environments.real_actions import RealActions
from molgfn.evaluation.densities.target import DensityTarget, density_target
from molgfn.evaluation.log_partition import prediction, untargeted
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.readings import Reading
from molgfn.objectives.base import Objective
from molgfn.objects.capabilities import HasPoints
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward

#: draws of as many exact samples, for what their distance from the target would be
EXACT_DRAWS = 20


@dataclass(frozen=True)
class DensityMap:
    """Shares of the target and of samples in the same bins, for a picture of two coordinates.

    Attributes:
        bounds: (low, high) of each of two coordinates.
        target: float64 [n, n].
        samples: float64 [n, n].
    """

    bounds: tuple[tuple[float, float], ...]
    target: np.ndarray
    samples: np.ndarray

    def plain(self) -> dict[str, Any]:
        """For a JSON file."""
        return {"bounds": self.bounds, "target": self.target.tolist(), "samples": self.samples.tolist()}


def density_readings(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    samples: Samples,
    *,
    limit: int,
    objective: Objective | type[Objective] | None = None,
    seed: int = 0,
) -> tuple[DensityMap | None, dict[str, Reading]]:
    """``density/log_z`` and its like; nothing in spaces without real coordinates.

    ``density/log_z_error`` is what the policy says of log Z less log Z, ``density/importance_error`` the same of the
    estimate by importance weights; ``density/jsd`` the Jensen-Shannon divergence between shares of bins of samples and
    target, ``density/jsd_exact`` its mean for as many exact samples, which is what noise alone makes of it.

    Args:
        environment: builds the objects.
        policy: what is measured.
        reward: R.
        samples: drawn from it, with log weights.
        limit: most nodes of a quadrature; 0 for none.
        objective: what the policy was trained with, see ``log_partition``.
        seed: of the exact samples.
    """
    if not isinstance(environment, RealActions) or not isinstance(samples.kind, HasPoints):
        return None, {}
    if (reason := untargeted(objective)) is not None:
        return None, {"density/log_z": Reading.missing(reason)}
    target = density_target(environment, reward, limit)
    if isinstance(target, str):
        return None, {"density/log_z": Reading.missing(target)}
    out = {"density/log_z": Reading(target.log_z, note=target.how)}
    predicted = prediction(policy, objective)
    out["density/log_z_error"] = (
        Reading.missing("the policy is taught no log Z, or by what is not known")
        if predicted is None
        else Reading(predicted(environment) - target.log_z)
    )
    if samples.log_weight is not None and len(samples.log_weight):
        weight = samples.log_weight
        estimate = float(np.logaddexp.reduce(weight) - np.log(len(weight)))
        out["density/importance_error"] = Reading(estimate - target.log_z, count=len(weight))
    shown, of_bins = _binned(target, samples, samples.kind, seed)
    return shown, out | of_bins


def _binned(
    target: DensityTarget, samples: Samples, kind: HasPoints, seed: int
) -> tuple[DensityMap | None, dict[str, Reading]]:
    points = kind.points(samples.objects)
    expected, found = target.bins, target.binned(points)
    if expected is None or found is None or target.bounds is None:
        return None, {"density/jsd": Reading.missing("there are bins for up to three bounded coordinates only")}
    n, p = len(points), expected.ravel()
    exact = np.random.default_rng(seed).multinomial(n, p / p.sum(), size=EXACT_DRAWS) / n
    noise = Reading.mean(np.array([_jsd(p, row) for row in exact]))
    readings = {
        "density/jsd": Reading(_jsd(p, found.ravel()), count=n),
        "density/jsd_exact": replace(noise, note=f"of {n} exact samples, {EXACT_DRAWS} times"),
    }
    return DensityMap(target.bounds, expected, found) if len(target.bounds) == 2 else None, readings


def _jsd(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence in nats."""
    m = (p + q) / 2
    return float(sum(0.5 * np.sum(x[x > 0] * np.log(x[x > 0] / m[x > 0])) for x in (p, q)))
