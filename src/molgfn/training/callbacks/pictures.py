"""Pictures of the best objects so far, into the run folder; at Weights & Biases in a table, too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from molgfn.objects.capabilities import HasPictures
from molgfn.training.callbacks.discoveries import Discoveries
from molgfn.training.logs.wandb_run import WandbRun
from molgfn.training.logs.wandb_tables import object_table

logger = logging.getLogger("molgfn")


class Pictures(pl.Callback):
    """Draws ``best_molecules.png`` (of other kinds ``best_<kind>s.png``) every so many iterations and at the end.

    Args:
        folder: the run folder.
        discoveries: knows the best.
        every: iterations between pictures.
    """

    def __init__(self, folder: Path, discoveries: Discoveries, every: int) -> None:
        self.folder, self.discoveries, self.every = folder, discoveries, every
        self._failed = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every == 0:
            self.draw(trainer, batch_idx)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.draw(trainer, trainer.datamodule.iteration)  # type: ignore[attr-defined]

    def draw(self, trainer: pl.Trainer, step: int) -> None:
        """Draw the best so far; nothing where objects have no pictures."""
        kind = trainer.datamodule.environment.kind  # type: ignore[attr-defined]
        if not isinstance(kind, HasPictures):
            return
        ranked = sorted(self.discoveries.best.items(), key=lambda item: -item[1][0])
        objects = kind.parse([key for key, _ in ranked])
        good = [row for row, problem in enumerate(kind.problems(objects)) if problem is None]
        if not good:
            return
        name = f"best_{kind.plural}"
        path = self.folder / f"{name}.png"
        values, log_rewards = [value for _, (_, value) in ranked], [log_r for _, (log_r, _) in ranked]
        sheet = kind.sheet(kind.take(objects, good), [f"{values[row]:.3f}" for row in good])
        try:
            path.write_bytes(sheet)
        except OSError as error:
            if not self._failed:
                logger.error("%s cannot be written (%s); the run goes on", path, error.strerror or error)
            self._failed = True
            return
        self._failed = False
        for place in trainer.loggers:
            if isinstance(place, WandbRun):
                place.log_image(name, [str(path)], step=step)
                table = object_table(kind, objects, {"value": values, "log_reward": log_rewards})
                place.log_metrics({f"{name}_table": table}, step=step)  # type: ignore[dict-item]
