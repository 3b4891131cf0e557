"""How weights of objectives, which are not negative and sum to 1, are drawn for each condition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError

#: of a Dirichlet distribution: one number for all objectives, or one for each
Alpha = Annotated[float, Field(gt=0)] | Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=2)]

#: a concentration below this makes no difference any more: one weight is 1
LEAST = 1e-12


@attributes_in_docstring
class Weights(ABC):
    """A distribution over the simplex of K weights; letters: n draws."""

    #: K, once ``begin`` was told
    count: int

    def begin(self, count: int) -> None:
        """Weights of ``count`` objectives will be drawn.

        Raises:
            ConfigError: it has settings for another number of them.
        """
        self.count = count

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """float64 [n, K]; the generator is on the device."""

    def spread(self, n: int) -> Tensor | None:
        """At most n weights for evaluations, float64 [<= n, K]; None where all of the simplex is drawn from."""
        return None


class Dirichlet(Weights):
    """A Dirichlet distribution.

    Args:
        alpha: one number for all objectives or one for each, above 0; 1: uniform, above 1: more in the middle, below
            1: more at the corners.
    """

    def __init__(self, *, alpha: Alpha = 1.5) -> None:
        self.alpha = alpha

    def begin(self, count: int) -> None:
        super().begin(count)
        self._concentration = _each(self.alpha, count)

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return _dirichlet(self._concentration.to(device).expand(n, -1), generator)


class ExponentialDirichlet(Dirichlet):
    """A Dirichlet distribution of random concentrations b a, a ~ Dirichlet(alpha), b exponential of mean 1.

    Its mean is that of Dirichlet(alpha); it draws far more weights near the corners and edges, where objectives stand
    alone.

    Args:
        alpha: as of ``Dirichlet``.

    Reference: ``dirichlet_exponential`` of recursionpharma/gflownet, used with Zhu et al. 2023, arXiv 2302.04040.
    """

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        a = super().draw(n, generator, device)
        b = -torch.rand(n, 1, generator=generator, device=device, dtype=torch.float64).neg().log1p()
        return _dirichlet(a * b, generator)


class FixedSet(Weights):
    """A fixed set of weights, each equally often; between them a policy has to find its own way.

    Args:
        number: how many there are.
        seed: they are drawn once, by a random stream of this seed.
        alpha: of the Dirichlet distribution that they are drawn from, as of ``Dirichlet``.
    """

    def __init__(
        self, *, number: Annotated[int, Field(ge=1)] = 64, seed: Annotated[int, Field(ge=0)] = 0, alpha: Alpha = 1.0
    ) -> None:
        self.number, self.seed, self.alpha = number, seed, alpha

    def begin(self, count: int) -> None:
        super().begin(count)
        concentration = _each(self.alpha, count).expand(self.number, -1)
        self._set = _dirichlet(concentration, torch.Generator().manual_seed(self.seed))

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        place = torch.randint(self.number, (n,), generator=generator, device=device)
        return self._set.to(device)[place]

    def spread(self, n: int) -> Tensor | None:
        return self._set.clone() if self.number <= n else None


def _each(alpha: float | list[float], count: int) -> Tensor:
    """float64 [K]."""
    if isinstance(alpha, list) and len(alpha) != count:
        raise ConfigError(f"alpha: has {len(alpha)} numbers, but there are {count} objectives; give one for each")
    many = alpha if isinstance(alpha, list) else [alpha] * count
    return torch.tensor(many, dtype=torch.float64)


def _dirichlet(concentration: Tensor, generator: torch.Generator | None) -> Tensor:
    """One draw for each row of float64 [n, K].

    By the logarithms of gamma numbers, G(a) = G(a + 1) U^(1 / a), which do not underflow where a is small.
    """
    gamma = torch._standard_gamma(concentration + 1, generator=generator)  # pyright: ignore[reportPrivateImportUsage]
    share = torch.rand(concentration.shape, generator=generator, device=concentration.device, dtype=torch.float64)
    least = torch.finfo(torch.float64).tiny
    logs = gamma.clamp(min=least).log() + share.clamp(min=least).log() / concentration.clamp(min=LEAST)
    return logs.softmax(1)
