"""P_B that prefers cheap routes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.environments.reactions.cost_weights import CostWeights
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated


class CostGuided(BackwardPolicyTraining):
    """``P_B(s|s') ~ exp(-strength c(s', a) / scale)`` over the reactions that give a molecule: cheap ways back.

    ``c = (c(x) + prices of the blocks) / yield``, c(x) that of the molecule before in the state s, the least over all
    its routes of as many reactions as s has; c of a block is its price. Where the authors train a network to predict
    c(x), it is computed here, exactly, by the recursion that finds the ways back, so nothing is trained. Ways from
    which no block can be reached have probability 0. For environment=reactions with states that are molecules.

    Args:
        strength: the larger, the surer P_B takes the cheapest way; 0 is uniform (authors: 5).
        scale: in the unit of prices; null: the standard deviation of the prices of all blocks, as the authors have it.
        unknown_price: of a block that has none; null refuses it.
        unknown_yield: of a reaction that has none, in (0, 1].

    Reference: Gaiński et al. 2025, arXiv 2506.19865 (SCENT, recursive cost guidance). Pinned by
    tests/environments/reactions/test_guided.py.
    """

    learned: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Gaiński et al. 2025, arXiv 2506.19865 (recursive cost guidance)"

    def __init__(
        self,
        *,
        strength: Annotated[float, Field(ge=0)] = 5.0,
        scale: Annotated[float, Field(gt=0)] | None = None,
        unknown_price: Annotated[float, Field(gt=0)] | None = None,
        unknown_yield: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        self.fixed = CostWeights(strength, scale, unknown_price, unknown_yield)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        return ObjectiveOutput(losses={})
