"""Local search by Langevin steps: chains at points of high reward, and trajectories of P_B that lead there."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.environments.continuous.line_diffusion import LineDiffusion
from molgfn.errors import ContractError
from molgfn.oracles.continuous.base import PointOracle
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context, Kind, Source

#: share of accepted steps that the step size is moved towards (Roberts and Rosenthal 1998)
ACCEPTED = 0.574


class LangevinSearch(Source):
    """As many Metropolis-adjusted Langevin chains as it draws trajectories, which go on from batch to batch.

    They start at what the policy drew, take ``steps`` steps of MALA for R = exp(beta value) in each batch, and start
    anew after ``restart`` batches. Each gives a trajectory, drawn by P_B from where it stands. The size of a step
    follows the share of steps that are accepted. What the oracle is asked within the chains, value and gradient at
    once, is not counted among the calls of the run; where they stand after a batch is measured as any other object.

    Args:
        share: share of each batch, in (0, 1).
        steps: of each chain in a batch.
        restart: batches after which chains start anew.
        step_size: at first, in units of coordinates squared.

    Reference: Sendera et al. 2024, arXiv 2402.05098, section 4.2.
    """

    word = "langevin"
    kind = Kind.NEAR

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        steps: Annotated[int, Field(ge=1)] = 10,
        restart: Annotated[int, Field(ge=1)] = 100,
        step_size: Annotated[float, Field(gt=0)] = 0.01,
    ) -> None:
        self.share: float = share
        self.steps = steps
        self.restart = restart
        self.step_size = step_size
        self._at: Tensor | None = None
        self._age = 0

    @property
    def off_policy(self) -> str:
        return "goes from objects to better ones by Langevin steps"

    def misfit(self, policy: Policy) -> str | None:
        if isinstance(policy.environment, LineDiffusion):
            return None
        return f"moves points of R^d, but builds in {type(policy.environment).__name__}; use data=replay"

    @staticmethod
    def density(reward: Reward) -> tuple[PointOracle, float]:
        """The oracle whose values times the number are log R.

        Raises:
            ContractError: log R is made in another way, or has no gradient.
        """
        oracle = getattr(reward, "oracle", None)
        plain = isinstance(reward, Boltzmann) and reward.transform is None and reward.beta is not None
        if not (plain and isinstance(oracle, PointOracle) and oracle.logarithmic):
            raise ContractError(
                "Langevin chains need the gradient of log R: take reward=boltzmann with a beta and without a "
                "transform, and an oracle of points that gives logs (gaussians, funnel, many_well)"
            )
        return oracle, float(reward.beta) * reward.sign  # type: ignore[union-attr, arg-type]

    @torch.no_grad()
    def draw(self, context: Context, n: int) -> Rewarded:
        if context.fresh is None:
            raise ContractError("Langevin chains start at what was drawn before them, and there is nothing")
        at, found = self._at, context.fresh.objects
        if at is None or len(at) != n or self._age % self.restart == 0:
            at = found[torch.randint(len(found), (n,), generator=context.choices)]
        self._age += 1
        self._at = self._moved(at, *self.density(context.reward), context.choices)
        environment = context.policy.environment
        terminal = environment.states_of(self._at)
        trajectories = Sampler(environment).backward(context.policy, terminal, generator=context.generator)
        return context.found(replace(trajectories, source=["langevin"] * n))

    def _moved(self, x: Tensor, oracle: PointOracle, beta: float, generator: torch.Generator | None) -> Tensor:
        """Points [n, d] after ``steps`` steps for exp(beta value)."""

        def log_density(x: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = oracle.gradients(x)
            return beta * value, beta * gradient

        value, gradient = log_density(x)
        for _ in range(self.steps):
            h = self.step_size
            noise = torch.randn(x.shape, dtype=x.dtype, generator=generator)
            y = x + h * gradient + (2 * h) ** 0.5 * noise
            other, back = log_density(y)
            there, again = (y - x - h * gradient).square().sum(1), (x - y - h * back).square().sum(1)
            ratio = other - value + (there - again) / (4 * h)
            u = torch.rand(len(x), dtype=x.dtype, generator=generator)
            accepted = u.log() < ratio  # nowhere where the ratio is no number
            x = torch.where(accepted[:, None], y, x)
            value, gradient = torch.where(accepted, other, value), torch.where(accepted[:, None], back, gradient)
            share = float(accepted.double().mean())
            self.step_size *= 1.02 if share > ACCEPTED else 1 / 1.02
        return x

    def state_dict(self) -> dict[str, Any]:
        at = {} if self._at is None else {"at": self._at}
        return {"age": self._age, "step_size": self.step_size, **at}

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        self._age, self.step_size = state["age"], state["step_size"]
        self._at = state.get("at")
