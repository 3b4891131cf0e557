"""Trajectories that end in nothing hidden: the others are left out, counted, and drawn anew."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.errors import TrainingError
from molgfn.hiding.base import HiddenObjects
from molgfn.policies.base import Policy
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.sampler import Sampler

#: rounds of rollouts for one batch, after which all that the policy builds is taken to be hidden
ROUNDS = 1000


class Visible:
    """Draws from a policy, and keeps what is not hidden.

    What is left out costs a rollout and no reward call. The batch has its full size: the trajectories in it come from
    the policy's distribution under the condition that nothing hidden is at their end.

    Args:
        hidden: what is.

    Attributes:
        drawn: trajectories drawn so far.
        left_out: of these, how many ended in what is hidden (or led through it, see ``roll_out``).
        unused: of these, how many were visible, but more than was needed.
    """

    def __init__(self, hidden: HiddenObjects) -> None:
        self.hidden = hidden
        self.drawn = self.left_out = self.unused = 0

    def roll_out(
        self,
        policy: Policy,
        n: int,
        *,
        generator: torch.Generator | None = None,
        exploration: Exploration | None = None,
        on_the_way: bool = False,
    ) -> Trajectories:
        """``n`` trajectories from P_F (or from ``exploration`` of it), not scored, on the policy's device.

        Args:
            policy: what draws.
            n: how many.
            generator: of the actions.
            exploration: what is drawn from instead of P_F.
            on_the_way: leave out those that lead through a state which stands for a hidden object as well: somebody
                reads rewards of states.

        Raises:
            TrainingError: next to everything that the policy builds is hidden.
        """
        sampler = Sampler(policy.environment, last_step=self.hidden.last_step)
        parts: list[Trajectories] = []
        found = drawn = 0
        for _ in range(ROUNDS):
            # as many as should give what is still missing, going by the share that was visible so far
            wanted = min(n, math.ceil((n - found) * (drawn + 2) / (found + 1))) if drawn else n
            new = sampler.forward(policy, wanted, generator=generator, exploration=exploration)
            shown = (~self.of(new, policy.environment, on_the_way=on_the_way)).nonzero().squeeze(1)
            drawn += wanted
            self.drawn += wanted
            self.left_out += wanted - len(shown)
            self.unused += max(0, len(shown) - (n - found))
            if len(shown):
                parts.append(new.select(shown[: n - found].to(new.lengths.device)))
                found += len(parts[-1])
            if found == n:
                return Trajectories.cat(parts)
        raise TrainingError(
            f"hidden: of {drawn:,} trajectories that were drawn for a batch of {n}, only {found} end in something that "
            "is not hidden; hide less, or keep the policy there by hidden.forced_stop (hidden=length)"
        )

    def of(self, trajectories: Trajectories, environment: Environment, *, on_the_way: bool = False) -> Tensor:
        """Which of B trajectories are left out, bool [B], on the CPU."""
        t = trajectories
        rows = t.last
        if on_the_way and self.hidden.reads_objects:  # by length no state is hidden before the last
            stands = environment.has_object(t.states).index_fill(0, t.last, True)
            rows = stands.nonzero().squeeze(1)
        states = t.states[rows]
        objects: Any = environment.objects(states) if self.hidden.reads_objects else None
        keys = environment.kind.keys(objects) if self.hidden.reads_objects else []
        hidden = self.hidden.hides(objects, keys, t.step[rows].cpu())
        owner = t.trajectory[rows].cpu()
        return torch.zeros(len(t), dtype=torch.int64).index_add_(0, owner, hidden.long()) > 0

    def state_dict(self) -> dict[str, int]:
        return {"drawn": self.drawn, "left_out": self.left_out, "unused": self.unused}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.drawn, self.left_out, self.unused = state["drawn"], state["left_out"], state["unused"]
