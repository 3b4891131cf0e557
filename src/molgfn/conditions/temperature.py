"""A temperature as a condition: the reward's exponent beta, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.draws import Draw, LogUniform
from molgfn.conditions.encoders import Encoder, Plain, Thermometer
from molgfn.errors import ConfigError


class Temperature(Condition):
    """The inverse temperature ``beta``: P_T(x | beta) in proportion to R(x)^beta, from one policy for all of them.

    It is shown to the policy by the share of the draws that lie below it, so that values which are drawn equally often
    are equally easy to tell apart. The reward must read it (``reward.beta`` null).

    Args:
        beta: how it is drawn (``molgfn.conditions.draws``: Constant, Uniform, LogUniform, Gamma, Discrete), above 0;
            None: log-uniform in [1, 64].
        encoding: "thermometer" or "plain", one number.
        bins: of the thermometer; None: 32.
        reference: the value for samples and evaluations that name none, within the range of the draws; None: their
            median.
        per_condition: neighbouring trajectories of a batch that are drawn under the same value.

    Reference: Jain et al. 2023, arXiv 2210.12765; Kim et al. 2024, arXiv 2310.02823 (conditional on temperature).
    Pinned by tests/environments/test_conditional.py.
    """

    name = "the temperature"
    label = "temperature"
    columns = ("beta",)

    def __init__(
        self,
        *,
        beta: Draw | None = None,
        encoding: Literal["thermometer", "plain"] = "thermometer",
        bins: Annotated[int, Field(ge=1)] | None = None,
        reference: Annotated[float, Field(gt=0)] | None = None,
        per_condition: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.encoder = number_encoder(encoding, bins)
        self.beta = beta = LogUniform() if beta is None else beta
        if not beta.positive:
            raise ConfigError(f"condition: beta should be drawn above 0, but is drawn {beta.in_words}")
        self.per_condition = per_condition
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
        beta = values["beta"]
        if beta <= 0:  # a gamma distribution begins there, and has no such value
            return f"beta is {beta:g}, and should be above 0"
        return self.beta.problem("beta", beta, self.name)

    @property
    def trained(self) -> str:
        return f"1 number (beta), {self.beta.in_words}"

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """Quantiles of the draws."""
        return self.beta.spread(n)[:, None]


def number_encoder(encoding: str, bins: int | None) -> Encoder:
    """How one number is shown: by a thermometer of ``bins`` (None: 32), or as it is.

    Raises:
        ConfigError: it is shown as it is, and has bins.
    """
    if encoding == "plain" and bins is not None:
        raise ConfigError(f"condition: bins is {bins}, but the encoding is plain and has none; leave it null")
    return Plain() if encoding == "plain" else Thermometer(bins=bins or 32)
