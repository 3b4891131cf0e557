"""A choice of several parts of which only the chosen branch is ever looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from molgfn.policies.distributions.base import ActionDistribution
from molgfn.policies.distributions.capabilities import HasSubsampling, HasTempering
from molgfn.policies.distributions.categorical import Categorical

#: ``part(rows int64 [m], chosen int64 [m, k])``: the choice of part k of the states ``rows``, which have ``chosen`` so
#: far; it can be drawn from, frozen, tempered and made uniform
Part = Callable[[Tensor, Tensor], Any]


class ChosenBranch(HasSubsampling, HasTempering):
    """P(a|s) = P(c_0|s) P(c_1|c_0, s) ... for parts too large for a sum over all branches.

    Draws and log-probabilities are exact; an entropy, a KL divergence and a table there are not.

    Args:
        first: of the B states.
        later: the other parts, which may read parameters when they are asked.
        snapshot: gives the same choice out of parameters as they are now, whatever happens to them.
    """

    def __init__(self, first: Categorical, *later: Part, snapshot: Callable[[], ChosenBranch]) -> None:
        self.first, self.later, self._snapshot = first, later, snapshot

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        chosen = self.first.sample(generator)[:, None]
        rows = torch.arange(len(chosen), device=chosen.device)
        for part in self.later:
            chosen = torch.cat([chosen, part(rows, chosen).sample(generator)[:, None]], 1)
        return chosen

    def out_of(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        chosen = self.first.sample(generator)[:, None]
        rows = torch.arange(len(chosen), device=chosen.device)
        for part in self.later:
            drawn = some_of(part(rows, chosen), number, generator)
            chosen = torch.cat([chosen, drawn[:, None]], 1)
        return chosen

    def log_prob(self, actions: Tensor) -> Tensor:
        rows, total = torch.arange(len(actions), device=actions.device), self.first.log_prob(actions[:, 0])
        for k, part in enumerate(self.later, start=1):
            total = total + part(rows, actions[:, :k]).log_prob(actions[:, k])
        return total

    def _each(self, change: Callable[[Any, Tensor | None], Any]) -> Self:
        def changed(part: Part) -> Part:
            return lambda rows, chosen: change(part(rows, chosen), rows)

        later = map(changed, self.later)
        return type(self)(change(self.first, None), *later, snapshot=lambda: self._snapshot()._each(change))

    def frozen(self) -> Self:
        return self._snapshot()._each(lambda part, _: part.frozen())  # type: ignore[return-value]

    def tempered(self, temperature: float | Tensor) -> Self:
        def at(part: Any, rows: Tensor | None) -> Any:
            return part.tempered(
                temperature[rows] if isinstance(temperature, Tensor) and rows is not None else temperature
            )

        return self._each(at)

    def uniform(self) -> Self:
        return self._each(lambda part, _: part.uniform())


def some_of(choice: ActionDistribution, number: int, generator: torch.Generator | None) -> Tensor:
    """A draw out of ``number`` things where the choice can be drawn from so, else out of all."""
    return choice.out_of(number, generator) if isinstance(choice, HasSubsampling) else choice.sample(generator)


class Either(HasSubsampling):
    """Choices of m rows, some of one kind and some of another.

    Args:
        size: m.
        parts: (int64 [n], which rows; their choices), each row once.
    """

    def __init__(self, size: int, parts: Sequence[tuple[Tensor, Any]]) -> None:
        self.size, self.parts = size, [(rows, choice) for rows, choice in parts if len(rows)]

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        out = torch.zeros(self.size, dtype=torch.int64, device=self.parts[0][0].device if self.parts else None)
        for rows, choice in self.parts:
            out[rows] = choice.sample(generator)
        return out

    def out_of(self, number: int, generator: torch.Generator | None = None) -> Tensor:
        out = torch.zeros(self.size, dtype=torch.int64, device=self.parts[0][0].device if self.parts else None)
        for rows, choice in self.parts:
            out[rows] = some_of(choice, number, generator)
        return out

    def log_prob(self, actions: Tensor) -> Tensor:
        found = [choice.log_prob(actions[rows]) for rows, choice in self.parts]
        if not found:
            return torch.zeros(0, device=actions.device)
        order = torch.cat([rows for rows, _ in self.parts])
        return found[0].new_zeros(self.size).index_copy(0, order, torch.cat(found))

    def frozen(self) -> Self:
        return type(self)(self.size, [(rows, choice.frozen()) for rows, choice in self.parts])

    def tempered(self, temperature: float | Tensor) -> Self:
        """Of a number, or [m]."""
        own = [(rows, temperature[rows] if isinstance(temperature, Tensor) else temperature) for rows, _ in self.parts]
        return type(self)(
            self.size, [(rows, choice.tempered(t)) for (rows, choice), (_, t) in zip(self.parts, own, strict=True)]
        )

    def uniform(self) -> Self:
        return type(self)(self.size, [(rows, choice.uniform()) for rows, choice in self.parts])
