"""Trajectories of the present policy as it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Source


class OnPolicy(Source):
    """Draws every action from P_F.

    Args:
        share: share of each batch, in (0, 1); None takes what the others leave.
    """

    word = "policy"
    keeps_hidden = True

    def __init__(self, *, share: Annotated[float, Field(gt=0, lt=1)] | None = None) -> None:
        self.share = share

    @property
    def off_policy(self) -> None:
        return None

    def draw(self, context: Context, n: int) -> Rewarded:
        return context.roll_out(n)
