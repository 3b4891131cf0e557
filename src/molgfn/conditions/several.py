"""Several conditions together: each is drawn by itself, and all are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.errors import ConfigError


class Several(Condition):
    """Conditions side by side; their columns stand one after the other.

    Args:
        conditions: label -> condition; the label is the word under which people give the value of each.
        per_condition: neighbouring trajectories of a batch that are drawn under the same values of all of them. The
            conditions themselves leave it at 1.
    """

    label = "condition"

    def __init__(
        self,
        *,
        conditions: Annotated[dict[str, Condition], Field(min_length=1)],
        per_condition: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        columns = [column for one in conditions.values() for column in one.columns]
        if twice := sorted({column for column in columns if columns.count(column) > 1}):
            raise ConfigError(f"conditions: {', '.join(twice)} would be drawn twice; name it in one of them")
        for label, one in conditions.items():
            if one.per_condition != 1:
                raise ConfigError(
                    f"conditions.{label}.per_condition: all are drawn together; leave it at 1 and set "
                    f"condition.per_condition to {one.per_condition}"
                )
            one.label = label
        self.conditions = conditions
        self.name = " and ".join(one.name for one in conditions.values())
        self.columns = tuple(columns)
        self.size = sum(one.size for one in conditions.values())
        self.learns = any(one.learns for one in conditions.values())
        self.per_condition = per_condition
        self._widths = [len(one.columns) for one in conditions.values()]

    @property
    def reference(self) -> dict[str, float]:
        return {column: value for one in self.conditions.values() for column, value in one.reference.items()}

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return torch.cat([one.draw(n, generator, device) for one in self.conditions.values()], 1)

    def encode(self, values: Tensor) -> Tensor:
        return torch.cat([one.encode(part) for one, part in self._parts(values)], 1)

    def problem(self, values: Mapping[str, float]) -> str | None:
        found = (one.problem({name: values[name] for name in one.columns}) for one in self.conditions.values())
        return next((problem for problem in found if problem is not None), None)

    @property
    def trained(self) -> str:
        return "; ".join(one.trained for one in self.conditions.values())

    @property
    def words(self) -> dict[str, Condition]:
        return dict(self.conditions)

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """All combinations of as many of each as give at most n."""
        each = 1
        while (each + 1) ** len(self.conditions) <= n:
            each += 1
        parts = [one.validation(each, seed) for one in self.conditions.values()]
        places = torch.cartesian_prod(*(torch.arange(len(part)) for part in parts)).reshape(-1, len(parts))
        return torch.cat([part[place] for part, place in zip(parts, places.unbind(1), strict=True)], 1)

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([one.hindsight(part, achieved) for one, part in self._parts(values)], 1)

    @property
    def has_hindsight(self) -> bool:
        return any(one.has_hindsight for one in self.conditions.values())

    def observe(self, values: Tensor, achieved: Mapping[str, Tensor], progress: float) -> None:
        for one, part in self._parts(values):
            if one.learns:
                one.observe(part, achieved, progress)

    def state_dict(self) -> dict[str, Any]:
        return {label: state for label, one in self.conditions.items() if (state := one.state_dict())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for label, own in state.items():
            self.conditions[label].load_state_dict(own)

    def _parts(self, values: Tensor) -> list[tuple[Condition, Tensor]]:
        """Each condition and its columns of [B, C]."""
        return list(zip(self.conditions.values(), values.split(self._widths, 1), strict=True))
