"""Pairs of what the policy draws, judged by the run's reward."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasTempering, lacking
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Source
from molgfn.trajectories.sources.preferences.paths_to import unconditional


class JudgedPairs(Source):
    """Neighbouring trajectories of P_F (perhaps explored) as pairs, of which the run's oracle prefers one.

    The judge follows Bradley and Terry on utilities u = log R / noise, with ties after Davidson: a beats b with
    probability e^a / D, they tie with ``ties`` e^((a + b) / 2) / D, and ``D = e^a + e^b + ties e^((a + b) / 2)``. With
    noise 0 the larger R wins, and equal ones tie. Two trajectories to the same object are no pair.

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
        self.noise, self.ties, self.answers = noise, ties, answers
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
        device = t.lengths.device
        win, tie = self.odds(t.log_reward.double())
        if self.answers == "expected":
            pairs = Pairs.of_neighbours(n, label=win + tie / 2, device=device)
        else:
            coin = torch.rand(n // 2, generator=context.generator, dtype=torch.float64, device=device)
            tied = coin < tie
            first = coin - tie < win
            pairs = Pairs.of_neighbours(n, label=torch.where(tied, 0.5, 1.0), device=device)
            swap = (~first & ~tied).repeat_interleave(2)
            pairs = replace(pairs, number=torch.where(swap, -pairs.number, pairs.number))
        different = [a != b for a, b in zip(t.keys[::2], t.keys[1::2], strict=True)]
        pairs = pairs.but(torch.tensor(different, device=device).repeat_interleave(2), "same_object")
        return replace(rewarded, trajectories=replace(t, pairs=pairs))

    def odds(self, log_reward: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities that the first of each two neighbours wins, and that they tie, float64 [B / 2]."""
        gap = log_reward[::2] - log_reward[1::2]
        if self.noise == 0:
            return (gap > 0).double(), (gap == 0).double()
        gap = (gap / self.noise).clamp(-1e3, 1e3)
        one, other = gap / 2, -gap / 2
        middle = torch.full_like(gap, self.ties).log()
        whole = torch.logsumexp(torch.stack([one, other, middle]), 0)
        return (one - whole).exp(), (middle - whole).exp()
