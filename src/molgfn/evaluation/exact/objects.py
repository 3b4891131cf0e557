"""The finished objects of a space that can be listed, without their rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.environments.enumeration import StateGraph, enumerate_states


@dataclass(frozen=True)
class ListedObjects:
    """K different objects, and which of the M states stop at which of them.

    Attributes:
        graph: all states and edges.
        keys: K object keys, each once.
        objects: int64 [M], index into ``keys``; -1 where stop is illegal.
        ends: int64 [L], the states in which stop is legal.
        made: the batch of objects that these L states stand for.
        first: int64 [K], the first of the L that is each object.
    """

    graph: StateGraph
    keys: list[str]
    objects: Tensor
    ends: Tensor
    made: Any
    first: Tensor

    def by_object(self, log_terminal: Tensor) -> Tensor:
        """Probability of every object [K] from log P_T of every state [M]."""
        return by_object(self.objects, len(self.keys), log_terminal)


def list_objects(environment: Environment, *, limit: int = 200_000) -> ListedObjects:
    """All states, and the different objects among those that may stop.

    Raises:
        NotEnumerableError: the space cannot be listed, or has more than ``limit`` states.
    """
    graph = enumerate_states(environment, limit)
    ends = torch.nonzero(graph.can_stop).squeeze(1)
    made = environment.objects(graph.states[ends])
    names = environment.kind.keys(made)
    position: dict[str, int] = {}
    index = torch.tensor([position.setdefault(name, len(position)) for name in names], dtype=torch.int64)
    first = torch.full((len(position),), len(names)).scatter_reduce(0, index, torch.arange(len(names)), "amin")
    owner = torch.full((len(graph),), -1, dtype=torch.int64)
    owner[ends] = index
    return ListedObjects(graph, list(position), owner, ends, made, first)


def by_object(objects: Tensor, number: int, log_terminal: Tensor) -> Tensor:
    """Probability of each of ``number`` objects, float64, from ``objects`` and log P_T of every state, [M] both."""
    ends = objects >= 0
    p = torch.zeros(number, dtype=torch.float64)
    return p.index_add(0, objects[ends], log_terminal.double()[ends].exp())
