"""What there is to choose about masks and their posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass

from molgfn.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class MaskSettings:
    """Of Monte Carlo dropout and of GFlowOut; the first reads ``rate`` and ``samples`` only.

    Attributes:
        rate: probability under the prior that a unit is dropped, in (0, 1).
        samples: masks at test time, at least 2.
        conditional: q(z | x, y), and p(z | x) at test time; False: q(z), one distribution for all molecules.
        beta: the log likelihood is multiplied by it (a temperature is 1 / beta); more than 0. Of q(z) it stands before
            the sum over all N molecules, where 1 is the posterior, and less keeps it broader.
        steps: gradient steps of trajectory balance.
        batch: molecules in a step of q(z | x, y), at most; q(z) takes 1,024.
        draws: masks in a step, for each molecule or for all; at least 2, half of them with ``temperature``.
        lr: learning rate of the networks of masks (AdamW).
        lr_log_z: of log Z of q(z), a number; log Z(x, y) is a network and takes ``lr`` ten times.
        weight_decay: of the networks of masks, of their weights only.
        temperature: that log odds are divided by in half of the draws while training; at least 1.

    Raises:
        ConfigError: a number outside of its range.

    Reference: Liu et al., "GFlowOut: Dropout with Generative Flow Networks", ICML 2023, arXiv 2210.12928.
    """

    rate: float = 0.1
    samples: int = 64
    conditional: bool = True
    beta: float = 1.0
    steps: int = 1000
    batch: int = 64
    draws: int = 16
    lr: float = 1e-3
    lr_log_z: float = 0.1
    weight_decay: float = 0.1
    temperature: float = 2.0

    def __post_init__(self) -> None:
        wrong = [
            text
            for fine, text in (
                (0 < self.rate < 1, f"rate: {self.rate:g}; a unit is dropped with a probability between 0 and 1"),
                (self.samples >= 2, f"samples: {self.samples}; a standard deviation takes at least 2 masks"),
                (0 < self.beta < math.inf, f"beta: {self.beta:g}; it should be more than 0"),
                (self.steps >= 1, f"steps: {self.steps}; at least 1"),
                (self.batch >= 1, f"batch: {self.batch}; at least 1"),
                (self.draws >= 2, f"draws: {self.draws}; at least 2"),
                (0 < self.lr < math.inf, f"lr: {self.lr:g}; it should be more than 0"),
                (0 < self.lr_log_z < math.inf, f"lr_log_z: {self.lr_log_z:g}; it should be more than 0"),
                (0 <= self.weight_decay < math.inf, f"weight_decay: {self.weight_decay:g}; it should be at least 0"),
                (1 <= self.temperature < math.inf, f"temperature: {self.temperature:g}; it should be at least 1"),
            )
            if not fine
        ]
        if wrong:
            raise ConfigError("; ".join(wrong))
