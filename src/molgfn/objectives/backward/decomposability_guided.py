"""P_B that prefers molecules which come apart into blocks in many ways."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.environments.reactions.decomposability_weights import DecomposabilityWeights
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated


class DecomposabilityGuided(BackwardPolicyTraining):
    """``P_B(s|s') ~ exp(strength d(x, n))`` over the reactions that give a molecule, out of x after n reactions.

    d is the probability that taking x apart at random ends at blocks: ``d(x, n) = mean of d(y, n - 1)`` over all y from
    which one reaction leads to x, 1 of a block, 0 of a dead end. It is computed, exactly. The authors train a network
    to predict whether d is 0, as they do not know; here such ways have probability 0 in every P_B, so that their
    guidance, with the truth in place of a prediction, is ``uniform``, and what is left to prefer is how large d is.
    Routes of one and two reactions leave nothing to prefer. For environment=reactions with states that are molecules.

    Args:
        strength: the larger, the surer P_B takes the way that comes apart most surely; 0 is uniform (authors: 5).

    Reference: after Gaiński et al. 2025, arXiv 2506.19865 (SCENT, decomposability guidance). Pinned by
    tests/environments/reactions/test_guided.py.
    """

    learned: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "after Gaiński et al. 2025, arXiv 2506.19865 (decomposability guidance)"

    def __init__(self, *, strength: Annotated[float, Field(ge=0)] = 5.0) -> None:
        self.fixed = DecomposabilityWeights(strength)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        return ObjectiveOutput(losses={})
