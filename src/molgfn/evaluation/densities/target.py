"""The target of a space with real coordinates: log Z by quadrature or as the oracle knows it, and masses of bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.environments.conditional import without_condition
from molgfn.environments.real_actions import RealActions
from molgfn.oracles.continuous.base import PointOracle
from molgfn.rewards.base import Reward
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power
from molgfn.serving.measurements import Measurements

#: bins along each coordinate, by the number of coordinates; of more than three nothing is binned
BINS = {1: 50, 2: 20, 3: 8}


@dataclass(frozen=True)
class DensityTarget:
    """What is known of R over all finished objects.

    Attributes:
        log_z: log of the integral of R over the reference measure of finished objects.
        how: where it comes from, in words.
        nodes: float64 [M, d], where R was evaluated; None without a quadrature.
        mass: float64 [M], share of Z at each node.
        bounds: (low, high) of each coordinate; None where they are not bounded.
    """

    log_z: float
    how: str
    nodes: np.ndarray | None = None
    mass: np.ndarray | None = None
    bounds: tuple[tuple[float, float], ...] | None = None

    def binned(self, points: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray | None:
        """Shares of points [N, d] (with weights [N]) in equal bins; None where there are too many coordinates."""
        if self.bounds is None or len(self.bounds) not in BINS:
            return None
        counts, _ = np.histogramdd(points, bins=BINS[len(self.bounds)], range=self.bounds, weights=weights)
        return counts / counts.sum()

    @property
    def bins(self) -> np.ndarray | None:
        """Masses of the bins; None where there are none."""
        return None if self.nodes is None else self.binned(self.nodes, self.mass)


def density_target(environment: Environment, reward: Reward, limit: int) -> DensityTarget | str:
    """The target in an environment without a condition, or why it is not known.

    Args:
        environment: builds the objects.
        reward: R; asked at the nodes of a quadrature. That counts as calls of this evaluation, but for a
            ``PointOracle``, which is a formula and asked itself.
        limit: most nodes; 0 for no quadrature.
    """
    space = without_condition(environment)
    if not isinstance(space, RealActions):
        return "its objects have no real coordinates"
    if reward.reads:
        return f"R depends on {', '.join(sorted(reward.reads))}"
    known = _known(reward)
    grid = space.quadrature(limit) if limit else None
    if grid is None:
        if known is None:
            return "there is no quadrature of so many coordinates, and the oracle does not know its integral"
        return DensityTarget(known, "as the oracle knows it", bounds=space.bounds)
    nodes, log_weight = grid
    log_mass = _log_reward(reward, space, nodes).double() + log_weight
    log_z = float(torch.logsumexp(log_mass, 0))
    return DensityTarget(
        log_z if known is None else known,
        f"by quadrature over {len(nodes)} points" if known is None else "as the oracle knows it",
        nodes.numpy(),
        (log_mass - log_z).exp().numpy(),
        space.bounds,
    )


def _log_reward(reward: Reward, space: RealActions, nodes: Tensor) -> Tensor:
    """log R of nodes [M]."""
    oracle = getattr(reward, "oracle", None)
    if isinstance(oracle, PointOracle):
        values = {oracle.name: torch.from_numpy(oracle.values(nodes))}  # type: ignore[arg-type]
        return reward.log_reward(Measurements(values, [None] * len(nodes)))
    return reward(nodes, space.kind.keys(nodes), {}).log_reward


def _known(reward: Reward) -> float | None:
    """log Z where R is the oracle's density itself."""
    oracle = getattr(reward, "oracle", None)
    if not isinstance(oracle, PointOracle) or (integral := oracle.log_integral()) is None:
        return None
    plain = getattr(reward, "transform", None) is None and getattr(reward, "beta", None) == 1
    if plain and isinstance(reward, Boltzmann) and oracle.logarithmic and reward.sign == 1:
        return integral
    if plain and isinstance(reward, Power) and not oracle.logarithmic:
        return integral - math.log(reward.scale)
    return None
