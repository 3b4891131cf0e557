"""The policy of environments whose actions hold real numbers and whose states are vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.real_actions import RealActions
from molgfn.errors import ConfigError
from molgfn.networks.mlp import mlp
from molgfn.policies.base import BackwardRule, LogZStart, Policy, PolicyOutput, parameters_of, warn_of_shared_trunk
from molgfn.policies.densities.families import CircleName, family_of
from molgfn.policies.densities.heads import MixtureHead
from molgfn.policies.densities.hybrid import Hybrid
from molgfn.policies.densities.mixture import Reference
from molgfn.policies.distributions import Categorical


class MixturePolicy(Policy):
    """MLP trunk(s) with heads for the choice (or stop), a mixture density of the move, and log F.

    P_B without parameters is the even choice and the reference density of the chart: uniform on arcs and circles, and
    on lines what the environment says (the Brownian bridge). With ``learned_backward`` it is a mixture, too.

    Args:
        hidden: width of hidden layers.
        layers: hidden layers of each trunk.
        components: densities in a mixture.
        joint: components are products over all coordinates with one weight, so that coordinates of a move can depend on
            each other; otherwise each coordinate has a mixture of its own.
        beta_range: least and largest of both parameters of a Beta, the density on intervals.
        circle: the density on circles.
        least_concentration: least kappa of a von Mises; with 4 components stay narrow until they have found where to
            go (the code of arXiv 2301.12594 has 1e-3).
        deviation_range: least and largest standard deviation of a normal, the density on lines, in those of the
            environment's reference step.
        share_trunk: one trunk for all heads; otherwise one each.
        own_losses: groups ("backward", "flow") that a loss of their own trains.
        initial_log_z: where log Z starts; None, "importance" or "mean": where the first batch puts it (see
            ``Policy``).

    Raises:
        ConfigError: the environment's actions have no real coordinates, or P_B is neither uniform nor learned.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool = False,
        backward_rule: BackwardRule = "uniform",
        hidden: Annotated[int, Field(ge=1)] = 128,
        layers: Annotated[int, Field(ge=0)] = 3,
        components: Annotated[int, Field(ge=1)] = 5,
        joint: bool = True,
        beta_range: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.5, 10.0),
        circle: CircleName = "von_mises",
        least_concentration: Annotated[float, Field(ge=0)] = 4.0,
        deviation_range: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 2.0),
        share_trunk: bool = False,
        own_losses: frozenset[str] = frozenset(),
        initial_log_z: LogZStart = None,
    ) -> None:
        super().__init__(
            environment=environment,
            learned_backward=learned_backward,
            backward_rule=backward_rule,
            initial_log_z=initial_log_z,
        )
        e = real(environment)
        if backward_rule != "uniform":
            raise ConfigError("policy: P_B of MixturePolicy is uniform or learned, as densities have no other rule")
        if share_trunk:
            warn_of_shared_trunk(own_losses)
        inputs = e.encode(e.initial(1)).shape[1]
        width = hidden if layers else inputs
        family = family_of(e.space, beta_range, circle, least_concentration, deviation_range)
        self.trunk = mlp(inputs, hidden, layers)
        self.backward_trunk = None if share_trunk or not learned_backward else mlp(inputs, hidden, layers)
        self.flow_trunk = None if share_trunk else mlp(inputs, hidden, layers)
        self.choice_head = nn.Linear(width, e.n_choices)
        self.move_head = MixtureHead(width, family, e.n_coordinates, components, joint)
        self.backward_choice_head = nn.Linear(width, e.n_backward_choices) if learned_backward else None
        self.backward_move_head = (
            MixtureHead(width, family, e.n_coordinates, components, joint) if learned_backward else None
        )
        self.flow_head = nn.Linear(width, 1)

    @property
    def distribution(self) -> type[Hybrid]:
        return Hybrid

    @property
    def backward_distribution(self) -> type[Hybrid]:
        return Hybrid

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        e = real(self.environment)
        features = e.encode(states).to(self.log_z.constant.dtype)
        shares = (backward and self.learned_backward and self.backward_trunk is None) or (
            flow and self.flow_trunk is None
        )
        shared = self.trunk(features) if forward or shares else features
        out_forward = out_backward = log_flow = None
        if forward:
            choice = Categorical(self.choice_head(shared), e.choice_mask(states))
            out_forward = Hybrid(choice, self.move_head(shared), e.chart(states))
        if backward:
            hidden = shared if self.backward_trunk is None else self.backward_trunk(features)
            out_backward = self._backward(e, hidden, states)
        if flow:
            log_flow = self.flow_head(shared if self.flow_trunk is None else self.flow_trunk(features)).squeeze(-1)
        return PolicyOutput(forward=out_forward, backward=out_backward, log_flow=log_flow)

    def _backward(self, e: RealActions, hidden: Tensor, states: States) -> Hybrid:
        mask, chart = e.backward_choice_mask(states), e.backward_chart(states)
        if self.backward_choice_head is not None and self.backward_move_head is not None:
            return Hybrid(Categorical(self.backward_choice_head(hidden), mask), self.backward_move_head(hidden), chart)
        like = torch.empty(len(states), e.n_coordinates, dtype=torch.float64, device=states.device)
        return Hybrid(self.fixed_backward(states, mask), Reference(self.move_head.family, like), chart)

    @torch.no_grad()
    def raise_flow(self, amount: Tensor) -> None:
        self.flow_head.bias.add_(amount)

    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "forward": parameters_of(self.trunk, self.choice_head, self.move_head),
            "backward": parameters_of(self.backward_trunk, self.backward_choice_head, self.backward_move_head),
            "flow": parameters_of(self.flow_trunk, self.flow_head),
        }


def real(environment: Environment) -> RealActions:
    """``environment`` where its actions have real coordinates.

    Raises:
        ConfigError: they have none.
    """
    if isinstance(environment, RealActions):
        return environment
    raise ConfigError(
        f"policy: MixturePolicy draws real coordinates, which the actions of {type(environment).__name__} have not (it "
        "is no environments.real_actions.RealActions); take policy=mlp or another"
    )
