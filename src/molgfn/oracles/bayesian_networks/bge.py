"""The BGe score of a Gaussian Bayesian network."""

from __future__ import annotations

from math import lgamma, log, pi
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat

from molgfn.errors import ConfigError
from molgfn.oracles.bayesian_networks.local_scores import LocalScores
from molgfn.oracles.bayesian_networks.observations import Observations


class BGe(LocalScores):
    """Log marginal likelihood under a normal-Wishart prior, the same for Markov-equivalent DAGs, less that of no edge.

    The prior has mean 0, weight ``alpha_mu``, ``alpha_w`` degrees of freedom and the matrix t I with t = alpha_mu
    (alpha_w - n - 1) / (alpha_mu + 1).

    Args:
        nodes: n, equal to that of the environment.
        observations: of the n variables.
        alpha_mu: how many observations the prior's mean counts for.
        alpha_w: degrees of freedom, more than n + 1; None for n + 2.

    Reference:
        Geiger and Heckerman, "Learning Gaussian networks", UAI 1994; Kuipers, Moffa and Heckerman, "Addendum on the
        scoring of Gaussian directed acyclic graphical models", Annals of Statistics 42 (2014), arXiv 1402.6863.
    """

    name: ClassVar[str] = "bge"
    source: ClassVar[str] = "arXiv 1402.6863"

    def __init__(
        self,
        *,
        nodes: Annotated[int, Field(ge=2)] = 5,
        observations: Observations,
        alpha_mu: PositiveFloat = 1.0,
        alpha_w: PositiveFloat | None = None,
    ) -> None:
        super().__init__(nodes=nodes, observations=observations)
        self.alpha_mu, self.alpha_w = alpha_mu, nodes + 2.0 if alpha_w is None else alpha_w
        if self.alpha_w <= nodes + 1:
            raise ConfigError(f"alpha_w: {self.alpha_w:g}; it must be more than nodes + 1, which is {nodes + 1}")
        n, mean = len(self.rows), self.rows.mean(0)
        centred = self.rows - mean
        self._t = alpha_mu * (self.alpha_w - nodes - 1) / (alpha_mu + 1)
        shift = n * alpha_mu / (n + alpha_mu) * np.outer(mean, mean)
        self._scatter = self._t * np.eye(nodes) + centred.T @ centred + shift

    def _log_det(self, nodes: list[int]) -> float:
        return float(np.linalg.slogdet(self._scatter[np.ix_(nodes, nodes)])[1]) if nodes else 0.0

    def local(self, node: int, parents: list[int]) -> float:
        n, k, mu = len(self.rows), len(parents), self.alpha_mu
        free = self.alpha_w - self.nodes + k  # degrees of freedom of the node with its parents, less 1
        return (
            0.5 * log(mu / (n + mu))
            + lgamma(0.5 * (n + free + 1))
            - lgamma(0.5 * (free + 1))
            - 0.5 * n * log(pi)
            + 0.5 * (free + k + 1) * log(self._t)
            + 0.5 * (n + free) * self._log_det(parents)
            - 0.5 * (n + free + 1) * self._log_det([*parents, node])
        )
