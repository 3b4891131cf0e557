"""What a person sees while a run trains: iterations, trajectories/s, mean reward, share of different objects, loss."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from molgfn.training.callbacks.variety import Variety
from molgfn.training.data import TrajectoryDataModule
from molgfn.trajectories.rewarded import Batch


class ProgressDisplay(pl.Callback):
    """A live bar on a terminal, a line every ``seconds`` elsewhere.

    Args:
        mode: "auto", "live" or "lines".
        seconds: between lines.
        reward: R in words, said at the start; "" says nothing.
        variety: knows the share of different objects; None shows that of the last batch.
    """

    def __init__(
        self, mode: str = "auto", seconds: float = 15.0, reward: str = "", variety: Variety | None = None
    ) -> None:
        self.console = Console(stderr=True)
        self.live = mode == "live" or (mode == "auto" and self.console.is_terminal)
        self.seconds = seconds
        self.reward = reward
        self.variety = variety
        self._progress: Progress | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: TrajectoryDataModule = trainer.datamodule  # type: ignore[attr-defined]
        self._data = data
        self._from = (time.perf_counter(), data.drawn)
        self._last = self._from[0]
        if self.reward:
            self.console.print(f"reward: {self.reward}", highlight=False, soft_wrap=True, markup=False)
        if self.live:
            columns = (
                BarColumn(bar_width=12),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
                TimeRemainingColumn(compact=True),
            )
            self._progress = Progress(*columns, console=self.console, refresh_per_second=4)
            self._progress.start()
            self._task = self._progress.add_task("train", total=data.iterations, completed=data.iteration, text="")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        now, data = time.perf_counter(), self._data
        done = data.iteration >= data.iterations or data.ended is not None
        if now - self._last < (0.25 if self.live else self.seconds) and not done:
            return
        rate = (data.drawn - self._from[1]) / (now - self._from[0])
        fresh = data.found.fresh
        scores = fresh.scores
        different = len(set(fresh.keys)) / len(fresh) if self.variety is None else self.variety.latest
        reward, value = scores.log_reward.exp().mean(), scores.value.nanmean()
        losses = " ".join(f"{k.split('/')[-1]} {v:.3g}" for k, v in outputs.items() if k.startswith("loss/"))
        text = f"{rate:.0f} trajectories/s  R {reward:.2g}  value {value:.3f}  different {different:.0%}  loss {losses}"
        self._last = now
        if self._progress is not None:
            self._progress.update(self._task, completed=data.iteration, text=text)
        else:
            self.console.print(f"iteration {data.iteration}/{data.iterations}  {text}", highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.on_train_end(trainer, pl_module)
