"""Lightning around a run: its trainer, and the callbacks that measure, draw, show and keep."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning import profilers
from pytorch_lightning.callbacks import EMAWeightAveraging
from pytorch_lightning.loggers import Logger

from molgfn.experiment.assembling import Experiment
from molgfn.experiment.opening import Opened
from molgfn.training.callbacks.checkpointing import Checkpointing
from molgfn.training.callbacks.discoveries import Discoveries
from molgfn.training.callbacks.ending import Ending
from molgfn.training.callbacks.exact_curve import ExactCurve
from molgfn.training.callbacks.hidden_share import HiddenShare
from molgfn.training.callbacks.interrupts import Interrupts
from molgfn.training.callbacks.other_ranks import OtherRanks
from molgfn.training.callbacks.pictures import Pictures
from molgfn.training.callbacks.progress import ProgressDisplay
from molgfn.training.callbacks.rows import Rows
from molgfn.training.callbacks.variety import remedy
from molgfn.training.logs.wandb_tables import Histograms
from molgfn.training.one_process import LocalCheckpoints, OneProcess
from molgfn.training.rank_strategy import RankStrategy
from molgfn.training.trainer import Profiler
from molgfn.trajectories.visible import Visible

#: folder of a profiler's report in a run folder
PROFILE = "profile"
#: what Lightning warns of and what is meant to be so: batches are made in the main process, from the weights that train
_EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*IterableDataset.*has `__len__` defined.*",
    ".*smaller than the logging interval.*",
    ".*dataloader is not resumable.*",
    ".*isinstance\\(treespec, LeafSpec\\).*",
    ".*checkpoint directory.*exists and is not empty.*",
)


@dataclass(frozen=True)
class Callbacks:
    """Of a run, in the order in which they are called: ``rows`` writes what the others have measured, ``checkpointing``
    comes last.
    """

    measuring: tuple[pl.Callback, ...]
    rows: Rows
    interrupts: Interrupts
    checkpointing: Checkpointing

    @property
    def all(self) -> list[pl.Callback]:
        return [*self.measuring, self.rows, self.interrupts, self.checkpointing]


def callbacks(e: Experiment, opened: Opened, more: Sequence[pl.Callback], visible: Visible | None = None) -> Callbacks:
    """What a run of ``e`` in the folder of ``opened`` has around its training; the user's own are ``more``, and come
    after what the run measures and before it is written.

    ``visible`` counts what is left out because it is hidden. Of several processes the first alone draws, lists the
    space and shows progress; no other waits for that. Everything else is on each, in the same order.
    """
    settings = e.trainer
    discoveries = Discoveries(
        thresholds=e.evaluation.thresholds,
        direction=e.reward.scored.direction,
        cut=e.evaluation.tanimoto,
        log_every=settings.log_every,
        remedy=remedy(e.policy, e.objective, e.optimizers, e.sources),
        ranks=e.ranks,
    )
    rows = Rows(opened.seconds)
    measuring: list[pl.Callback] = [discoveries]
    if settings.limits:
        measuring.append(Ending(settings.limits, rows, e.ranks))
    if e.ranks.first:
        measuring.append(Pictures(opened.folder, discoveries, settings.pictures_every))
        measuring.append(Histograms(settings.log_every))
    if e.ranks.size > 1:
        measuring.append(OtherRanks(e.ranks, settings.log_every))
    if visible is not None:
        measuring.append(HiddenShare(visible, settings.log_every, e.ranks))
    if e.optimizers.ema_decay is not None:
        measuring.append(EMAWeightAveraging(decay=e.optimizers.ema_decay))
    if settings.exact_every is not None and e.ranks.first:
        measuring.append(ExactCurve(e.exact_target, e.policy, settings.exact_every, e.hidden_part))
    if settings.progress != "none" and e.ranks.first:
        measuring.append(ProgressDisplay(settings.progress, reward=e.reward.meaning, variety=discoveries.variety))
    measuring += [*settings.callbacks, *more]
    checkpointing = Checkpointing(
        opened.folder,
        opened.record,
        settings.checkpoint_every,
        settings.checkpoint_minutes,
        rows,
        opened.checkpoint,
        ranks=e.ranks,
    )
    return Callbacks(tuple(measuring), rows, Interrupts(e.ranks), checkpointing)


def trainer(e: Experiment, loggers: Sequence[Logger], around: Callbacks, scratch: str) -> pl.Trainer:
    """Lightning's trainer for a run; what it would write of its own accord goes to the folder ``scratch``."""
    settings = e.trainer
    return pl.Trainer(
        **_place(e),
        precision="bf16-mixed" if settings.precision == "bf16-mixed" else "32-true",
        max_epochs=1,
        logger=list(loggers) or False,
        callbacks=around.all,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=settings.log_every,
        profiler=_profiler(settings.profiler if e.ranks.first else None, Path(scratch)),
        default_root_dir=scratch,  # nothing is written there; Lightning would read the run folder's name as a URL
        plugins=[OneProcess(), LocalCheckpoints()],
    )


def _place(e: Experiment) -> dict[str, Any]:
    """One device; of several processes each has its own."""
    if e.ranks.size == 1:
        return {"devices": 1, "accelerator": e.trainer.accelerator}
    if not e.trainer.on_cuda:
        return {"devices": 1, "accelerator": "cpu", "strategy": RankStrategy(e.ranks, torch.device("cpu"))}
    device = torch.device("cuda", torch.cuda.current_device())
    return {"devices": [device.index], "accelerator": "cuda", "strategy": RankStrategy(e.ranks, device)}


def _profiler(kind: Profiler | None, scratch: Path) -> profilers.Profiler | None:
    """Writes to a folder of its own in ``scratch``: Lightning would read the run folder's name as a URL."""
    if kind is None:
        return None
    kinds: dict[Profiler, type[profilers.Profiler]] = {
        "simple": profilers.SimpleProfiler,
        "advanced": profilers.AdvancedProfiler,
        "pytorch": profilers.PyTorchProfiler,
    }
    return kinds[kind](dirpath=str(scratch / PROFILE), filename=kind)


@contextmanager
def profiled(e: Experiment, folder: Path, scratch: str) -> Iterator[None]:
    """Around the training: what the profiler wrote goes into the run folder, also where training fails."""
    try:
        yield
    finally:
        written = Path(scratch) / PROFILE
        if e.ranks.first and e.trainer.profiler is not None and written.is_dir():
            shutil.copytree(written, folder / PROFILE, dirs_exist_ok=True)


@contextmanager
def quietly() -> Iterator[None]:
    """Without what Lightning says of things that are meant to be so."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for text in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", text)
        yield
