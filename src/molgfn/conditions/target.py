"""A target as a condition: the value that a property should have, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.draws import Draw
from molgfn.conditions.temperature import number_encoder
from molgfn.errors import ConfigError, ContractError


class Target(Condition):
    """A value, in the property's units, that the property of an object should lie near.

    The column is ``target_NAME``. The reward must read it: a transform of the property that falls off on both sides of
    the target. It is shown to the policy by the share of the draws that lie below it.

    Args:
        name: of the property: a component of the run's oracle, or the oracle itself where it is one property.
        draw: how the value is drawn (``molgfn.conditions.draws``: Constant, Uniform, LogUniform, Gamma, Discrete).
        encoding: "thermometer" or "plain", one number.
        bins: of the thermometer; None: 32.
        reference: the value for samples and evaluations that name none, one that may be drawn; None: their median.
        per_condition: neighbouring trajectories of a batch that are drawn under the same value.

    Pinned by tests/conditions/test_target.py.
    """

    label = "target"

    def __init__(
        self,
        *,
        name: Annotated[str, Field(min_length=1)],
        draw: Draw,
        encoding: Literal["thermometer", "plain"] = "thermometer",
        bins: Annotated[int, Field(ge=1)] | None = None,
        reference: float | None = None,
        per_condition: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.property = name
        self.name = f"the target of {name}"
        self.column = f"target_{name}"
        self.columns = (self.column,)
        self.value = draw
        self.encoder = number_encoder(encoding, bins)
        self.size = self.encoder.size
        self.per_condition = per_condition
        self._reference = draw.middle if reference is None else reference
        if problem := self.problem({self.column: self._reference}):
            raise ConfigError(f"condition: reference: {problem}")

    @property
    def reference(self) -> dict[str, float]:
        return {self.column: self._reference}

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self.value.draw(n, generator, device)[:, None]

    def encode(self, values: Tensor) -> Tensor:
        return self.encoder(self.value.share(values))

    def problem(self, values: Mapping[str, float]) -> str | None:
        return self.value.problem(self.column, values[self.column], self.name)

    @property
    def trained(self) -> str:
        return f"1 number ({self.column}), {self.value.in_words}"

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """Quantiles of the draws."""
        return self.value.spread(n)[:, None]

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> Tensor:
        """The object's own value of the property; as it is where there is none, or one that is never drawn."""
        name = f"{self.property}_raw"
        if name not in achieved:
            raise ContractError(f"{self.name} is about {self.property}, but the reward says nothing of it")
        own = achieved[name].double().to(values.device)[:, None]
        return torch.where(self.value.covers(own), own, values)
