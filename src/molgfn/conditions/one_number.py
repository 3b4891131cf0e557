"""What conditions of one number share: it is drawn, and shown by the share of the draws that lie below it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.draws import Draw
from molgfn.conditions.encoders import Encoder, Plain, Thermometer
from molgfn.errors import ConfigError


class OneNumber(Condition):
    """A number that is drawn anew; values that are drawn equally often are equally easy to tell apart for a policy.

    A class sets ``name`` and ``columns``, one, before it calls this constructor.

    Args:
        value: how it is drawn.
        encoding: "thermometer" or "plain", one number.
        bins: of the thermometer; None: 32.
        reference: the value that is taken where nobody gives another; None: the median of the draws.
        per_condition: neighbouring trajectories of a batch that are drawn under the same value.

    Raises:
        ConfigError: it is shown as it is, and has bins; or the reference is not drawn.
    """

    def __init__(
        self, value: Draw, *, encoding: str, bins: int | None, reference: float | None, per_condition: int
    ) -> None:
        if encoding == "plain" and bins is not None:
            raise ConfigError(f"condition: bins is {bins}, but the encoding is plain and has none; leave it null")
        self.value = value
        self.encoder: Encoder = Plain() if encoding == "plain" else Thermometer(bins=bins or 32)
        self.size = self.encoder.size
        self.per_condition = per_condition
        self._reference = value.middle if reference is None else reference
        if problem := self.problem(self.reference):
            raise ConfigError(f"condition: reference: {problem}")

    @property
    def column(self) -> str:
        """The name of the number."""
        return self.columns[0]

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
