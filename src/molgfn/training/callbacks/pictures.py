"""Pictures of the best molecules so far, into the run folder; at Weights & Biases in a table, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from molgfn.chemistry.drawing import grid_png
from molgfn.chemistry.molecules import Molecule
from molgfn.training.callbacks.discoveries import Discoveries
from molgfn.training.logs.wandb_run import WandbRun
from molgfn.training.logs.wandb_tables import molecule_table


class Pictures(pl.Callback):
    """Draws ``best_molecules.png`` every so many iterations and at the end.

    Args:
        folder: the run folder.
        discoveries: knows the best.
        every: iterations between pictures.
    """

    def __init__(self, folder: Path, discoveries: Discoveries, every: int) -> None:
        self.folder, self.discoveries, self.every = folder, discoveries, every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self.every == 0:
            self.draw(trainer, batch_idx)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.draw(trainer, trainer.datamodule.iteration)  # type: ignore[attr-defined]

    def draw(self, trainer: pl.Trainer, step: int) -> None:
        """Draw the best so far; nothing where objects are no molecules."""
        if trainer.datamodule.environment.domain != "molecule":  # type: ignore[attr-defined]
            return
        ranked = sorted(self.discoveries.best.items(), key=lambda item: -item[1][0])
        found = [(Molecule.from_smiles(key), value) for key, (_, value) in ranked]
        pairs = [(m.mol, f"{value:.3f}") for m, value in found if m.mol is not None]
        if not pairs:
            return
        path = self.folder / "best_molecules.png"
        path.write_bytes(grid_png([mol for mol, _ in pairs], [text for _, text in pairs]))
        numbers = {"value": [value for _, (_, value) in ranked], "log_reward": [log_r for _, (log_r, _) in ranked]}
        for logger in trainer.loggers:
            if isinstance(logger, WandbRun):
                logger.log_image("best_molecules", [str(path)], step=step)
                table = molecule_table([m for m, _ in found], numbers)
                logger.log_metrics({"best_molecules_table": table}, step=step)  # type: ignore[dict-item]
