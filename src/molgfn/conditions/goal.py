"""A goal as a condition: a direction in the space of named objectives, drawn anew for each trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.conditions.base import Condition
from molgfn.conditions.directions import Directions, UniformDirections
from molgfn.conditions.encoders import Thermometer
from molgfn.conditions.objectives import columns_of, spread_out
from molgfn.errors import ConfigError, ContractError

#: by how much the length of a unit vector may differ from 1
TOLERANCE = 1e-6


class Goal(Condition):
    """The direction in which the objectives of an object should lie, seen from 0: a unit vector, not negative.

    Where a preference weighs objectives, so that a policy finds what is best for these weights, a goal says in which
    proportion they should stand: this reaches the concave parts of a front, too. The columns are ``goal_NAME``. The
    reward must read them (a focus cone about the goal).

    Args:
        names: of the objectives, at least two; None: those of the run's oracle that are no filter.
        directions: how they are drawn (``molgfn.conditions.directions``: UniformDirections, LearnedDirections); None:
            uniformly.
        bins: of the thermometer by which each coordinate is shown.
        per_condition: neighbouring trajectories of a batch that are drawn under the same goal.

    Reference: Roy et al. 2023, arXiv 2306.04620.
    Pinned by tests/conditions/test_goal.py.
    """

    name = "the goal"
    label = "goal"
    of_objectives = True

    def __init__(
        self,
        *,
        names: Annotated[list[str], Field(min_length=2)] | None = None,
        directions: Directions | None = None,
        bins: Annotated[int, Field(ge=1)] = 16,
        per_condition: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.columns = columns_of(self.label, names)
        self.names = tuple(names or ())
        self.directions = UniformDirections() if directions is None else directions
        self.directions.begin(len(self.columns))
        self.learns = self.directions.learns
        self.encoder = Thermometer(len(self.columns), bins)
        self.size = self.encoder.size
        self.per_condition = per_condition

    @property
    def reference(self) -> dict[str, float]:
        """The same for all objectives."""
        return dict.fromkeys(self.columns, 1 / math.sqrt(len(self.columns)))

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return self.directions.draw(n, generator, device)

    def encode(self, values: Tensor) -> Tensor:
        return self.encoder(values)

    def problem(self, values: Mapping[str, float]) -> str | None:
        vector = [values[column] for column in self.columns]
        length = math.hypot(*vector)
        if all(x >= 0 for x in vector) and abs(length - 1) <= TOLERANCE:
            return None
        shown = ", ".join(f"{x:g}" for x in vector)
        return (
            f"the goal {shown} should be a direction of length 1 without negative numbers (its length is "
            f"{length:.6g}); condition.{self.label}=... takes one of any length"
        )

    @property
    def trained(self) -> str:
        return f"{len(self.columns)} numbers ({', '.join(self.names)}), a direction, not negative"

    def read(self, numbers: Sequence[float]) -> dict[str, float]:
        """The direction of ``numbers``, whatever their length.

        Raises:
            ConfigError: too few or too many of them, a negative one, or nothing but 0.
        """
        self.require_length(numbers)
        length = math.hypot(*numbers)
        if not (all(x >= 0 for x in numbers) and 0 < length < math.inf):
            shown = ", ".join(f"{x:g}" for x in numbers)
            raise ConfigError(f"condition.{self.label}: should be {self.trained} and not all 0, got {shown}")
        return super().read([x / length for x in numbers])

    def validation(self, n: int, seed: int = 0) -> Tensor:
        """k-means centres of uniform directions, made directions again."""
        uniform = UniformDirections()
        uniform.begin(len(self.columns))
        centres = spread_out(uniform.draw, n, seed)
        return centres / centres.norm(dim=1, keepdim=True)

    def hindsight(self, values: Tensor, achieved: Mapping[str, Tensor]) -> Tensor:
        """The direction of the object's own objectives; as it is where one is unknown or all are 0."""
        own, known = self._own(achieved)
        return torch.where(known[:, None].to(values.device), own.to(values), values)

    def observe(self, values: Tensor, achieved: Mapping[str, Tensor], progress: float) -> None:
        own, known = self._own(achieved)
        self.directions.observe(values, own[known], progress)

    def state_dict(self) -> dict[str, Any]:
        return self.directions.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.directions.load_state_dict(state)

    def _own(self, achieved: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The directions of objects, float64 [B, K], and which of them have one, bool [B]."""
        if missing := [name for name in self.names if name not in achieved]:
            raise ContractError(
                f"the goal is about {', '.join(self.names)}, but the reward says nothing of {', '.join(missing)}"
            )
        made = torch.stack([achieved[name].double() for name in self.names], 1).clamp(min=0)
        length = made.norm(dim=1, keepdim=True)
        return made / length, (length > 0).squeeze(1)
