"""The edges of a ring painted one after the other, undone from the last: sites are edges, a removal the whole graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.graphs import GraphSpec
from molgfn.environments.plain_graphs import PlainGraphs
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle

COLOURS = 2


@dataclass(frozen=True)
class Paints(States):
    """``colour``, ``when``: int64 [B, M] each, of every edge; 0: not painted, else 1 + the colour, 1 + the step."""

    colour: Tensor
    when: Tensor


class Painted(ListedActions, Enumerable):
    """A ring of nodes with different numbers, all edges there from the start.

    Forward action 0 stops, ``1 + edge * 2 + colour`` paints; backward action 0 takes the last paint off, so that the
    states are a tree. Finished objects are rows of colours and steps [B, 2 M].

    Args:
        numbers: of the nodes.
        least: fewest painted edges of a finished object.
        shown: what a removal is shown as: the edge that was painted last, or the whole graph.
    """

    kind, encoding = GRID, "graph"

    def __init__(
        self, *, numbers: tuple[float, ...] = (0.0, 0.5, 1.0), least: int = 0, shown: Literal["edge", "graph"] = "graph"
    ) -> None:
        self.numbers = torch.tensor(numbers)
        self.shown, self.least = shown, least
        self.stops_everywhere = least == 0
        m = len(numbers)
        self.edges = torch.stack([torch.arange(m), (torch.arange(m) + 1) % m], 1)
        self.n_actions, self.n_backward_actions, self.stop_action = 1 + m * COLOURS, 1, 0
        self.max_steps = m + 1
        self.spec = GraphSpec(
            node_types=1,
            labels=1,
            relations=1,
            where=1 + m,
            options=COLOURS,
            option_label=tuple(range(COLOURS)),
            max_nodes=m,
            removals=1,
            node_features=1,
            edge_types=1 + COLOURS,
            edge_features=1,
            sites=frozenset({"edge"}),
            removed=frozenset({shown}),
        )

    def initial(self, n, device="cpu"):
        blank = torch.zeros(n, len(self.edges), dtype=torch.int64, device=device)
        return Paints(blank, blank)

    def _last(self, states):
        """int64 [B], the edge that was painted last."""
        return states.when.argmax(1)

    def step(self, states, actions):
        edge, colour = (actions - 1).clamp(min=0) // COLOURS, (actions - 1) % COLOURS
        stays = (actions == 0)[:, None]
        now = 1 + states.when.amax(1, keepdim=True)
        painted = states.colour.scatter(1, edge[:, None], 1 + colour[:, None])
        when = states.when.scatter(1, edge[:, None], now)
        return Paints(torch.where(stays, states.colour, painted), torch.where(stays, states.when, when))

    def undo(self, states, backward_actions):
        last = self._last(states)[:, None]
        return Paints(states.colour.scatter(1, last, 0), states.when.scatter(1, last, 0))

    def forward_mask(self, states):
        free = (states.colour == 0).repeat_interleave(COLOURS, 1)
        enough = (states.colour > 0).sum(1, keepdim=True) >= self.least
        return torch.cat([enough, free], 1)

    def backward_mask(self, states):
        return (states.colour > 0).any(1, keepdim=True)

    def backward_action(self, states, actions, next_states):
        return torch.zeros_like(actions)

    def forward_action(self, states, backward_actions, previous):
        last = self._last(states)[:, None]
        return (1 + last * COLOURS + states.colour.gather(1, last) - 1).squeeze(1)

    def is_initial(self, states):
        return (states.colour == 0).all(1)

    def encode(self, states, padded=None):
        b, m = states.colour.shape
        none = torch.full((m, 1), -1)
        as_edge = torch.cat([none, none, torch.arange(m)[:, None]], 1).expand(b, m, 3)
        last = self._last(states)[:, None, None].expand(b, 1, 3)
        removals = as_edge.gather(1, last) if self.shown == "edge" else torch.full((b, 1, 3), -1)
        return PlainGraphs(
            node_mask=torch.ones(b, m, dtype=torch.bool),
            node_features=self.numbers.expand(b, m)[..., None],
            edges=self.edges.expand(b, m, 2),
            edge_mask=torch.ones(b, m, dtype=torch.bool),
            edge_type=states.colour,
            edge_features=(states.when / m)[..., None].to(self.numbers.dtype),
            sites=as_edge,
            site_mask=states.colour == 0,
            removals=removals,
            removal_mask=self.backward_mask(states),
            stop_mask=self.forward_mask(states)[:, 0],
            option_mask=torch.ones(1, COLOURS, dtype=torch.bool),
        ).batch(padded=padded)

    def keys(self, states):
        return [tuple(row) for row in self.objects(states).tolist()]

    def objects(self, states):
        return torch.cat([states.colour, states.when], 1).cpu()

    def states_of(self, objects):
        return Paints(*torch.as_tensor(objects, dtype=torch.int64).chunk(2, 1))

    def enumeration_unavailable_reason(self):
        return None


class Bright(Oracle):
    """Share of edges of the second colour, and one."""

    kind = GRID
    name = "bright"
    range = (1.0, 2.0)
    direction = "maximise"
    source = "by hand"

    def values(self, objects):
        colours = np.asarray(objects)[:, : objects.shape[1] // 2]
        return 1 + (colours == COLOURS).mean(1)
