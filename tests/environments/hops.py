"""Ten states on a line, paths of different lengths to each, actions in two parts: as a stranger would write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.environments.actions import ActionsInParts
from molgfn.environments.base import States
from molgfn.environments.enumerable import Enumerable
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GridKind

#: first part of an action
LEAVE, WALK, JUMP = range(3)


@dataclass(frozen=True)
class Places(States):
    """``place``: int64 [B], in [0, 10)."""

    place: Tensor


class Hops(ActionsInParts, Enumerable):
    """From place 0 to 9: walk 1 on, or jump 2, 3 or 4 on; leave at any place but 0.

    Forward action (kind, how far): kind 0 leaves, 1 walks, 2 jumps; how far is 0 but for a jump, of 2 + it. Backward
    action (kind - 1, how far) takes it back. Place 4 is reached by one jump, or by up to four steps.
    """

    kind: ClassVar[ObjectKind] = GridKind()
    encoding: ClassVar[str] = "vector"
    counts_paths = False
    parts = (3, 3)
    backward_parts = (2, 3)
    max_steps = 10
    n_states = 10

    def initial(self, n, device="cpu"):
        return Places(torch.zeros(n, dtype=torch.int64, device=device))

    @staticmethod
    def _length(kind: Tensor, far: Tensor) -> Tensor:
        """Places that an action covers, of kinds as forward actions have them."""
        return torch.where(kind == LEAVE, 0, torch.where(kind == WALK, 1, 2 + far))

    def step(self, states, actions):
        return Places(states.place + self._length(*actions.unbind(1)))

    def undo(self, states, backward_actions):
        kind, far = backward_actions.unbind(1)
        return Places(states.place - self._length(kind + 1, far))

    def is_exit(self, states, actions):
        return actions[:, 0] == LEAVE

    def exit_action(self, states):
        return torch.zeros(len(states), 2, dtype=torch.int64, device=states.device)

    def stop_mask(self, states):
        return states.place > 0

    def _far(self, room: Tensor, jumps: Tensor) -> Tensor:
        """Legal second parts [B, 3] with so much room [B], after a jump or not."""
        far = torch.arange(3, device=room.device)
        return torch.where(jumps[:, None], far + 2 <= room[:, None], far == 0)

    def part_mask(self, states, chosen):
        room = 9 - states.place
        if not chosen.shape[1]:
            return torch.stack([states.place > 0, room >= 1, room >= 2], 1)
        return self._far(room, chosen[:, 0] == JUMP)

    def backward_part_mask(self, states, chosen):
        if not chosen.shape[1]:
            return torch.stack([states.place >= 1, states.place >= 2], 1)
        return self._far(states.place, chosen[:, 0] == JUMP - 1)

    def backward_action(self, states, actions, next_states):
        kind, far = actions.unbind(1)
        return torch.stack([(kind - 1).clamp(min=0), far], 1)

    def forward_action(self, states, backward_actions, previous):
        kind, far = backward_actions.unbind(1)
        return torch.stack([kind + 1, far], 1)

    def is_initial(self, states):
        return states.place == 0

    def encode(self, states):
        return torch.nn.functional.one_hot(states.place, 10).to(torch.get_default_dtype())

    def index(self, states):
        return states.place

    def keys(self, states):
        return states.place.tolist()

    def objects(self, states):
        return states.place[:, None].cpu()

    def states_of(self, objects):
        return Places(torch.as_tensor(objects, dtype=torch.int64)[:, 0])

    def enumeration_unavailable_reason(self):
        return None
