"""A preference as a condition: weights of named objectives, drawn anew for each trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.encoders import SimplexWeights
from molgfn.conditions.objectives import columns_of, spread_out
from molgfn.conditions.weights import Dirichlet, Weights


class Preference(Condition):
    """Weights of several objectives, not negative and with the sum 1: one policy makes objects for every trade-off.

    The columns are ``preference_NAME``. The reward must read them: a scalarisation of the run's oracle whose weights
    are left to the condition.

    Args:
        names: of the objectives, at least two; None: those of the run's oracle that are no filter.
        weights: how they are drawn (``molgfn.conditions.weights``: Dirichlet, ExponentialDirichlet, FixedSet); None:
            Dirichlet of alpha 1.5.
        bins: of the thermometer by which each weight is shown, beside the weight itself; 0: without.
        per_condition: neighbouring trajectories of a batch that are drawn under the same weights.

    Reference: Jain et al. 2023, arXiv 2210.12765 (MOGFN-PC).
    Pinned by tests/conditions/test_preference.py.
    """

    name = "the preference"
    label = "preference"
    of_objectives = True

    def __init__(
        self,
        *,
        names: Annotated[list[str], Field(min_length=2)] | None = None,
        weights: Weights | None = None,
        bins: Annotated[int, Field(ge=0)] = 16,
        per_condition: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.columns = columns_of(self.label, names)
        self.names = tuple(names or ())
        self.weights = Dirichlet() if weights is None else weights
        self.weights.begin(len(self.columns))
        self.encoder = SimplexWeights(len(self.columns), bins)
        self.size = self.encoder.size
        self.per_condition = per_condition

    @property
    def reference(self) -> dict[str, float]:
        """All weights are the same."""
        return dict.fromkeys(self.columns, 1 / len(self.columns))

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self.weights.draw(n, generator, device)

    def encode(self, values: Tensor) -> Tensor:
        return self.encoder(values)

    def problem(self, values: Mapping[str, float]) -> str | None:
        problem = SimplexWeights.problem([values[column] for column in self.columns])
        return None if problem is None else f"preference: {problem}; give {self.trained}"

    @property
    def trained(self) -> str:
        return f"{len(self.columns)} weights ({', '.join(self.names)}), not negative and with the sum 1"

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """The fixed set where there is one that is no larger; else k-means centres of a uniform sample."""
        known = self.weights.spread(n)
        if known is not None:
            return known
        uniform = Dirichlet(alpha=1.0)
        uniform.begin(len(self.columns))
        return spread_out(uniform.draw, n, seed)
