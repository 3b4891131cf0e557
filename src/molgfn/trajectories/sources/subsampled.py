"""Trajectories whose blocks are drawn out of a random part of very many."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasSubsampling, lacking
from molgfn.policies.subsampling import Subsampling
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Source


class Subsampled(Source):
    """Draws from P_F over a random part of what is too much to look at; see ``policies.subsampling.Subsampling``.

    Args:
        share: share of each batch, in (0, 1); None takes what the others leave.
        out_of: blocks of each slot that are looked at, at each step others; slots with fewer are looked at whole.
    """

    word = "policy"
    keeps_hidden = True

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] | None = None,
        out_of: Annotated[int, Field(ge=1)] = 10_000,
    ) -> None:
        self.share = share
        self.subsampling = Subsampling(out_of=out_of)

    @property
    def off_policy(self) -> str | None:
        return "draws out of a random part of all actions"

    def misfit(self, policy: Policy) -> str | None:
        lacks = lacking(policy.distribution, [HasSubsampling])
        if not lacks:
            return None
        return (
            f"draws out of a part of very many blocks, but {lacks[0]}; use data=on_policy, or with "
            "environment=reactions a policy.blocks_at_once below the number of blocks"
        )

    def draw(self, context: Context, n: int) -> Rewarded:
        return context.roll_out(n, self.subsampling)
