"""The contract of conditions, checked on conditions that it draws."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.errors import ConfigError, ContractError


def check_condition(condition: Condition, *, draws: int = 256, achieved: Mapping[str, Tensor] | None = None) -> None:
    """Check what ``conditions.base.Condition`` promises: names, shapes, one stream for one seed, values that it accepts
    itself, an encoding that is of each row alone and tells conditions apart, the words that people use, and that it can
    be gone on with from a checkpoint.

    Args:
        condition: what to check.
        draws: conditions that are drawn, at least 2.
        achieved: as of ``Condition.hindsight``, of ``draws`` objects; None leaves hindsight unchecked.

    Raises:
        ContractError: the contract is broken; the message names the condition, the promise and what came instead.
    """
    check = _Checked(condition)
    check.declarations()
    values = check.drawn(draws)
    check.encoding(values)
    check.given(values)
    check.validation()
    if achieved is not None:
        check.hindsight(values, achieved)
    check.copies()


class _Checked:
    def __init__(self, condition: Condition) -> None:
        self.condition, self.where = condition, type(condition).__name__

    def require(self, fine: bool, problem: str) -> None:
        if not fine:
            raise ContractError(f"{self.where}: {problem}")

    def declarations(self) -> None:
        c = self.condition
        self.require(isinstance(c, Condition), "is not a molgfn.conditions.base.Condition; inherit from it")
        for name in ("name", "columns", "size"):
            self.require(hasattr(c, name), f"does not declare `{name}`")
        self.require(
            isinstance(c.columns, tuple) and len(c.columns) > 0 and len(set(c.columns)) == len(c.columns),
            f"`columns` should be a tuple of different names, is {c.columns!r}",
        )
        self.require(all(isinstance(x, str) and x for x in (c.name, c.label)), "`name` and `label` should be texts")
        self.require(isinstance(c.size, int) and c.size > 0, f"`size` should be a number above 0, is {c.size!r}")
        self.require(c.per_condition >= 1, f"`per_condition` should be at least 1, is {c.per_condition!r}")
        self.require(
            set(c.reference) == set(c.columns), f"`reference` has {list(c.reference)}, `columns` are {list(c.columns)}"
        )
        problem = c.problem(c.reference)
        self.require(problem is None, f"does not accept its own reference: {problem}")

    def values(self, values: Tensor, n: int, what: str) -> Tensor:
        """Float64 [n, C], each accepted."""
        c = self.condition
        shape = [n, len(c.columns)]
        got = f"{values.dtype} {list(values.shape)}"
        self.require(
            values.dtype == torch.float64 and list(values.shape) == shape, f"{what}: float64 {shape}, not {got}"
        )
        for row in values:
            problem = c.problem(c.by_column(row))
            self.require(problem is None, f"{what}: does not accept {row.tolist()} itself: {problem}")
        return values

    def drawn(self, n: int) -> Tensor:
        values = self.values(self.condition.draw(n, torch.Generator().manual_seed(1)), n, "draw")
        again = self.condition.draw(n, torch.Generator().manual_seed(1))
        self.require(torch.equal(values, again), "draw: differs for the same seed; draw by the generator alone")
        self.values(self.condition.draw(0, torch.Generator()), 0, "draw of none")
        return values

    def encoding(self, values: Tensor) -> None:
        c, shape = self.condition, [len(values), self.condition.size]
        shown = c.encode(values)
        got = f"{shown.dtype} {list(shown.shape)}"
        self.require(
            shown.dtype == torch.get_default_dtype() and list(shown.shape) == shape,
            f"encode: should give {torch.get_default_dtype()} {shape}, gave {got}",
        )
        self.require(bool(shown.isfinite().all()), "encode: gives numbers that are not finite")
        alone = torch.cat([c.encode(values[i : i + 1]) for i in range(len(values))])
        self.require(torch.equal(shown, alone), "encode: what it shows of a row depends on the other rows")
        different = values.unique(dim=0)
        if len(different) > 1:
            apart = len(c.encode(different).unique(dim=0))
            self.require(apart > 1, "encode: shows all conditions alike, so that no policy can tell them apart")

    def given(self, values: Tensor) -> None:
        c = self.condition
        row = values[0]
        self.require(torch.allclose(c.row(c.by_column(row)), row, rtol=1e-12), "row: changes the numbers it is given")
        self.require(torch.equal(c.row(), c.row(c.reference)), "row: is not the reference where nothing is given")
        by_words = c.numbers({label: [c.by_column(row)[k] for k in one.columns] for label, one in c.words.items()})
        self.require(by_words.keys() == set(c.columns), "words: do not name all of the columns")
        whole = torch.tensor([by_words[column] for column in c.columns], dtype=torch.float64)
        self.require(torch.allclose(whole, row, rtol=1e-9), "read: makes other numbers of its own columns")
        for unknown in ({"no such name": 1.0}, {next(iter(c.words)): [1.0] * (len(c.columns) + 1)}):
            try:
                c.numbers(unknown)
            except ConfigError:
                continue
            raise ContractError(f"{self.where}: takes {unknown}, which it should refuse")

    def validation(self) -> None:
        for n in (1, 5):
            some = self.condition.validation(n, seed=3)
            self.require(0 < len(some) <= n, f"validation: {n} asked for, {len(some)} given")
            self.values(some, len(some), "validation")
            again = self.condition.validation(n, seed=3)
            self.require(torch.equal(some, again), "validation: differs for the same seed")

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> None:
        before = values.clone()
        own = self.values(self.condition.hindsight(values, achieved), len(values), "hindsight")
        self.require(torch.equal(values, before), "hindsight: changes the values that it is given")
        same = torch.equal(own, values)
        self.require(self.condition.has_hindsight or same, "hindsight: gives others, though has_hindsight is False")

    def copies(self) -> None:
        c, other_one = self.condition, copy.deepcopy(self.condition)
        if state := c.state_dict():
            other_one.load_state_dict(state)
        mine, other = (one.draw(8, torch.Generator().manual_seed(2)) for one in (c, other_one))
        self.require(torch.equal(mine, other), "a copy with the same state draws otherwise")
