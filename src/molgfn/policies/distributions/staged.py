"""A choice of n stages: each a masked choice out of a list that may depend on what was chosen before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar, Self

import torch
from torch import Tensor

from molgfn.policies.distributions.capabilities import HasEntropy, HasKL, HasMeanGap, HasTable, HasTempering
from molgfn.policies.distributions.categorical import Categorical
from molgfn.policies.distributions.packing import Packing

#: ``stage(rows int64 [m], chosen int64 [m, k]) -> Categorical`` over the columns of stage k, where the states ``rows``
#: have the columns ``chosen`` of the stages before
Stage = Callable[[Tensor, Tensor], Categorical]


@dataclass(frozen=True)
class Level:
    """Every legal way to come to one stage: m branches, of the first stage the B states themselves.

    Attributes:
        rows: int64 [m], the state.
        chosen: int64 [m, k], the columns of the stages before.
        parent: int64 [m], the branch of the level before.
        choice: over the columns of this stage, [m, width].
        going: bool [m, width], the columns that lead to a branch of the next level.
    """

    rows: Tensor
    chosen: Tensor
    parent: Tensor
    choice: Categorical
    going: Tensor


class Staged(HasEntropy, HasKL, HasMeanGap, HasTable, HasTempering):
    """P(a|s) = P(c_0|s) P(c_1|c_0, s) ... P(c_{n-1}|c_0 ... c_{n-2}, s), for any number of stages n.

    Actions are the columns themselves, int64 [B, n], or with ``packing`` one integer, where stop is the first column of
    the first stage and ends the choice. Sampling and log-probability evaluate the chosen branch only; entropy, KL,
    expectations and the table are exact sums over all branches and evaluate each once. A log-probability that is asked
    for after them reads what they evaluated.

    Args:
        first: the first stage, [B, W].
        later: the other stages.
        packing: how actions are written; None: as their columns.
    """

    #: choices that stop leave the later stages, which costs least on a CPU; otherwise no shape depends on a draw. None:
    #: as the device has it
    compact: ClassVar[bool | None] = None

    def __init__(self, first: Categorical, *later: Stage, packing: Packing | None = None) -> None:
        if packing is not None and len(packing.sizes) != len(later):
            raise ValueError(f"a packing of {len(packing.sizes)} later stages for {len(later)}")
        self.first = first
        self.later = later
        self.packing = packing
        self._levels: list[Level] | None = None

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        first = self.first.sample(generator)
        if self.packing is None:
            return self._draw(torch.arange(len(first), device=first.device), first, generator)
        if self._leaves_out(first):  # only where it does not stop
            rows = first.nonzero().squeeze(1)
            drawn = self.packing.join(self._draw(rows, first[rows], generator))
            return torch.zeros_like(first).index_copy(0, rows, drawn)
        # On a GPU they go through the other stages as well, which is thrown away: no shape depends on the draw.
        rows = torch.arange(len(first), device=first.device)
        return torch.where(first == 0, 0, self.packing.join(self._draw(rows, first.clamp(min=1), generator)))

    def _leaves_out(self, like: Tensor) -> bool:
        return like.device.type == "cpu" if self.compact is None else self.compact

    def _draw(self, rows: Tensor, first: Tensor, generator: torch.Generator | None) -> Tensor:
        """The columns of all stages [m, n] after those of the first."""
        chosen = first[:, None]
        for stage in self.later:
            chosen = torch.cat([chosen, stage(rows, chosen).sample(generator)[:, None]], 1)
        return chosen

    def log_prob(self, actions: Tensor) -> Tensor:
        columns, stop = (actions.unbind(1), None) if self.packing is None else self.packing.split(actions)
        log_first = self.first.log_prob(columns[0])
        if not self.later:
            return log_first
        rows = torch.arange(len(actions), device=actions.device)
        if stop is None:
            return log_first + self._log_later(rows, columns)
        if self._leaves_out(actions):  # only where it does not stop
            rows = rows[~stop]
            return log_first.index_add(0, rows, self._log_later(rows, [c[rows] for c in columns]))
        log_later = self._log_later(rows, [columns[0].clamp(min=1), *columns[1:]])
        return log_first + torch.where(stop, torch.zeros_like(log_later), log_later)

    def _log_later(self, rows: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """log P of the later stages of single branches, [m] each."""
        if self._levels is not None:
            return self._log_known(rows, columns)
        total = None
        for k, stage in enumerate(self.later, start=1):
            chosen = columns[0][:, None] if k == 1 else torch.stack(columns[:k], 1)  # type: ignore[arg-type]
            term = stage(rows, chosen).log_prob(columns[k])
            total = term if total is None else total + term
        return total  # type: ignore[return-value]

    def _log_known(self, rows: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """The same, from branches that are there."""
        total, branch = None, rows
        for (level, below), column, then in zip(pairwise(self.levels()), columns, columns[1:], strict=False):
            table = below.choice.log_p
            if not len(table):  # a stop is all that is legal anywhere
                return table.new_zeros(len(rows))
            branch = _below(level, branch, column)
            term = table.flatten().gather(0, branch * table.shape[1] + then)
            total = term if total is None else total + term
        return total  # type: ignore[return-value]

    def levels(self) -> list[Level]:
        """All legal branches, stage by stage."""
        if self._levels is None:
            self._levels = self._evaluate()
        return self._levels

    def _evaluate(self) -> list[Level]:
        mask = self.first.mask
        rows = torch.arange(len(mask), device=mask.device)
        levels = [Level(rows, rows.new_empty(len(rows), 0), rows, self.first, self._beside_stop())]
        for stage in self.later:
            above = levels[-1]
            parent, column = above.going.nonzero(as_tuple=True)
            rows = above.rows[parent]
            chosen = torch.cat([above.chosen[parent], column[:, None]], 1)
            choice = stage(rows, chosen)
            levels.append(Level(rows, chosen, parent, choice, choice.mask))
        return levels

    def _beside_stop(self) -> Tensor:
        """bool [B, W]: the columns of the first stage that lead on."""
        mask = self.first.mask
        if self.packing is None:
            return mask
        return torch.cat([torch.zeros_like(mask[:, :1]), mask[:, 1:]], 1)

    def entropy(self) -> Tensor:
        levels = self.levels()
        return self._mean_of(lambda k: levels[k].choice.entropy())

    def kl(self, old: Self) -> Tensor:
        mine, theirs = self.levels(), old.levels()
        return self._mean_of(lambda k: mine[k].choice.kl(theirs[k].choice))

    def _mean_of(self, value: Callable[[int], Tensor]) -> Tensor:
        """sum over all branches of the probability to come there times its value, [B]; ``value(k)`` of level k [m]."""
        pairs = list(pairwise(self.levels()))
        p = [above.choice.log_p[below.parent, below.chosen[:, -1]].exp() for above, below in pairs]
        values = [value(k) for k in range(len(pairs) + 1)]
        total = values[-1]
        for k in reversed(range(len(pairs))):
            total = values[k].index_add(0, pairs[k][1].parent, p[k] * total)
        return total

    def mean_gap(self, values: Sequence[tuple[Tensor, Self]]) -> Tensor:
        levels, others = self.levels(), [q.levels() for _, q in values]
        mine: Tensor | None = None
        theirs = [v for v, _ in values]
        of_stop = None
        if self.packing is not None and self.later:
            stop = torch.stack([v + q.first.log_p[:, 0] for v, q in values]).amin(0)
            log_stop = self.first.log_p[:, 0]
            of_stop = log_stop.exp() * (log_stop - stop)
        for k, below in enumerate(levels[1:]):
            at = below.parent, below.chosen[:, -1]
            log_p = levels[k].choice.log_p[at]
            mine = log_p if mine is None else mine[below.parent] + log_p
            theirs = [t[below.parent] + o[k].choice.log_p[at] for t, o in zip(theirs, others, strict=True)]
        last = levels[-1].choice.log_p
        least = torch.stack([t[:, None] + o[-1].choice.log_p for t, o in zip(theirs, others, strict=True)]).amin(0)
        if mine is None:
            return (last.exp() * (last - least)).sum(-1)
        inner = (last.exp() * (mine[:, None] + last - least)).sum(-1)
        start = mine.new_zeros(len(self.first.mask)) if of_stop is None else of_stop
        return start.index_add(0, levels[-1].rows, mine.exp() * inner)

    def frozen(self) -> Self:
        with torch.no_grad():  # not kept as ``levels()``, which have a gradient
            levels = self._levels or self._evaluate()

        return self._known([Level(x.rows, x.chosen, x.parent, x.choice.frozen(), x.going) for x in levels])

    def _known(self, levels: list[Level]) -> Self:
        """The distribution that has these branches and asks nobody for others."""
        later = [partial(_look_up, levels, k) for k in range(1, len(levels))]
        out = type(self)(levels[0].choice, *later, packing=self.packing)
        out._levels = levels
        return out

    def log_probs(self) -> Tensor:
        levels = self.levels()
        batch, width = self.first.mask.shape
        stops = 0 if self.packing is None else 1
        mine: Tensor | None = None
        for above, below in pairwise(levels):
            log_p = above.choice.log_p[below.parent, below.chosen[:, -1]]
            mine = log_p if mine is None else mine[below.parent] + log_p
        last = levels[-1]
        if mine is None:
            return self.first.log_probs()
        sizes = [level.choice.log_p.shape[1] for level in levels[1:]]
        table = self.first.log_p.new_full((batch, width - stops, *sizes), -torch.inf)
        place = (last.rows, last.chosen[:, 0] - stops, *last.chosen[:, 1:].unbind(1))
        table = table.index_put(place, mine[:, None] + last.choice.log_probs())
        return torch.cat([self.first.log_probs()[:, :1], table.flatten(1)], 1) if stops else table

    def tempered(self, temperature: float | Tensor) -> Self:
        def at(stage: Stage) -> Stage:
            def tempered(rows: Tensor, chosen: Tensor) -> Categorical:
                by = temperature[rows] if isinstance(temperature, Tensor) else temperature
                return stage(rows, chosen).tempered(by)

            return tempered

        return type(self)(self.first.tempered(temperature), *map(at, self.later), packing=self.packing)

    def uniform(self) -> Self:
        def even(stage: Stage) -> Stage:
            return lambda rows, chosen: stage(rows, chosen).uniform()

        return type(self)(self.first.uniform(), *map(even, self.later), packing=self.packing)

    def weighted(self, log_weight: Tensor) -> Self:
        """Whole actions in proportion to their weights: log weights [m, K] of the columns of the last level, frozen.

        Uniform over whole actions, which ``uniform`` is not, is ``weighted`` by zeros. Without a packing only.
        """
        levels, total = self.levels(), log_weight
        made: list[Level] = []
        for k in reversed(range(len(levels))):
            level = levels[k]
            made.append(Level(level.rows, level.chosen, level.parent, Categorical(total, level.going), level.going))
            if k:
                sums = total.masked_fill(~level.going, -torch.inf).logsumexp(1)
                above = levels[k - 1].going
                at = level.parent, level.chosen[:, -1]
                total = sums.new_zeros(above.shape).index_put(at, sums)
        return self._known(made[::-1])

    def leaves(self) -> tuple[Tensor, Tensor]:
        """Every legal action: its state int64 [l] and its columns int64 [l, n], in the order of the last level."""
        last = self.levels()[-1]
        branch, column = last.going.nonzero(as_tuple=True)
        return last.rows[branch], torch.cat([last.chosen[branch], column[:, None]], 1)


def _below(level: Level, branch: Tensor, column: Tensor) -> Tensor:
    """Branches of the next level [m], from those of ``level`` and the columns chosen there."""
    number = level.going.flatten().cumsum(0).sub(1).clamp(min=0)
    return number[branch * level.going.shape[1] + column]


def _look_up(levels: Sequence[Level], k: int, rows: Tensor, chosen: Tensor) -> Categorical:
    """Stage k of single branches, from branches that are there."""
    branch = rows
    for level, column in zip(levels, chosen.unbind(1), strict=False):
        branch = _below(level, branch, column)
    choice = levels[k].choice
    return Categorical(choice.logits[branch], choice.mask[branch])
