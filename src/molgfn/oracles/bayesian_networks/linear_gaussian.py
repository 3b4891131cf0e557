"""The marginal likelihood of a linear-Gaussian Bayesian network with known noise."""

from __future__ import annotations

from math import log, pi
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat

from molgfn.oracles.bayesian_networks.local_scores import LocalScores
from molgfn.oracles.bayesian_networks.observations import Observations


class LinearGaussian(LocalScores):
    """Log marginal likelihood where weights are N(0, weight_scale^2) and the noise is known, less that of no edge.

    Each variable is the weighted sum of its parents plus noise N(0, noise^2); the weights are integrated out. Markov-
    equivalent DAGs differ.

    Args:
        nodes: n, equal to that of the environment.
        observations: of the n variables.
        noise: standard deviation of the noise.
        weight_scale: standard deviation of the weights before anything was observed.

    Reference:
        Deleu et al., "Joint Bayesian inference of graphical structure and parameters with a single generative flow
        network", NeurIPS 2023, arXiv 2305.19366.
    """

    name: ClassVar[str] = "linear_gaussian"
    source: ClassVar[str] = "arXiv 2305.19366"

    def __init__(
        self,
        *,
        nodes: Annotated[int, Field(ge=2)] = 5,
        observations: Observations,
        noise: PositiveFloat = 0.1,
        weight_scale: PositiveFloat = 1.0,
    ) -> None:
        super().__init__(nodes=nodes, observations=observations)
        self.noise, self.weight_scale = noise, weight_scale

    def local(self, node: int, parents: list[int]) -> float:
        n, y, x = len(self.rows), self.rows[:, node], self.rows[:, parents]
        variance, k = self.noise**2, len(parents)
        # N(y; 0, noise^2 I + scale^2 X X'), by way of the k x k matrix of the weights' posterior
        precision = x.T @ x / variance + np.eye(k) / self.weight_scale**2
        weights = np.linalg.solve(precision, x.T @ y / variance)
        log_det = n * log(variance) + 2 * k * log(self.weight_scale) + float(np.linalg.slogdet(precision)[1])
        square = float(y @ y / variance - (x.T @ y / variance) @ weights)
        return -0.5 * (n * log(2 * pi) + log_det + square)
