"""A target as a condition: the value that a property should have, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.draws import Draw
from molgfn.conditions.one_number import OneNumber
from molgfn.errors import ContractError


class Target(OneNumber):
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
        self.columns = (f"target_{name}",)
        super().__init__(draw, encoding=encoding, bins=bins, reference=reference, per_condition=per_condition)

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> Tensor:
        """The object's own value of the property; as it is where there is none, or one that is never drawn."""
        name = f"{self.property}_raw"
        if name not in achieved:
            raise ContractError(f"{self.name} is about {self.property}, but the reward says nothing of it")
        own = achieved[name].double().to(values.device)[:, None]
        return torch.where(self.value.covers(own), own, values)
