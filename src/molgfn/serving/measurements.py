"""What oracles say of a batch of finished objects: raw values, before any reward is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

#: the problem of an object of which only this much is known any more
NO_VALUE = "it has no value"


@dataclass(frozen=True)
class Measurements:
    """Raw values of B objects. Everything lies on the CPU.

    Attributes:
        values: property -> float64 [B], in the oracle's units; NaN where an object has none.
        problems: B entries: None, or the named reason why the object has no value at all. Where there is one, all its
            values are NaN.
    """

    values: dict[str, Tensor]
    problems: list[str | None]

    def __len__(self) -> int:
        return len(self.problems)

    @property
    def valid(self) -> Tensor:
        """Whether each object has values, bool [B]."""
        return torch.from_numpy(np.array([problem is None for problem in self.problems], dtype=bool))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The values as float64 arrays [B], without a copy: for reading."""
        return {name: column.numpy() for name, column in self.values.items()}

    def index(self, rows: Tensor | Sequence[int]) -> Self:
        """The objects at ``rows``, int64 [n]; one may be taken several times."""
        where = torch.as_tensor(rows, dtype=torch.int64).cpu()
        problems = [self.problems[row] for row in where.tolist()]
        return type(self)({name: column[where] for name, column in self.values.items()}, problems)

    @classmethod
    def cat(cls, parts: Iterable[Self]) -> Self:
        """Several batches of the same properties as one, in order.

        Raises:
            ValueError: there is none, or they are not of the same properties.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("there are no measurements to put together")
        if len({frozenset(part.values) for part in parts}) > 1:
            raise ValueError(f"measurements of different properties: {[sorted(part.values) for part in parts]}")
        return cls(
            cat_columns([part.values for part in parts]), [problem for part in parts for problem in part.problems]
        )

    def with_values(self, more: Mapping[str, Tensor]) -> Self:
        """The same with more columns, float64 [B] each."""
        return type(self)({**self.values, **more}, self.problems)

    def table(self) -> Tensor:
        """Values and, last, 1 where an object has any, else 0, as one tensor, float64 [B, properties + 1]."""
        return torch.stack([*self.values.values(), self.valid.double()], 1)

    @classmethod
    def from_table(cls, names: Sequence[str], table: Tensor) -> Self:
        """What ``table`` gave, float64 [B, len(names) + 1]; of a problem it is known only that there is one."""
        problems = [None if valid else NO_VALUE for valid in table[:, -1].tolist()]
        return cls({name: table[:, place] for place, name in enumerate(names)}, problems)


def cat_columns(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Columns of several batches (at least one) with the same names, [n] each, one after the other."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
