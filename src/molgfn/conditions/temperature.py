"""A temperature as a condition: the reward's exponent beta, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from molgfn.conditions.draws import Draw, LogUniform
from molgfn.conditions.one_number import OneNumber
from molgfn.errors import ConfigError


class Temperature(OneNumber):
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
        self.beta = beta = LogUniform() if beta is None else beta
        if not beta.positive:
            raise ConfigError(f"condition: beta should be drawn above 0, but is drawn {beta.in_words}")
        super().__init__(beta, encoding=encoding, bins=bins, reference=reference, per_condition=per_condition)

    def problem(self, values: Mapping[str, float]) -> str | None:
        beta = values["beta"]
        if beta <= 0:  # a gamma distribution begins there, and has no such value
            return f"beta is {beta:g}, and should be above 0"
        return super().problem(values)
