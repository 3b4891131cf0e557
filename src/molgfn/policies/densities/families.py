"""Densities of one coordinate: on an interval, on a circle, on a line. Each normalises to 1e-6 or better."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.real_actions import Space
from molgfn.errors import ConfigError

#: log density of what cannot be; as of illegal choices it leaves every gradient finite
IMPOSSIBLE = -1e9
TURN = 2 * math.pi
#: densities on a circle
CircleName = Literal["von_mises", "wrapped_normal"]


@attributes_in_docstring
class Family(ABC):
    """A density with two parameters; everything is elementwise, in float64, and without a wait for the device."""

    #: where places are
    space: Space
    #: a place in the space
    somewhere: float

    @abstractmethod
    def shaped(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """The two parameters, from unbounded numbers [..., 2]."""

    @abstractmethod
    def start(self, components: int) -> Tensor:
        """Numbers [components, 2] of which ``shaped`` makes densities that together cover the space."""

    @abstractmethod
    def log_prob(self, place: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Log density of places."""

    @abstractmethod
    def sample(self, first: Tensor, second: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A place of each pair of parameters."""

    @abstractmethod
    def flattened(self, first: Tensor, second: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        """Parameters of about the density to the power 1 / ``temperature``."""

    @abstractmethod
    def reference_log_prob(self, place: Tensor) -> Tensor:
        """Log of the density that has no parameters: uniform on an interval and a circle, standard normal on a line."""

    @abstractmethod
    def reference_sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Of it, float64 in the shape of ``like``."""


@dataclass(frozen=True)
class Beta(Family):
    """Beta(a, b) on [0, 1], a and b in (``least``, ``most``).

    Below 1 the density has a pole at an end. Of a mass of about x^a within x of an end, what double precision cannot
    hold is lost: 1e-7 at a = .5, 3 % at a = .1, the least of arXiv 2301.12594.
    """

    least: float = 0.5
    most: float = 10.0
    space: Space = "interval"
    somewhere: float = 0.5

    #: nearest to an end that a place is taken for
    EDGE = 1e-14
    #: beyond an end by rounding
    SLACK = 1e-6

    def shaped(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        a, b = (self.least + (self.most - self.least) * raw.double().sigmoid()).unbind(-1)
        return a, b

    def start(self, components: int) -> Tensor:
        uniform = (1 - self.least) / (self.most - self.least)  # Beta(1, 1)
        return torch.full((components, 2), math.log(uniform / (1 - uniform)))

    def log_prob(self, place: Tensor, first: Tensor, second: Tensor) -> Tensor:
        x = place.clamp(self.EDGE, 1 - self.EDGE)
        norm = torch.lgamma(first) + torch.lgamma(second) - torch.lgamma(first + second)
        value = (first - 1) * x.log() + (second - 1) * torch.log1p(-x) - norm
        return torch.where(self._inside(place), value, IMPOSSIBLE)

    def sample(self, first: Tensor, second: Tensor, generator: torch.Generator | None = None) -> Tensor:
        a, b = (torch._standard_gamma(p, generator=generator) for p in (first, second))  # type: ignore[reportPrivateImportUsage]
        return (a / (a + b)).clamp(self.EDGE, 1 - self.EDGE)

    def flattened(self, first: Tensor, second: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        return 1 + (first - 1) / temperature, 1 + (second - 1) / temperature

    def reference_log_prob(self, place: Tensor) -> Tensor:
        return torch.where(self._inside(place), 0.0, IMPOSSIBLE).to(place.dtype)

    def reference_sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return _uniform(like, generator).clamp(self.EDGE, 1 - self.EDGE)

    def _inside(self, place: Tensor) -> Tensor:
        return (place > -self.SLACK) & (place < 1 + self.SLACK)


class Circular(Family):
    """On the circle, by a mean and a spread; uniform without parameters."""

    space: Space = "circle"
    somewhere: float = 0.0

    def start(self, components: int) -> Tensor:
        mean = TURN * torch.arange(components) / components - math.pi
        return torch.stack([mean, torch.zeros(components)], 1)

    def reference_log_prob(self, place: Tensor) -> Tensor:
        return torch.full_like(place, -math.log(TURN))

    def reference_sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return TURN * (_uniform(like, generator) - 0.5)


@dataclass(frozen=True)
class VonMises(Circular):
    """Von Mises, exp(kappa cos(x - mean)) / (2 pi I0(kappa)), kappa = ``least`` + exp(raw), at most ``most``.

    I0 is the exponentially scaled Bessel function, so that nothing overflows. Drawn by Best and Fisher's rejection
    (1979) with a fixed number of tries, which none of 1e12 outlasts.
    """

    least: float = 0.0
    most: float = 1e4

    #: of each try at least .65 are accepted: .35^27 is 5e-13
    TRIES = 27

    def shaped(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_kappa = raw.double().unbind(-1)
        return mean, (self.least + log_kappa.clamp(max=math.log(self.most)).exp()).clamp(1e-6, self.most)

    def log_prob(self, place: Tensor, first: Tensor, second: Tensor) -> Tensor:
        # 1 - cos without the difference
        value = -2 * second * torch.sin((place - first) / 2).square()
        return value - torch.special.i0e(second).log() - math.log(TURN)

    def sample(self, first: Tensor, second: Tensor, generator: torch.Generator | None = None) -> Tensor:
        kappa = second.clamp(min=1e-4)  # below it the density is uniform to 1e-4, and the formula loses its digits
        tau = 1 + (1 + 4 * kappa.square()).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        r = (1 + rho.square()) / (2 * rho)
        u = torch.rand(
            (3, self.TRIES, *first.shape), dtype=first.dtype, device=first.device, generator=generator
        ).clamp(min=1e-300)
        z = torch.cos(math.pi * u[0])
        f = (1 + r * z) / (r + z)
        c = kappa * (r - f)
        good = (c * (2 - c) > u[1]) | ((c / u[1]).log() + 1 >= c)
        at = good.int().argmax(0, keepdim=True)  # the first that is accepted
        cosine, side = f.gather(0, at)[0], u[2].gather(0, at)[0]
        return _wrapped(first + torch.where(side < 0.5, -1.0, 1.0) * cosine.clamp(-1, 1).arccos())

    def flattened(self, first: Tensor, second: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        return first, second / temperature


@dataclass(frozen=True)
class WrappedNormal(Circular):
    """A normal wound around the circle, its standard deviation in (``least``, pi / 2); three images on each side."""

    least: float = 1e-2

    IMAGES = 3

    def shaped(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = raw.double().unbind(-1)
        return mean, self.least + (math.pi / 2 - self.least) * spread.sigmoid()

    def log_prob(self, place: Tensor, first: Tensor, second: Tensor) -> Tensor:
        images = TURN * torch.arange(-self.IMAGES, self.IMAGES + 1, device=place.device, dtype=place.dtype)
        z = (_wrapped(place - first)[..., None] + images) / second[..., None]
        return torch.logsumexp(-0.5 * z.square(), -1) - second.log() - 0.5 * math.log(TURN)

    def sample(self, first: Tensor, second: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return _wrapped(first + second * _normal(first, generator))

    def flattened(self, first: Tensor, second: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        return first, (second * _root(temperature)).clamp(max=math.pi / 2)


@dataclass(frozen=True)
class Normal(Family):
    """Normal on the line, its standard deviation in [``least``, ``most``], 1 where the network gives 0."""

    least: float = 0.1
    most: float = 10.0
    space: Space = "line"
    somewhere: float = 0.0

    def shaped(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = raw.double().unbind(-1)
        return mean, log_deviation.clamp(math.log(self.least), math.log(self.most)).exp()

    def start(self, components: int) -> Tensor:
        return torch.zeros(components, 2)  # the reference itself

    def log_prob(self, place: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return -0.5 * ((place - first) / second).square() - second.log() - 0.5 * math.log(TURN)

    def sample(self, first: Tensor, second: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return first + second * _normal(first, generator)

    def flattened(self, first: Tensor, second: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        return first, second * _root(temperature)

    def reference_log_prob(self, place: Tensor) -> Tensor:
        return -0.5 * place.square() - 0.5 * math.log(TURN)

    def reference_sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return _normal(like, generator)


def family_of(
    space: Space,
    beta_range: tuple[float, float],
    circle: CircleName,
    least_concentration: float,
    deviation_range: tuple[float, float],
) -> Family:
    """The density on ``space``; the other arguments are those of ``MixturePolicy``.

    Raises:
        ConfigError: a range without an inside, or one of Beta that leaves 1 (the uniform density) out.
    """
    for name, (low, high) in (("beta_range", beta_range), ("deviation_range", deviation_range)):
        if not low < 1 < high:
            raise ConfigError(f"policy.{name}: from {low} to {high}; 1, where it starts, must lie between them")
    if space == "interval":
        return Beta(*beta_range)
    if space == "line":
        return Normal(*deviation_range)
    return VonMises(least_concentration) if circle == "von_mises" else WrappedNormal()


def _root(temperature: Tensor | float) -> Tensor | float:
    return temperature.sqrt() if isinstance(temperature, Tensor) else math.sqrt(temperature)


def _wrapped(angle: Tensor) -> Tensor:
    return torch.remainder(angle + math.pi, TURN) - math.pi


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(like.shape, dtype=torch.float64, device=like.device, generator=generator)


def _normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, dtype=torch.float64, device=like.device, generator=generator)
