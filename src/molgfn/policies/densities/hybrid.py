"""The distribution of an action that is a choice and real coordinates."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import Tensor

from molgfn.environments.real_actions import Chart, action, split
from molgfn.policies.densities.mixture import Mixture, Reference
from molgfn.policies.distributions import Categorical, HasSampledKL, HasTempering


class Hybrid(HasSampledKL, HasTempering):
    """P(choice) p(coordinates that are active after it), actions float64 [B, 1 + d] (see ``RealActions``).

    ``log_prob`` is the log of a probability of the choice times a density of the coordinates over the reference measure
    of the step. Tempered are the choice and each component of the density; uniform is the even choice and the density
    without parameters.

    Args:
        choice: of B states.
        density: of places, of the same states.
        chart: what places are at these states.
    """

    density: ClassVar[bool] = True

    def __init__(self, choice: Categorical, places: Mixture | Reference, chart: Chart) -> None:
        self.choice = choice
        self.places = places
        self.chart = chart

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        chosen = self.choice.sample(generator)
        return action(chosen, self.chart.move(chosen, self.places.sample(generator)))

    def log_prob(self, actions: Tensor) -> Tensor:
        chosen, move = split(actions)
        place, volume = self.chart.place(chosen, move)
        log_density = self.places.log_prob(place, self.chart.active(chosen)) - volume
        log_p = self.choice.log_prob(chosen)
        return log_p + log_density.to(log_p.dtype)

    def frozen(self) -> Self:
        return type(self)(self.choice.frozen(), self.places.frozen(), self.chart)

    def tempered(self, temperature: float | Tensor) -> Self:
        return type(self)(self.choice.tempered(temperature), self.places.tempered(temperature), self.chart)

    def uniform(self) -> Self:
        return type(self)(self.choice.uniform(), self.places.reference(), self.chart)
