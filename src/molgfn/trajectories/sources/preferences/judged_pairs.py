"""Pairs of what the policy draws, judged by the run's reward."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasTempering, lacking
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Source
from molgfn.trajectories.sources.preferences.judge import Judge
from molgfn.trajectories.sources.preferences.paths_to import unconditional


class JudgedPairs(Source):
    """Neighbouring trajectories of P_F (perhaps explored) as pairs, of which the run's oracle prefers one.

    The judge follows Bradley and Terry, with ties after Davidson (``judge.Judge``). Two trajectories to the same object
    are no pair.

    Every object that is drawn is an oracle call, counted as any other.

    Args:
        share: share of each batch, in (0, 1); None takes what the others leave.
        noise: >= 0, of the judge.
        ties: >= 0, how readily the judge finds two alike; 0: never.
        answers: "sampled": one judgement of each pair; "expected": its probability, as if asked without end.
        epsilon: share of actions that are drawn uniformly, in [0, 1].
    """

    word = "policy"
    keeps_hidden = True
    pairs = frozenset({"objects"})

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] | None = None,
        noise: Annotated[float, Field(ge=0)] = 1.0,
        ties: Annotated[float, Field(ge=0)] = 0.0,
        answers: Literal["sampled", "expected"] = "sampled",
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        self.share = share
        self.judge = Judge(noise, ties, answers)
        self.exploration = Exploration(epsilon=epsilon)

    @property
    def off_policy(self) -> str | None:
        return "draws actions that P_F did not choose" if self.exploration.active else None

    def misfit(self, policy: Policy) -> str | None:
        if reason := unconditional(policy):
            return reason
        lacks = lacking(policy.distribution, [HasTempering]) if self.exploration.active else []
        return f"explores, but {lacks[0]}; set epsilon to 0" if lacks else None

    def draw(self, context: Context, n: int) -> Rewarded:
        rewarded = context.roll_out(n, self.exploration)
        t = rewarded.trajectories
        if n == 1 or t.log_reward is None:  # one that is only watched is of no pair
            return rewarded
        return replace(rewarded, trajectories=self.judge.judged(t, context.generator))
