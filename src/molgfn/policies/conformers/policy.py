"""The policy of conformations: one for many molecules, read from their graphs and what is rigid of them in space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.conformers.environment import Conformers
from molgfn.environments.conformers.shown import TorsionBatch
from molgfn.errors import ConfigError
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, parameters_of
from molgfn.policies.conformers.reader import Reader
from molgfn.policies.densities.families import VonMises
from molgfn.policies.densities.heads import mixture_of
from molgfn.policies.densities.hybrid import Hybrid
from molgfn.policies.densities.mixture import Reference
from molgfn.policies.distributions import ActionDistribution, Categorical


class ConformerPolicy(Policy):
    """A mixture of von Mises densities for the next torsion, given the molecule and the torsions that are set.

    Message passing over the atoms (with all hydrogens) and, for each rotor, its four atoms, their branches and where
    about the bond these lie; then attention among rotors. Nothing that it reads changes when the molecule is moved or
    turned. The number of torsions is not built in, so that it can be asked for molecules that it was not trained on. In
    P_B the angle that is taken off is a point mass; which one (``order="any"``) is even, or learned.

    Args:
        width: of all states; a multiple of ``heads``.
        layers: of message passing.
        attention_layers: among rotors.
        heads: of attention.
        components: von Mises densities in a mixture.
        least_concentration: least kappa of each; with 4 components stay narrow until they have found where to go.
        initial_log_z: where log Z starts (see ``Policy``).

    Raises:
        ConfigError: the environment is not ``conformers``, P_B is to go by a rule that it has not got, or ``width`` is
            no multiple of ``heads``.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"conformation"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        width: Annotated[int, Field(ge=4)] = 64,
        layers: Annotated[int, Field(ge=1)] = 3,
        attention_layers: Annotated[int, Field(ge=1)] = 2,
        heads: Annotated[int, Field(ge=1)] = 4,
        components: Annotated[int, Field(ge=1)] = 8,
        least_concentration: Annotated[float, Field(ge=0)] = 2.0,
        own_losses: frozenset[str] = frozenset(),
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        if backward_rule != "uniform":
            raise ConfigError("policy: P_B of ConformerPolicy is even or learned; take backward=uniform")
        if not isinstance(environment, Conformers):
            raise ConfigError(f"policy: ConformerPolicy reads molecules of environment=conformers, not {environment!r}")
        if width % heads:
            raise ConfigError(f"policy.width: {width} is no multiple of {heads} heads")
        self.family = VonMises(least_concentration)
        self.components = components

        def reader(made: bool = True) -> Reader | None:
            return Reader(width, layers, attention_layers, heads) if made else None

        self.reader = Reader(width, layers, attention_layers, heads)
        self.head = nn.Linear(width, 1 + 3 * components)  # which, weights, means and concentrations
        self.flow_reader = reader("flow" in own_losses)
        self.flow_head = nn.Linear(width, 1)
        self.backward_reader = reader(learned_backward)
        self.backward_head = nn.Linear(width, 1) if learned_backward else None
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
            if self.backward_head is not None:  # P_B starts even
                self.backward_head.weight.zero_()
                self.backward_head.bias.zero_()
            self.head.bias[1 + components :] = self.family.start(components).flatten()

    @property
    def distribution(self) -> type[Hybrid]:
        return Hybrid

    @property
    def backward_distribution(self) -> type[Hybrid]:
        return Hybrid

    @property
    def conformers(self) -> Conformers:
        """The environment."""
        assert isinstance(self.environment, Conformers)
        return self.environment

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        shown = self.conformers.encode(states)  # type: ignore[arg-type]
        seen = self.reader(shown) if forward or (flow and self.flow_reader is None) else None
        out_forward = out_backward = log_flow = None
        if forward and seen is not None:
            out_forward = self._forward(seen, states)
        if backward:
            out_backward = self._backward(shown, states)
        if flow:
            own = seen if self.flow_reader is None else self.flow_reader(shown)
            assert own is not None
            there = shown.graphs.rotor_there[shown.molecule][..., None]
            log_flow = self.flow_head(torch.where(there, own, 0.0).sum(1)).squeeze(-1)
        return PolicyOutput(forward=out_forward, backward=out_backward, log_flow=log_flow)

    def for_rollout(self) -> Callable[[States], ActionDistribution]:
        """The molecules are read once for all steps."""
        rotors: list[Tensor] = []

        def choice(states: States) -> ActionDistribution:
            shown = self.conformers.encode(states)  # type: ignore[arg-type]
            if not rotors:
                rotors.append(self.reader.rotors(shown))
            return self._forward(self.reader(shown, rotors[0]), states)

        return choice

    def _forward(self, seen: Tensor, states: States) -> Hybrid:
        e, k = self.conformers, self.components
        which, logits, raw = self.head(seen).split([1, k, 2 * k], -1)
        stop = torch.zeros(len(which), 1, dtype=which.dtype, device=which.device)
        mask = e.choice_mask(states)  # type: ignore[arg-type]
        choice = Categorical(torch.cat([which.squeeze(-1), stop], 1), mask)
        mixture = mixture_of(self.family, logits, raw.unflatten(-1, (k, 2)))
        return Hybrid(choice, mixture, e.chart(states))  # type: ignore[arg-type]

    def _backward(self, shown: TorsionBatch, states: States) -> Hybrid:
        e = self.conformers
        mask = e.backward_choice_mask(states)  # type: ignore[arg-type]
        if self.backward_reader is not None and self.backward_head is not None:
            choice = Categorical(self.backward_head(self.backward_reader(shown)).squeeze(-1), mask)
        else:
            choice = self.fixed_backward(states, mask)
        like = torch.empty(len(states), e.torsions, dtype=torch.float64, device=states.device)
        return Hybrid(choice, Reference(self.family, like), e.backward_chart(states))  # type: ignore[arg-type]

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head.bias.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.reader, self.head),
            "backward": parameters_of(self.backward_reader, self.backward_head),
            "flow": parameters_of(self.flow_reader, self.flow_head),
        }
