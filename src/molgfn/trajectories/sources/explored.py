"""Trajectories of the present policy with some actions drawn otherwise."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasTempering, lacking
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Source


class Explored(Source):
    """Draws actions epsilon-uniformly and from a tempered P_F; see ``policies.exploration.Exploration``.

    Args:
        share: share of each batch, in (0, 1); None takes what the others leave.
        epsilon: share of uniform actions at first, in [0, 1].
        temperature: > 0; 1 leaves P_F as it is, more flattens it.
        final_epsilon: share of uniform actions after the decay; None keeps ``epsilon``.
        decay_iterations: length of the decay.
    """

    word = "policy"
    keeps_hidden = True

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] | None = None,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        final_epsilon: Annotated[float, Field(ge=0, le=1)] | None = None,
        decay_iterations: Annotated[int, Field(ge=1)] = 1000,
    ) -> None:
        self.share = share
        self.exploration = Exploration(
            epsilon=epsilon,
            temperature=temperature,
            final_epsilon=final_epsilon,
            decay_iterations=decay_iterations,
        )

    @property
    def off_policy(self) -> str | None:
        return "draws actions that P_F did not choose" if self.exploration.active else None

    def misfit(self, policy: Policy) -> str | None:
        lacks = lacking(policy.distribution, [HasTempering]) if self.exploration.active else []
        return f"explores, but {lacks[0]}; use data=on_policy" if lacks else None

    def draw(self, context: Context, n: int) -> Rewarded:
        return context.roll_out(n, self.exploration.at(context.iteration))
