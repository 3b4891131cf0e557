"""Samples of a GFlowNet: of the one that learns in the loop, or of a run that was trained before."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.environments.conditional import under
from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind
from molgfn.paths import InputFile
from molgfn.policies.base import Policy
from molgfn.policies.exploration import Exploration
from molgfn.runs.checkpoint import load
from molgfn.trajectories.sampler import Sampler


class PolicySamples(Proposer):
    """Objects of trajectories from P_F, each under the condition that a trajectory draws.

    Args:
        count: trajectories each round.
        run: run folder or checkpoint whose policy draws, and does not learn, under the reference of its condition;
            None: the sampler of the loop. It may name classes of molgfn and torch only.
        epsilon: probability of a step that is uniform over the legal ones.
        temperature: of the logits of P_F; above 1 is flatter.
    """

    begins = True

    def __init__(
        self,
        *,
        count: Annotated[int, Field(ge=1)] = 256,
        run: InputFile | None = None,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
    ) -> None:
        self.count, self.run = count, run
        self.exploration = Exploration(epsilon=epsilon, temperature=temperature)
        self.reads_policy = run is None  # type: ignore[misc]  # of this one, not of the class
        self._loaded: Policy | None = None

    def prepare(self) -> None:
        if self.run is not None and self._loaded is None:
            self._loaded = load(self.run).policy

    def misfit(self, kind: ObjectKind) -> str | None:
        self.prepare()
        there = kind if self._loaded is None else self._loaded.environment.kind
        return None if there is kind else f"{self.run} builds {there.name} objects, but the oracle measures {kind.name}"

    def propose(self, ask: Ask) -> Any:
        self.prepare()
        policy = ask.policy if self._loaded is None else self._loaded
        if policy is None:
            raise ContractError("PolicySamples: there is no sampler in this loop, and no `run` was given")
        environment = policy.environment if self._loaded is None else under(policy.environment)
        training = policy.training
        policy.eval()
        drawn = Sampler(environment).forward(policy, self.count, generator=ask.generator, exploration=self.exploration)
        policy.train(training)
        return environment.objects(drawn.terminal)
