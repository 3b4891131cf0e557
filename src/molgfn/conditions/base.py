"""The contract of a condition: numbers c that an object is built for, how they are drawn, and how a policy reads them.

A condition stays with a trajectory from its source to its end (``environments.conditional``): P_F, P_B, log F and log Z
are all given c, and so is the reward, so that one policy learns P_T(x | c) in proportion to R(x | c) for every c.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError


@attributes_in_docstring
class Condition(ABC):
    """Letters: B rows, C raw numbers."""

    #: what messages call it
    name: str
    #: names of the C raw numbers, as rewards and people name them
    columns: tuple[str, ...]
    #: numbers that a policy reads
    size: int

    @property
    @abstractmethod
    def reference(self) -> dict[str, float]:
        """The raw numbers that are taken where nobody gives others, by column."""

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """Raw numbers of ``n`` new trajectories, float64 [n, C]; the generator is on the device."""

    @abstractmethod
    def encode(self, values: Tensor) -> Tensor:
        """What a policy reads of raw numbers float64 [B, C]: [B, size], of the default type."""

    def problem(self, values: Mapping[str, float]) -> str | None:
        """Why nothing can be built for these raw numbers, one for each column, in words; None where it can."""
        return None

    def row(self, values: Mapping[str, float] | None = None) -> Tensor:
        """Raw numbers float64 [C]: ``values`` by column, the reference where they name none.

        Raises:
            ConfigError: a column that there is not, or numbers that this condition does not have.
        """
        given = dict(values or {})
        if unknown := sorted(given.keys() - set(self.columns)):
            raise ConfigError(
                f"condition: there is no {', '.join(unknown)} in {self.name}; it has {', '.join(self.columns)}"
            )
        whole = {**self.reference, **given}
        if problem := self.problem(whole):
            raise ConfigError(f"condition: {problem}")
        return torch.tensor([float(whole[column]) for column in self.columns], dtype=torch.float64)


class Fixed(Condition):
    """One value of another condition, for all trajectories."""

    def __init__(self, condition: Condition, values: Mapping[str, float] | None = None) -> None:
        self.condition = condition
        self.name, self.columns, self.size = condition.name, condition.columns, condition.size
        self._row = condition.row(values)

    @property
    def reference(self) -> dict[str, float]:
        return dict(zip(self.columns, self._row.tolist(), strict=True))

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self._row.to(device).repeat(n, 1)

    def encode(self, values: Tensor) -> Tensor:
        return self.condition.encode(values)

    def problem(self, values: Mapping[str, float]) -> str | None:
        return self.condition.problem(values)
