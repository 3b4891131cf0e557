"""Logits scaled by the condition (Logit-GFN)."""

from __future__ import annotations

from typing import Literal, TypeVar

from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError
from molgfn.networks.mlp import mlp, starting_at_zero
from molgfn.policies.distributions import HasTempering

#: "learned": P_F's logits are multiplied by s(c) > 0 of the condition; None: they are not
ScaleLogits = Literal["learned"] | None
#: hidden width of the network over the condition
WIDTH = 64

D = TypeVar("D", bound=HasTempering)


class LogitScale(nn.Module):
    """P_F(a|s, c) ~ exp(s(c) logit(a|s, c)) with s(c) = exp(network(c)), which starts at 1.

    A policy under a low temperature is about the one under a high temperature with steeper logits, which one number can
    say where many weights would have to.

    Reference: Kim et al. 2024, arXiv 2310.02823, section 4.
    """

    def __init__(self, condition_size: int) -> None:
        super().__init__()
        self.network = starting_at_zero(mlp(condition_size, WIDTH, 1, 1))

    @classmethod
    def of(cls, environment: Environment, how: ScaleLogits) -> LogitScale | None:
        """What a policy's option says.

        Raises:
            ConfigError: there is no condition.
        """
        if how is None:
            return None
        if not environment.condition_size:
            raise ConfigError(
                "policy.scale_logits: scales by the condition, but there is none; leave scale_logits null, or give the "
                "run a condition"
            )
        return cls(environment.condition_size)

    def scaled(self, choice: D, environment: Environment, states: States) -> D:
        """``choice`` of B states with its logits times s(c)."""
        condition: Tensor = environment.condition(states)  # type: ignore[assignment]
        dtype = next(self.parameters()).dtype
        return choice.tempered((-self.network(condition.to(dtype)).squeeze(-1)).exp())
