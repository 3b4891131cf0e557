"""Exact distance to the target during training, for spaces that can be listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from molgfn.evaluation.exact.answers import ExactTarget, compare, exact_terminal
from molgfn.policies.base import Policy


class ExactCurve(pl.Callback):
    """Logs ``exact/tv``, ``exact/jsd`` and ``exact/kl`` (target to sampler) of P_T over objects every so often.

    Args:
        target: lists and scores the space, with a reward of its own, so that it costs the run no reward call; asked at
            the first measurement.
        policy: what is measured.
        every: iterations between measurements; a multiple of the trainer's ``log_every``.
    """

    def __init__(self, *, target: Callable[[], ExactTarget], policy: Policy, every: int) -> None:
        self.target, self.policy, self.every = target, policy, every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every:
            return
        target = self.target()
        found = compare(target, exact_terminal(self.policy, target.graph))
        pl_module.row |= {"exact/tv": found.tv, "exact/jsd": found.jsd, "exact/kl": found.kl}  # type: ignore[operator, assignment]
