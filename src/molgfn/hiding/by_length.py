"""Objects that take many steps to build are hidden."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.hiding.base import HiddenObjects


class HiddenByLength(HiddenObjects):
    """Hides what was built in more than ``above`` construction steps (fragments, symbols, moves; the exit not counted).

    Where an object can be built in few and in many steps, it is seen, by its short trajectories; long ones are left out
    whatever they end in. There are two ways:

    * the policy is left to itself, and what it builds in too many steps is left out and drawn anew;
    * ``forced_stop``: rollouts are made to stop after ``above`` steps, as if no further action were legal. P_F itself
      is trained and measured without that mask, so this is off-policy, and objectives that need trajectories of the
      present P_F are refused. Where a rollout may not stop there, it goes on and is left out.

    Args:
        above: the most steps that are seen, at least 1.
        forced_stop: which of the two.

    Reference: Krichel et al., arXiv 2407.03105 (length generalisation).
    """

    reads_objects = False

    def __init__(self, *, above: Annotated[int, Field(ge=1)] = 5, forced_stop: bool = False) -> None:
        self.above = above
        self.last_step = above if forced_stop else None

    def hides(self, objects: Any, keys: list[str], steps: Tensor) -> Tensor:
        return steps.cpu() > self.above

    def misfit(self, environment: Environment) -> str | None:
        most = environment.max_steps - 1  # the exit is a step of the environment
        if self.above < most:
            return None
        return f"nothing is hidden: all objects are built in at most {most} steps; set above below that"
