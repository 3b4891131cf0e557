"""What Weights & Biases shows of a run beside its curves: objects with pictures, histograms, the evaluation."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from molgfn.errors import ConfigError
from molgfn.evaluation.evaluator import Evaluation
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.report.figures import stand_alone
from molgfn.evaluation.report.page import Chart
from molgfn.objects.capabilities import HasPictures
from molgfn.training.logs.loggers import Loggers
from molgfn.training.logs.wandb_run import WandbRun, finish, start
from molgfn.trajectories.rewarded import Batch

logger = logging.getLogger("molgfn")

#: rows of a table of objects
ROWS = 25
#: name of the column -> one number per object
Columns = Mapping[str, Sequence[float]]


def object_table(kind: HasPictures, objects: Any, columns: Columns) -> Any:
    """A ``wandb.Table``: picture, key and the numbers of each object without a problem (NaN becomes an empty cell)."""
    import wandb

    table = wandb.Table(columns=[kind.name, kind.key_column, *columns])
    rows = zip(objects, kind.keys(objects), kind.problems(objects), *columns.values(), strict=True)
    for thing, key, problem, *numbers in rows:
        if problem is None:
            cells = [None if np.isnan(number) else float(number) for number in numbers]
            table.add_data(wandb.Image(kind.image(thing)), key, *cells)
    return table


def histogram(values: Any) -> Any:
    """A ``wandb.Histogram`` of the finite ones among the values, or None where there are none."""
    import wandb

    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return wandb.Histogram(known.tolist()) if len(known) else None


class Histograms(pl.Callback):
    """Distributions of log R, value, components and length of what was drawn since the last row of metrics.

    Only for runs at Weights & Biases; elsewhere it does nothing.

    Args:
        log_every: iterations between rows.
    """

    def __init__(self, log_every: int) -> None:
        self.log_every = log_every
        self._drawn: dict[str, list[torch.Tensor]] = {}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        runs = [found for found in trainer.loggers if isinstance(found, WandbRun)]
        if not runs:
            return
        found = trainer.datamodule.found  # type: ignore[attr-defined]
        scores, lengths = found.fresh.scores, found.lengths
        columns = {"log_reward": scores.log_reward, "value": scores.value, "length": lengths}
        for name, column in {**columns, **scores.components}.items():
            self._drawn.setdefault(f"histogram/{name}", []).append(column.detach().cpu())
        if (batch_idx + 1) % self.log_every == 0:
            shown = {name: histogram(torch.cat(parts)) for name, parts in self._drawn.items()}
            self._drawn.clear()
            for run in runs:
                run.log_metrics({k: v for k, v in shown.items() if v is not None}, step=batch_idx)


def add_evaluation(
    run: Path, evaluation: Evaluation, report: Path, charts: Sequence[Chart], loggers: Loggers
) -> str | None:
    """Put an evaluation into the W&B run of a run folder: numbers, histograms, best molecules, figures and the report.

    Where the run trained offline, or the server cannot be used, it goes to one more offline folder of the same run.

    Args:
        run: the run folder; nothing is done where it has no W&B run.
        evaluation: what was measured.
        report: its page.
        charts: of the page.
        loggers: as in the run's config.

    Returns:
        Id of the W&B run that has it now, or None.
    """
    folders = sorted((run / "wandb").glob("*run-*-*"))
    mode = loggers.mode
    if not folders or mode == "off":
        return None
    run_id = folders[0].name.rsplit("-", 1)[1]
    trained_online = any(folder.name.startswith("run-") for folder in folders)
    try:
        place = loggers.ask() if trained_online and mode == "online" else "offline"
        opened = start(
            run, "online" if place == "online" else "offline", fall_back=True, id=run_id, project=loggers.project
        )
    except ConfigError as error:
        logger.warning("the evaluation is not in the W&B run %s: %s", run_id, error)
        return None
    if opened is None:
        return None
    opened.summary.update({f"evaluation/{name}": value for name, value in evaluation.values().items()})
    opened.log(_media(evaluation.samples, report) | _figures(charts))
    finish(opened)
    return run_id


def _figures(charts: Sequence[Chart]) -> dict[str, Any]:
    """The charts of the report, each by itself."""
    import wandb

    return {
        f"evaluation/figure/{chart['title'].replace('/', ' per ')}": wandb.Html(stand_alone(chart["svg"]), inject=False)
        for chart in charts
    }


def _media(samples: Samples, report: Path) -> dict[str, Any]:
    import wandb

    shown: dict[str, Any] = {"evaluation/report": wandb.Html(str(report), inject=False)}
    if samples.value is None or samples.log_reward is None:
        return shown
    columns = {"value": samples.value, "log_reward": samples.log_reward, **samples.components}
    for name, column in columns.items():
        if (drawn := histogram(column)) is not None:
            shown[f"evaluation/histogram/{name}"] = drawn
    if isinstance(samples.kind, HasPictures):
        best = samples.unique[:ROWS]
        counts = [samples.counts[samples.keys[i]] for i in best]
        numbers = {"count": counts, **{name: column[best] for name, column in columns.items()}}
        objects = samples.kind.take(samples.objects, best.tolist())
        shown[f"evaluation/best_{samples.kind.plural}"] = object_table(samples.kind, objects, numbers)
    return shown
