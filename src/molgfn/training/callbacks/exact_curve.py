"""Exact distance to the target during training, for spaces that can be listed."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from molgfn.environments.base import Environment
from molgfn.evaluation.exact.answers import ExactTarget, compare, exact_target, exact_terminal
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward


class ExactCurve(pl.Callback):
    """Logs ``exact/tv``, ``exact/jsd`` and ``exact/kl`` (target to sampler) of P_T over objects every so often.

    Args:
        environment: a space that can be listed.
        reward: one of its own, so that listing the target costs the run no reward call.
        policy: what is measured.
        every: iterations between measurements; a multiple of the trainer's ``log_every``.
    """

    def __init__(self, *, environment: Environment, reward: Reward, policy: Policy, every: int) -> None:
        self.environment, self.reward, self.policy, self.every = environment, reward, policy, every
        self._target: ExactTarget | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every:
            return
        if self._target is None:
            self._target = exact_target(self.environment, self.reward)
        found = compare(self._target, exact_terminal(self.policy, self._target.graph))
        pl_module.row |= {"exact/tv": found.tv, "exact/jsd": found.jsd, "exact/kl": found.kl}  # type: ignore[operator, assignment]
