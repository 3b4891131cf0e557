"""Exact distance to the target during training, for spaces that can be listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from molgfn.evaluation.exact.answers import ExactTarget, compare, exact_terminal
from molgfn.evaluation.exact.hidden import HiddenPart, hidden_numbers
from molgfn.policies.base import Policy


class ExactCurve(pl.Callback):
    """Logs ``exact/tv``, ``exact/jsd`` and ``exact/kl`` (target to sampler) of P_T over objects every so often.

    Of a run that hides objects, ``exact/hidden/...`` and the like as well (``evaluation.exact.hidden``).

    Args:
        target: lists and scores the space, with a reward of its own, so that it costs the run no reward call; asked at
            the first measurement.
        policy: what is measured.
        every: iterations between measurements; a multiple of the trainer's ``log_every``.
        hidden: which of the objects are hidden; asked at the first measurement.
    """

    def __init__(
        self,
        target: Callable[[], ExactTarget],
        policy: Policy,
        every: int,
        hidden: Callable[[], HiddenPart | None] = lambda: None,
    ) -> None:
        self.target, self.policy, self.every, self.hidden = target, policy, every, hidden

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every:
            return
        target = self.target()
        found = compare(target, exact_terminal(self.policy, target.graph))
        numbers = {"tv": found.tv, "jsd": found.jsd, "kl": found.kl}
        if (part := self.hidden()) is not None:
            numbers |= hidden_numbers(found.p, target, part)
        pl_module.row |= {f"exact/{name}": value for name, value in numbers.items()}  # type: ignore[operator, assignment]
