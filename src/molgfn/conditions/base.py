"""The contract of a condition: numbers c that an object is built for, how they are drawn, and how a policy reads them.

A condition stays with a trajectory from its source to its end (``environments.conditional``): P_F, P_B, log F and log Z
are all given c, and so is the reward, so that one policy learns P_T(x | c) in proportion to R(x | c) for every c.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError

#: numbers by name of a column, or by a label: one number, or all that belong to it
Given = Mapping[str, float | Sequence[float]]


@attributes_in_docstring
class Condition(ABC):
    """Letters: B rows, C raw numbers."""

    #: what messages call it
    name: str
    #: the word under which people give its value, as in ``condition.temperature=16``
    label: str = "value"
    #: names of the C raw numbers, as rewards and people name them
    columns: tuple[str, ...]
    #: numbers that a policy reads
    size: int
    #: how many neighbouring trajectories of a batch are drawn under the same condition, so that they can be compared
    per_condition: int = 1
    #: ``draw`` changes with what a run finds (``observe``)
    learns: bool = False
    #: it is about objectives: its parameter ``names``, where null, is filled in with those of the run's oracle
    of_objectives: bool = False

    @property
    @abstractmethod
    def reference(self) -> dict[str, float]:
        """The raw numbers that are taken where nobody gives others, by column."""

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """Raw numbers of ``n`` new conditions, float64 [n, C]; the generator is on the device."""

    @abstractmethod
    def encode(self, values: Tensor) -> Tensor:
        """What a policy reads of raw numbers float64 [B, C]: [B, size], of the default type."""

    def problem(self, values: Mapping[str, float]) -> str | None:
        """Why nothing can be built for these raw numbers, one for each column, in words; None where it can."""
        return None

    @property
    def trained(self) -> str:
        """In words, what people may give under the label."""
        return f"{_count(len(self.columns))} ({', '.join(self.columns)})"

    def read(self, numbers: Sequence[float]) -> dict[str, float]:
        """The raw numbers, by column, of what people give under the label; here: in the order of the columns.

        Raises:
            ConfigError: there are too few or too many of them.
        """
        self.require_length(numbers)
        return dict(zip(self.columns, map(float, numbers), strict=True))

    def require_length(self, numbers: Sequence[float]) -> None:
        """Refuse more or fewer numbers than there are columns."""
        if len(numbers) != len(self.columns):
            raise ConfigError(f"condition.{self.label}: should be {self.trained}, got {_count(len(numbers))}")

    @property
    def words(self) -> dict[str, Condition]:
        """Each label that people may use, and the condition that is meant by it."""
        return {self.label: self}

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """At most ``n`` conditions spread over what is trained, for evaluations: float64 [<= n, C], on the CPU."""
        return self.draw(n, torch.Generator().manual_seed(seed))

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> Tensor:
        """The conditions that objects which were made are right for, whatever they were made for.

        Args:
            values: raw numbers that they were made for, float64 [B, C].
            achieved: as ``Reward.achieved`` gives it: NAME -> how good each object is in the objective NAME, in [0, 1],
                and NAME_raw -> its value; float64 [B], on the CPU, NaN where there is none.

        Returns:
            float64 [B, C], on the device of ``values``; here ``values``, for an object has no condition of its own.
        """
        return values

    @property
    def has_hindsight(self) -> bool:
        """An object has a condition of its own (``hindsight`` gives another one)."""
        return type(self).hindsight is not Condition.hindsight

    def observe(self, values: Tensor, achieved: Mapping[str, Tensor], progress: float) -> None:  # noqa: B027
        """Take note of what a batch was drawn for and what came of it; only where ``learns`` says so.

        Args:
            values: raw numbers that objects were made for, float64 [B, C], on the CPU.
            achieved: as in ``hindsight``.
            progress: the share of the training's batches that were drawn before this one, in [0, 1].
        """

    def state_dict(self) -> dict[str, Any]:
        """What was learned, as plain data and tensors on the CPU; empty for nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Go on from ``state_dict``; not called where it was empty."""

    def numbers(self, given: Given) -> dict[str, float]:
        """Raw numbers by column, for as many columns as ``given`` speaks of by their name or by a label.

        Raises:
            ConfigError: there is no such column or label, too many or too few numbers, or one column twice.
        """
        words = self.words
        if unknown := sorted(given.keys() - set(self.columns) - words.keys()):
            ways = "; ".join(f"condition.{label}=...: {one.trained}" for label, one in words.items())
            raise ConfigError(
                f"condition: there is no {', '.join(unknown)} in {self.name}; it has {', '.join(self.columns)} ({ways})"
            )
        found: dict[str, float] = {}
        for word, value in given.items():
            many = _numbers(word, value)
            if word in words:
                own = words[word].read(many)
            elif len(many) == 1:
                own = {word: many[0]}
            else:
                raise ConfigError(f"condition: {word} is one number, got {len(many)}")
            if twice := sorted(own.keys() & found.keys()):
                raise ConfigError(f"condition: {', '.join(twice)} is given twice, by its name and by its label")
            found |= own
        return found

    def row(self, values: Given | None = None) -> Tensor:
        """Raw numbers float64 [C]: ``values`` by column or label, the reference where they name none.

        Raises:
            ConfigError: as in ``numbers``, or numbers that this condition does not have.
        """
        whole = {**self.reference, **self.numbers(values or {})}
        if problem := self.problem(whole):
            raise ConfigError(f"condition: {problem}")
        return torch.tensor([float(whole[column]) for column in self.columns], dtype=torch.float64)

    def by_column(self, row: Tensor) -> dict[str, float]:
        """Raw numbers [C] by column."""
        return dict(zip(self.columns, row.tolist(), strict=True))


class Fixed(Condition):
    """One value of another condition, for all trajectories."""

    def __init__(self, condition: Condition, values: Given | None = None) -> None:
        self.condition = condition
        self.name, self.columns, self.size = condition.name, condition.columns, condition.size
        self.label, self.per_condition = condition.label, condition.per_condition
        self._row = condition.row(values)

    @property
    def reference(self) -> dict[str, float]:
        return self.by_column(self._row)

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self._row.to(device).repeat(n, 1)

    def encode(self, values: Tensor) -> Tensor:
        return self.condition.encode(values)

    def problem(self, values: Mapping[str, float]) -> str | None:
        return self.condition.problem(values)

    @property
    def trained(self) -> str:
        return self.condition.trained

    @property
    def words(self) -> dict[str, Condition]:
        return self.condition.words

    def validation(self, n: int, seed: int = 0) -> Tensor:
        return self.draw(1)


def _numbers(word: str, value: Any) -> list[float]:
    """One number, or several, as a list."""
    try:
        if not isinstance(value, str):
            return [float(value)] if isinstance(value, Real) else [float(number) for number in value]
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"condition.{word}: should be a number or a list of numbers, got {value!r}")


def _count(n: int) -> str:
    return "1 number" if n == 1 else f"{n} numbers"
