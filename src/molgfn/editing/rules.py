"""Which steps of a lead are taken otherwise, and by what: GFNSeqEditor, a random mask, a swap at random."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError


@attributes_in_docstring
class Rule(ABC):
    """Says of each step of a lead whether it is taken otherwise, and what may be taken instead."""

    #: only what is at the place of the lead's step may be taken instead, each alike; otherwise what P_F says
    blind: bool = False

    @abstractmethod
    def noise(self, n: int, steps: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        """float64 [n, steps], one random number for each step."""

    @abstractmethod
    def flags(self, share: Tensor, best: Tensor, noise: Tensor) -> Tensor:
        """bool [B]: the step may be taken otherwise.

        Args:
            share: P_F of the lead's step, float64 [B].
            best: of the best action, float64 [B].
            noise: as of ``noise``, [B].
        """

    def mixed(self, probabilities: Tensor, own: Tensor) -> Tensor:
        """What is drawn from, [B, A]: ``probabilities`` [B, A] and the lead's own action [B]; by default the former."""
        return probabilities


@dataclass(frozen=True)
class SeqEditor(Rule):
    """GFNSeqEditor: a step is kept where P_F(a) >= delta max P_F + nu, nu ~ N(0, sigma^2); else it is drawn from
    (1 - lambda) P_F + lambda 1[lead's].

    Args:
        delta: in [0, 1]; 0 (with sigma 0) changes nothing, 1 flags all but the best.
        mixing: lambda, in [0, 1]; 1 changes nothing.
        sigma: of the noise, not negative.

    Reference: Ghari et al., "GFlowNet Assisted Biological Sequence Editing", NeurIPS 2024, algorithm 1.
    """

    delta: float = 0.4
    mixing: float = 0.1
    sigma: float = 0.001

    def __post_init__(self) -> None:
        named = {"delta": self.delta, "mixing": self.mixing}
        problems = [f"{name}: should be in [0, 1], got {value}" for name, value in named.items() if not 0 <= value <= 1]
        if not self.sigma >= 0:
            problems.append(f"sigma: should be at least 0, got {self.sigma}")
        if problems:
            raise ConfigError(problems)

    def noise(self, n: int, steps: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        return self.sigma * torch.randn(n, steps, generator=generator, device=device, dtype=torch.float64)

    def flags(self, share: Tensor, best: Tensor, noise: Tensor) -> Tensor:
        return share < self.delta * best + noise

    def mixed(self, probabilities: Tensor, own: Tensor) -> Tensor:
        seed = torch.zeros_like(probabilities).scatter(1, own[:, None], 1.0)
        return (1 - self.mixing) * probabilities + self.mixing * seed


@dataclass(frozen=True)
class Masked(Rule):
    """Each step is masked with probability ``fraction``, in [0, 1], one for all or one for each walk, and drawn anew
    from P_F.

    Reference: Kim et al., delta-Conservative Search, arXiv 2410.04461 (there of strings).
    """

    fraction: float | Sequence[float] = 0.5

    def __post_init__(self) -> None:
        numbers = [self.fraction] if isinstance(self.fraction, int | float) else self.fraction
        if bad := [number for number in numbers if not 0 <= number <= 1]:
            raise ConfigError(f"fraction: should be in [0, 1], got {bad[0]}")

    def noise(self, n: int, steps: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        return torch.rand(n, steps, generator=generator, device=device, dtype=torch.float64)

    def flags(self, share: Tensor, best: Tensor, noise: Tensor) -> Tensor:
        return noise < torch.as_tensor(self.fraction, dtype=noise.dtype, device=noise.device)


@dataclass(frozen=True)
class Swapped(Rule):
    """Any step, for anything else that may stand at its place, each alike (a matched pair); P_F is not asked."""

    blind: bool = True

    def noise(self, n: int, steps: int, generator: torch.Generator | None, device: torch.device) -> Tensor:
        return torch.zeros(n, steps, dtype=torch.float64, device=device)

    def flags(self, share: Tensor, best: Tensor, noise: Tensor) -> Tensor:
        return torch.ones_like(share, dtype=torch.bool)
