"""The networks that quantities are read from, and the heads of them that a quantity reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from molgfn.policies.base import Policy
from molgfn.policies.distributions import ActionDistribution

#: the name of the policy that trains, among networks
POLICY = "policy"
#: which form of a network, see ``Head``
Of = Literal["present", "constant", "target", "copy"]


@dataclass(frozen=True)
class Head:
    """One output of one network at every state of the batch.

    Attributes:
        name: "forward" (P_F), "backward" (P_B), "flow" (log F, or V) or "log_z".
        network: "policy", or a network that the objective declares: one of its own (``Objective.networks``) or a frozen
            policy (``Objective.frozen``).
        of: "present": as it is now, with gradient (a frozen policy has none); "constant": as it is now, without;
            "copy": of the copy that follows the network, without gradient, where there is one; "target": of that copy,
            or of the network itself, without gradient, where there is none.
        optional: read only where there is such a network.
    """

    name: Literal["forward", "backward", "flow", "log_z"]
    network: str = POLICY
    of: Of = "present"
    optional: bool = False


@dataclass(frozen=True)
class Networks:
    """What quantities are read from beside the policy that trains.

    Attributes:
        target: the copy that follows the policy (``Objective.target``); None for none.
        backward: the policy whose P_B is read; None takes the one that trains.
        own: further networks that train, by the names that their owner declares.
        targets: the copies that follow them.
        frozen: policies from checkpoints, which nothing trains, by name.
        log_guide: [S], what takes P_B's place together with it, see ``share``.
        share: of log P_B in what is read as log P_B; the rest is ``log_guide``.
    """

    target: Policy | None = None
    backward: Policy | None = None
    own: Mapping[str, Policy] = field(default_factory=dict)
    targets: Mapping[str, Policy] = field(default_factory=dict)
    frozen: Mapping[str, Policy] = field(default_factory=dict)
    log_guide: Tensor | None = None
    share: float = 1.0

    @property
    def names(self) -> frozenset[str]:
        """Of all networks that a head may name."""
        return frozenset({POLICY, *self.own, *self.frozen})


@dataclass(frozen=True)
class Anchor:
    """P_F at the start of an iteration, at all S states, without gradient."""

    forward: ActionDistribution
