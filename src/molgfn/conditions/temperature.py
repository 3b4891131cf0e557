"""A temperature as a condition: the reward's exponent beta, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.draws import Draw, LogUniform
from molgfn.conditions.encoders import Plain, Thermometer
from molgfn.errors import ConfigError


class Temperature(Condition):
    """The inverse temperature ``beta``: P_T(x | beta) in proportion to R(x)^beta, from one policy for all of them.

    It is shown to the policy by the share of the draws that lie below it, so that values which are drawn equally often
    are equally easy to tell apart. The reward must read it (``reward.beta`` null).

    Args:
        beta: how it is drawn (``molgfn.conditions.draws``: Constant, Uniform, LogUniform, Gamma); None: log-uniform in
            [1, 64].
        encoding: "thermometer" or "plain", one number.
        bins: of the thermometer; None: 32.
        reference: the value for samples and evaluations that name none, within the range of the draws; None: their
            median.

    Reference: Jain et al. 2023, arXiv 2210.12765; Kim et al. 2024, arXiv 2310.02823 (conditional on temperature).
    Pinned by tests/environments/test_conditional.py.
    """

    name = "the temperature"
    columns = ("beta",)

    def __init__(
        self,
        *,
        beta: Draw | None = None,
        encoding: Literal["thermometer", "plain"] = "thermometer",
        bins: Annotated[int, Field(ge=1)] | None = None,
        reference: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        if encoding == "plain" and bins is not None:
            raise ConfigError(f"condition: bins is {bins}, but the encoding is plain and has none; leave it null")
        self.beta = beta = LogUniform() if beta is None else beta
        self.encoder = Plain() if encoding == "plain" else Thermometer(bins=bins or 32)
        self.size = self.encoder.size
        self._reference = beta.middle if reference is None else reference
        if problem := self.problem({"beta": self._reference}):
            raise ConfigError(f"condition: reference: {problem}")

    @property
    def reference(self) -> dict[str, float]:
        return {"beta": self._reference}

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self.beta.draw(n, generator, device)[:, None]

    def encode(self, values: Tensor) -> Tensor:
        return self.encoder(self.beta.share(values))

    def problem(self, values: Mapping[str, float]) -> str | None:
        beta, low, high = values["beta"], self.beta.low, self.beta.high
        if beta > 0 and low * (1 - 1e-9) <= beta <= high * (1 + 1e-9):
            return None
        trained = f"from {low:g} to {high:g}" if low < high else f"{low:g} alone"
        return f"beta is {beta:g}, but the temperature is drawn {trained}, and the policy knows no other"
