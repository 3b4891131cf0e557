"""One evaluation of trajectories: every network is asked once, for all heads that are read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

from molgfn.environments.conditional import ConditionalStates
from molgfn.errors import ContractError
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.distributions import ActionDistribution
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.kept import Kept
from molgfn.trajectories.quantities.networks import POLICY, Anchor, Head, Networks, Of

T = TypeVar("T")


class Evaluation:
    """What quantities are computed from: trajectories, and the networks at their S states.

    A network is evaluated when it is first read, then for all the ``heads`` that are read from it; what was evaluated
    is kept until the evaluation ends.

    Args:
        trajectories: B trajectories of S states, with rewards.
        policy: the policy that trains.
        networks: what is read beside it.
        heads: everything that will be read.
        joint: the gradient of log P_B reaches P_B; otherwise it is a constant.
        anchor: what divergences are measured from; None: the policy as it is.
        kept: what the policy computed when it was rolled out; not computed again where these are the states.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        policy: Policy,
        networks: Networks,
        heads: Iterable[Head],
        *,
        joint: bool = False,
        anchor: Anchor | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.trajectories = trajectories
        self.policy = policy
        self.networks = networks
        self.anchor = anchor
        self._joint = joint
        self._wanted: dict[tuple[int, bool], set[str]] = {}
        self._outputs: dict[tuple[int, bool], PolicyOutput] = {}
        self._kept = kept
        self._shared: dict[Any, Any] = {}
        for head in heads:
            if self._is_there(head):
                network, gradient = self._source(head.name, head.network, head.of)
                self._wanted.setdefault((id(network), gradient), set()).add(head.name)
        if (id(policy), True) in self._wanted:  # before anything without gradient, as autocast keeps what it has cast
            self._output(policy, gradient=True)

    @property
    def dtype(self) -> torch.dtype:
        """What log-probabilities, flows and rewards are computed in."""
        return self.policy.dtype

    @property
    def exits(self) -> Tensor:
        """bool [S], the step is an exit."""
        return self.trajectories.exits

    def has(self, name: str = POLICY, of: Of = "present") -> bool:
        """There is a network of this name; with "copy": a copy that follows it."""
        n = self.networks
        if of == "copy":
            return n.target is not None if name == POLICY else name in n.targets
        return name == POLICY or name in n.own or name in n.frozen

    def network(self, name: str = POLICY, of: Of = "present") -> Policy:
        """The network itself (or the copy that follows it), to be evaluated at other states than those of the batch."""
        n, copied = self.networks, of in {"target", "copy"}
        if name == POLICY:
            return n.target or self.policy if copied else self.policy
        if copied and name in n.targets:
            return n.targets[name]
        if name in n.own:
            return n.own[name]
        if name in n.frozen:
            return n.frozen[name]
        known = ", ".join(sorted(n.names))
        raise ContractError(f"there is no network `{name}` to read from, only {known}: the objective must declare it")

    def forward(self, name: str = POLICY, of: Of = "present") -> ActionDistribution:
        """P_F of a network at all S states."""
        return self._read("forward", name, of).forward  # type: ignore[return-value]

    def backward(self, name: str = POLICY) -> ActionDistribution:
        """P_B of a network at all S states; of the policy: that which is trained with, see ``Networks.backward``."""
        return self._read("backward", name, "present").backward  # type: ignore[return-value]

    def log_flow(self, name: str = POLICY, of: Of = "present") -> Tensor:
        """log F (or V) of a network at all S states, [S]."""
        return self._read("flow", name, of).log_flow  # type: ignore[return-value]

    def shared(self, compute: Callable[[Evaluation], T]) -> T:
        """``compute(self)``, which quantities that come out of one computation share."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return self._shared[compute]

    def _is_there(self, head: Head) -> bool:
        """There is something to evaluate for it."""
        if head.name == "log_z":
            return False
        return self.has(head.network, head.of) or not (head.optional or head.of == "copy")

    def _source(self, head: str, name: str, of: Of) -> tuple[Policy, bool]:
        """The network that a head is read from, and whether with gradient."""
        if head == "backward" and name == POLICY and of == "present":
            other = self.networks.backward
            trained_here = other is None and (self._joint or not self.policy.learned_backward)
            return (other or self.policy), trained_here
        return self.network(name, of), of == "present" and name not in self.networks.frozen

    def _read(self, head: str, name: str, of: Of) -> PolicyOutput:
        network, gradient = self._source(head, name, of)
        if head not in self._wanted.get((id(network), gradient), ()):
            raise ContractError(
                f"a quantity reads `{head}` of the network `{name}` ({of}), which no listed quantity has in `reads`"
            )
        return self._output(network, gradient=gradient)

    def _output(self, network: Policy, *, gradient: bool) -> PolicyOutput:
        key = (id(network), gradient)
        if key not in self._outputs:
            wanted = self._wanted[key]
            states = self.trajectories.states
            if isinstance(states, ConditionalStates) and not network.environment.condition_size:
                states = states.inner  # a frozen policy from a run without a condition
            kept = self._kept if self._kept and self._kept.serves(network, states) else None
            known = kept.known() if kept else nullcontext()
            with torch.set_grad_enabled(gradient and torch.is_grad_enabled()), known:
                output = network(
                    states,
                    forward="forward" in wanted,
                    backward="backward" in wanted,
                    flow="flow" in wanted,
                )
            given = {"forward": output.forward, "backward": output.backward, "flow": output.log_flow}
            if lacking := sorted(name for name in wanted if given[name] is None):
                raise ContractError(f"{type(network).__name__} gave no {', '.join(lacking)} though it was asked for it")
            self._outputs[key] = output
        return self._outputs[key]
