"""P_B's own steps, and what it remembers and draws for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.training.updates.engine import Engine
from molgfn.training.updates.gradient_steps import GradientSteps, losses_of
from molgfn.training.updates.skipped_steps import origin
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate_backward
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.recent import RecentBatches
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.union import Union


class BackwardSteps:
    """Trains P_B by a loss of its own.

    Args:
        policy: whose P_B it is.
        backward: the loss, and which trajectories it is on.
        auxiliaries: further networks by name.
        steps: takes the gradient steps.
        seed: of what is drawn here.
        ranks: the processes of the run; each draws by a stream of its own, and a guide sees what all have found.
    """

    def __init__(
        self,
        policy: Policy,
        backward: BackwardPolicyTraining,
        auxiliaries: Mapping[str, Policy],
        steps: GradientSteps,
        seed: int,
        ranks: Ranks = ALONE,
    ) -> None:
        self.policy, self.backward, self.auxiliaries, self.steps = policy, backward, auxiliaries, steps
        self.seed, self.ranks, self.union = ranks.seed(seed + 2**32, "backward"), ranks, Union(ranks)
        self.recent = RecentBatches(backward.memory)
        self._stream: torch.Generator | None = None
        self._restored: Tensor | None = None

    def see(self, batch: Batch) -> None:
        """Take note of a batch and of what is newly drawn in it; before anything else in an iteration."""
        self.recent.add(batch.trajectories)
        if self.backward.guide is not None:
            self.backward.guide.observe(self._found(batch.fresh.trajectories), self.policy)

    def take(self, batch: Trajectories, iteration: int, engine: Engine) -> dict[str, Tensor]:
        """The steps of an iteration, on what P_B's training asks for."""
        backward, metrics = self.backward, {}
        for _ in range(backward.steps):
            trajectories = self._trajectories(batch)
            guide = None
            if backward.guide is not None:
                guide = backward.guide.log_prob(trajectories, self.policy)
            networks = Networks(own=self.auxiliaries, log_guide=guide)
            evaluated = evaluate_backward(
                trajectories, self.policy, quantities=backward.quantities, networks=networks, union=self.union
            )
            why = partial(origin, trajectories, evaluated, range(len(trajectories)))
            metrics |= self.steps.take(losses_of(backward, evaluated), "backward", iteration, engine, why)
        return metrics

    def _found(self, fresh: Trajectories) -> Trajectories:
        """What is newly drawn on every rank: a guide teaches all of them the same."""
        if self.ranks.size == 1:
            return fresh
        scored = replace(fresh, measurements=None, state_measurements=None, log_reward_state=None)
        return scored.gathered(self.ranks).to(fresh.lengths.device)

    def _trajectories(self, batch: Trajectories) -> Trajectories:
        kind, device = self.backward.trajectories, self.policy.device
        if kind == "batch":
            return batch
        stream = self._generator(device)
        if kind == "recent":
            return self.recent.draw(stream).to(device)
        drawn = Sampler(self.policy.environment).backward(self.policy, batch.terminal, generator=stream)
        return replace(drawn, log_reward=batch.log_reward, log_symmetry=batch.log_symmetry, keys=batch.keys)

    def _generator(self, device: torch.device) -> torch.Generator:
        """Made when it is first needed: only then the policy is on the device that it trains on."""
        if self._stream is None:
            self._stream = torch.Generator(device).manual_seed(self.seed)
            if self._restored is not None:
                self._stream.set_state(self._restored)
        return self._stream

    def state_dict(self) -> dict[str, Any]:
        guide = self.backward.guide
        return {
            "stream": self.ranks.keep(self._restored if self._stream is None else self._stream.get_state()),
            "recent": self.ranks.keep(self.recent.state_dict()),
            "guide": None if guide is None else guide.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self._stream = None
        stream = self.ranks.own(state["stream"])
        self._restored = None if stream is None else stream.cpu()
        self.recent.load_state_dict(self.ranks.own(state["recent"]), self.policy.environment.initial(1))
        if self.backward.guide is not None:
            self.backward.guide.load_state_dict(state["guide"])
