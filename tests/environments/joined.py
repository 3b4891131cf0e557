"""Nodes that carry a number, joined pair by pair by edges of two types: a tiny graph environment of a stranger."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.graphs import GraphSpec
from molgfn.environments.plain_graphs import PlainGraphs
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GridKind

TYPES = 2


@dataclass(frozen=True)
class Joins(States):
    """``kind``: int64 [B, pairs], 0: not joined, else 1 + the type of the edge."""

    kind: Tensor


class Joined(ListedActions, Enumerable):
    """Nodes with fixed real numbers; each step joins a pair of them, a backward step takes an edge away.

    Forward action 0 stops, ``1 + pair * 2 + type`` joins; backward action ``pair`` takes its edge away. Nodes with the
    same number are alike: graphs that differ by them only are one object (``kind``s [pairs] of its first one). An edge
    of type t shows t and, as a real number, 1 / (1 + t).

    Args:
        numbers: of the nodes.
        shown: what removals are shown as: edges, or the pairs of their ends.
    """

    kind: ClassVar[ObjectKind] = GridKind()
    encoding: ClassVar[str] = "graph"
    stops_everywhere = True

    def __init__(self, numbers=(0.0, 0.0, 1.0), shown: Literal["edge", "pair"] = "edge"):
        self.numbers = torch.tensor(numbers)
        self.shown = shown
        n = len(numbers)
        self.pairs = torch.combinations(torch.arange(n), 2)
        m = len(self.pairs)
        self.n_actions, self.n_backward_actions, self.stop_action = 1 + m * TYPES, m, 0
        self.max_steps = m + 1
        self.spec = GraphSpec(
            node_types=1,
            labels=1,
            relations=1,
            where=1 + m,
            options=TYPES,
            option_label=tuple(range(TYPES)),
            max_nodes=n,
            removals=m,
            node_features=1,
            edge_types=TYPES,
            edge_features=1,
            sites=frozenset({"pair"}),
            removed=frozenset({shown}),
        )
        number = {tuple(p): i for i, p in enumerate(self.pairs.tolist())}
        #: int64 [symmetries, pairs]: where each pair goes under the symmetries of the nodes
        self.images = torch.tensor(
            [
                [number[tuple(sorted((image[a], image[b])))] for a, b in self.pairs.tolist()]
                for image in itertools.permutations(range(n))
                if all(numbers[i] == numbers[image[i]] for i in range(n))
            ]
        )

    def initial(self, n, device="cpu"):
        return Joins(torch.zeros(n, len(self.pairs), dtype=torch.int64, device=device))

    def step(self, states, actions):
        pair, kind = (actions - 1).clamp(min=0) // TYPES, (actions - 1) % TYPES
        joined = states.kind.scatter(1, pair[:, None], 1 + kind[:, None])
        return Joins(torch.where((actions == 0)[:, None], states.kind, joined))

    def undo(self, states, backward_actions):
        return Joins(states.kind.scatter(1, backward_actions[:, None], 0))

    def forward_mask(self, states):
        free = (states.kind == 0).repeat_interleave(TYPES, 1)
        return torch.cat([torch.ones_like(free[:, :1]), free], 1)

    def backward_mask(self, states):
        return states.kind > 0

    def backward_action(self, states, actions, next_states):
        return (actions - 1).clamp(min=0) // TYPES

    def forward_action(self, states, backward_actions, previous):
        return 1 + backward_actions * TYPES + states.kind.gather(1, backward_actions[:, None]).squeeze(1) - 1

    def is_initial(self, states):
        return (states.kind == 0).all(1)

    def encode(self, states, padded=None):
        b, n, m = len(states), len(self.numbers), len(self.pairs)
        joined = states.kind > 0
        kind = (states.kind - 1).clamp(min=0)
        none, slot = torch.full((m, 1), -1), torch.arange(m)[:, None]
        as_pair = torch.cat([self.pairs, none], 1)
        removals = torch.cat([none, none, slot], 1) if self.shown == "edge" else as_pair
        return PlainGraphs(
            node_mask=torch.ones(b, n, dtype=torch.bool),
            node_features=self.numbers.expand(b, n)[..., None],
            edges=self.pairs.expand(b, m, 2),
            edge_mask=joined,
            edge_type=kind,
            edge_features=(1 / (1 + kind))[..., None],
            sites=as_pair.expand(b, m, 3),
            site_mask=~joined,
            removals=removals.expand(b, m, 3),
            removal_mask=joined,
            stop_mask=torch.ones(b, dtype=torch.bool),
            option_mask=torch.ones(1, TYPES, dtype=torch.bool),
        ).batch(padded=padded)

    def _first(self, kinds):
        """The first of the graphs that a symmetry takes each of [B, pairs] into."""
        return [min(tuple(row[i] for i in image) for image in self.images.tolist()) for row in kinds.tolist()]

    def keys(self, states):
        return self._first(states.kind)

    def objects(self, states):
        return torch.tensor(self._first(states.kind)).view(len(states), -1)

    def states_of(self, objects):
        return Joins(torch.as_tensor(objects, dtype=torch.int64))

    def log_symmetry(self, states, objects):
        """A policy that knows no node by name builds each of the graphs that are one object equally often."""
        alike = [len({tuple(row[i] for i in image) for image in self.images.tolist()}) for row in states.kind.tolist()]
        return torch.tensor(alike, dtype=torch.float64).log()

    def enumeration_unavailable_reason(self):
        return None
