"""Scores of DAGs that are sums over nodes of a function of the node and its parents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.dag import DAG
from molgfn.oracles.base import Oracle
from molgfn.oracles.bayesian_networks.observations import Observations


class LocalScores(Oracle):
    """log P(observations | G) - log P(observations | no edge), a sum over nodes j of s(j, Pa(j)) - s(j, {}).

    With a uniform prior over DAGs and R = exp(value) (``reward=boltzmann``), R / Z is the posterior. Each s(j, Pa) is
    computed once.

    Args:
        nodes: n, equal to that of the environment.
        observations: of the n variables.
    """

    kind: ClassVar[ObjectKind] = DAG
    range: ClassVar[tuple[float, float]] = (-float("inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    units: ClassVar[str] = "nat"

    def __init__(self, *, nodes: int, observations: Observations) -> None:
        self.nodes = nodes
        self.observations = observations
        self.rows = observations.read()
        if self.rows.shape[1] != nodes:
            raise ConfigError(f"observations: of {self.rows.shape[1]} variables, but the graphs have nodes={nodes}")
        self._known: dict[tuple[int, int], float] = {}

    @abstractmethod
    def local(self, node: int, parents: list[int]) -> float:
        """s(node, parents) in nats."""

    @property
    def files(self) -> tuple[Path, ...]:
        return self.observations.files

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Of each DAG, float64 [B]; ``objects`` is bool [B, n, n] (a tensor on the CPU, or an array)."""
        graphs = np.asarray(objects)
        if graphs.ndim != 3 or graphs.shape[1:] != (self.nodes, self.nodes):
            raise DataError(
                f"oracle {self.name}: got graphs of shape {graphs.shape}; it takes [B, {self.nodes}, {self.nodes}] "
                f"(nodes={self.nodes})"
            )
        total = np.zeros(len(graphs))
        weights = 2 ** np.arange(self.nodes, dtype=np.int64)
        for node in range(self.nodes):
            sets, which = np.unique(graphs[:, :, node].astype(np.int64) @ weights, return_inverse=True)
            total += np.array([self._gain(node, int(parents)) for parents in sets])[which] if len(sets) else 0.0
        return total

    def _gain(self, node: int, parents: int) -> float:
        """s(node, parents) - s(node, {}); the parents are the bits of the number."""
        if (node, parents) not in self._known:
            of = [k for k in range(self.nodes) if parents >> k & 1]
            self._known[node, parents] = self.local(node, of) - self.local(node, []) if of else 0.0
        return self._known[node, parents]
