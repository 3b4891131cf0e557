"""Choices of actions in several parts, one part after the other: by a network over features, or by tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.actions import ActionsInParts
from molgfn.environments.base import States
from molgfn.networks.embedding_sum import embedding
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.hypernetwork import Change

#: ``legal(rows int64 [m], chosen int64 [m, k]) -> bool [m, parts[k]]``: legal values of part k of the actions of states
Legal = Callable[[Tensor, Tensor], Tensor]


def legal_parts(environment: ActionsInParts, states: States, *, backward: bool = False) -> Legal:
    """What is legal at ``states``."""
    mask = environment.backward_part_mask if backward else environment.part_mask
    return lambda rows, chosen: mask(states[rows], chosen)


def even_parts(sizes: Sequence[int], legal: Legal, like: Tensor) -> Staged:
    """Zero logits at each part, of the states, device and type of ``like`` [B, ...]."""
    return _staged(lambda k, rows, chosen: like.new_zeros(len(rows), sizes[k]), legal, len(sizes), like)


class PartsHead(nn.Module):
    """Autoregressive logits: part k from the state's features and the parts before it.

    Args:
        width: size of the features.
        sizes: numbers of values of the parts.
        zero: all logits start at 0, so that each part is chosen evenly.
    """

    def __init__(self, width: int, sizes: Sequence[int], *, zero: bool = False) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        later = range(1, len(self.sizes))
        self.first = nn.Linear(width, self.sizes[0])
        self.state = nn.ModuleList(nn.Linear(width, width) for _ in later)
        #: what was chosen: one row for each value of each part before
        self.given = nn.ModuleList(nn.Embedding(sum(self.sizes[:k]), width) for k in later)
        self.later = nn.ModuleList(nn.Linear(width, self.sizes[k]) for k in later)
        start = torch.tensor([0, *accumulate(self.sizes)][: len(self.sizes)])
        self.register_buffer("start", start, persistent=False)
        if zero:
            for layer in (self.first, *self.later):
                nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    @property
    def last(self) -> list[nn.Linear]:
        """The last layer of each part."""
        return [self.first, *self.later]  # type: ignore[list-item]

    def forward(self, features: Tensor, legal: Legal, changes: Sequence[Change] | None = None) -> Staged:
        """[B, width] -> the choice of the B states; ``changes`` of the last layers."""

        def logits(k: int, rows: Tensor, chosen: Tensor) -> Tensor:
            if k == 0:
                return self.first(features) if changes is None else self.first(features) + changes[0](features)
            row = chosen + self.start[:k]  # type: ignore[index]
            given = embedding(self.given[k - 1].weight, row.flatten()).unflatten(0, (len(rows), k)).sum(1)  # type: ignore[arg-type]
            hidden = functional.relu(self.state[k - 1](features).index_select(0, rows) + given)
            found = self.later[k - 1](hidden)
            return found if changes is None else found + changes[k](hidden, rows)

        return _staged(logits, legal, len(self.sizes), features)


class PartsTable(nn.Module):
    """One logit for each state, value of a part, and values of the parts before it; all zero at first."""

    def __init__(self, n_states: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        before = [math.prod(self.sizes[:k]) for k in range(len(self.sizes))]
        self.tables = nn.ParameterList(
            torch.zeros(n_states * b, size) for b, size in zip(before, self.sizes, strict=True)
        )

    def forward(self, index: Tensor, legal: Legal) -> Staged:
        """int64 [B], numbers of states -> the choice of the B states."""

        def logits(k: int, rows: Tensor, chosen: Tensor) -> Tensor:
            place = index[rows]
            for size, column in zip(self.sizes, chosen.unbind(1), strict=False):
                place = place * size + column
            return self.tables[k][place]

        return _staged(logits, legal, len(self.sizes), index)


def _staged(logits: Callable[[int, Tensor, Tensor], Tensor], legal: Legal, parts: int, like: Tensor) -> Staged:
    """The choice whose part k has ``logits(k, rows, chosen)``, for as many states as ``like`` has rows."""

    def stage(k: int, rows: Tensor, chosen: Tensor) -> Categorical:
        return Categorical(logits(k, rows, chosen), legal(rows, chosen))

    rows = torch.arange(len(like), device=like.device)
    return Staged(stage(0, rows, rows.new_empty(len(rows), 0)), *(partial(stage, k) for k in range(1, parts)))
