"""What a policy computed when it was rolled out, kept for the one gradient step that is taken on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.policies.base import Policy


@dataclass
class Kept:
    """What ``policy`` recorded at S states; good as long as its parameters are what they were.

    It is large, in proportion to the batch, so whoever has read it lets it go (``release``).

    Attributes:
        policy: that recorded it.
        states: the very S states that it is of (the object, not its numbers).
        recorded: by ``Policy.recording``; None once it is let go.
        order: int64 [S], which of the recorded states each is.
        norms: of P_F's parameters, a shared trunk's among them: another norm says that they have moved. (Torch counts
            changes of a tensor, but a fused optimizer passes the count by.)
    """

    policy: Policy
    states: States
    recorded: Any
    order: Tensor
    norms: Tensor

    @classmethod
    def of(cls, policy: Policy, states: States, recorded: Any, order: Tensor) -> Kept:
        """As the policy is now."""
        return cls(policy, states, recorded, order, _norms(policy))

    def serves(self, policy: Policy, states: States) -> bool:
        """It is what ``policy`` would compute at these states."""
        here = self.recorded is not None and policy is self.policy and states is self.states
        return here and torch.equal(self.norms, _norms(policy))

    def release(self) -> None:
        """Keep nothing any more; a backward pass that is still to come has what it needs."""
        self.recorded = None

    @contextmanager
    def known(self) -> Iterator[None]:
        """Within, the policy computes nothing at these states that was recorded."""
        with self.policy.knowing(self.recorded, self.order):
            yield


@torch.no_grad()
def _norms(policy: Policy) -> Tensor:
    return torch.stack(torch._foreach_norm(list(policy.group_modules()["forward"])))  # type: ignore[reportPrivateImportUsage]
