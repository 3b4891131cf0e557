"""A judge of two objects who knows their rewards, and says which is better with noise and ties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.pairs import Pairs


@dataclass(frozen=True)
class Judge:
    """Follows Bradley and Terry on utilities u = log R / noise, with ties after Davidson: a beats b with probability
    e^a / D, they tie with ``ties`` e^((a + b) / 2) / D, and ``D = e^a + e^b + ties e^((a + b) / 2)``. With noise 0 the
    larger R wins, and equal ones tie.

    Attributes:
        noise: >= 0.
        ties: >= 0, how readily two are found alike; 0: never.
        answers: "sampled": one judgement of each pair; "expected": its probability, as if asked without end.

    Reference: Bradley and Terry, Biometrika 1952, 39, 324; Davidson, J. Am. Stat. Assoc. 1970, 65, 317 (ties).
    """

    noise: float = 1.0
    ties: float = 0.0
    answers: Literal["sampled", "expected"] = "sampled"

    def judged(self, t: Trajectories, generator: torch.Generator | None) -> Trajectories:
        """Neighbours of an even number of B scored trajectories as pairs; two to the same object are none.

        Args:
            t: with log R and keys.
            generator: of the answers, on the device of the trajectories.
        """
        assert t.log_reward is not None
        n, device = len(t), t.lengths.device
        win, tie = self.odds(t.log_reward.double())
        if self.answers == "expected":
            pairs = Pairs.of_neighbours(n, label=win + tie / 2, device=device)
        else:
            coin = torch.rand(n // 2, generator=generator, dtype=torch.float64, device=device)
            tied = coin < tie
            first = coin - tie < win
            pairs = Pairs.of_neighbours(n, label=torch.where(tied, 0.5, 1.0), device=device)
            swap = (~first & ~tied).repeat_interleave(2)
            pairs = replace(pairs, number=torch.where(swap, -pairs.number, pairs.number))
        different = [a != b for a, b in zip(t.keys[::2], t.keys[1::2], strict=True)]
        pairs = pairs.but(torch.tensor(different, dtype=torch.bool, device=device).repeat_interleave(2), "same_object")
        return replace(t, pairs=pairs)

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
