"""Which columns a study can have: a misspelt one is found before hours of runs, not after them."""

from __future__ import annotations

import csv
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from molgfn.class_paths import did_you_mean
from molgfn.errors import ConfigError, MolgfnError
from molgfn.evaluation.by_condition.readings import BY_CONDITION
from molgfn.evaluation.log_partition import untargeted
from molgfn.evaluation.top_auc import TOP
from molgfn.experiment import Experiment, assemble, train
from molgfn.study.plan import Picture, Study
from molgfn.study.scales import Known

logger = logging.getLogger("molgfn")

#: what ``measures.measure`` gives of every run, and ``performing.perform`` adds
ALWAYS = ("trajectories", "reward_calls", "distinct_objects", "gradient_steps", "log_z", "elbo", "seconds")
EXACT = ("tv", "jsd", "kl", "log_z_true", "mean_reward_ratio")
#: of runs that hide objects, beside ``log_l1/steps=N``
HIDDEN = tuple(f"hidden/{n}" for n in ("mass", "target_mass", "tv", "jsd", "pearson", "spearman", "log_l1"))
HELDOUT = ("heldout/pearson", "heldout/spearman", "heldout/objects")


def unknown_columns(study: Study, configs: Sequence[dict[str, Any]]) -> list[str]:
    """What is wrong with the columns that a study names on all of its tasks, one line each.

    Args:
        study: the plan.
        configs: of the first row on each task.
    """
    first, *others = [column_problems(study, config) for config in configs]
    return [problem for place, problem in first.items() if all(place in other for other in others)]


def column_problems(study: Study, config: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the columns that a study names: measure, or place of a picture's axis -> a line about it.

    The columns of ``metrics.csv`` are those of one iteration of the first row, trained for that and thrown away; of
    another objective there may be other ones that begin with ``train/``. Of a metric's key only the first part can be
    known before there are samples; ``unmeasured`` finds the rest.

    Args:
        study: the plan.
        config: of its first row.
    """
    if not (study.measures or study.pictures or study.compared_by):
        return {}
    experiment = assemble(config)
    logged = (
        _logged(config, experiment) if study.pictures or any(m.startswith("found/") for m in study.measures) else []
    )
    known = [*ALWAYS, *(name for name in logged if name.startswith("found/"))]
    compared = experiment.evaluation.exact_limit and untargeted(experiment.objective) is None
    if compared and experiment.measured.enumeration_unavailable_reason() is None:
        known += EXACT
        known += (*HIDDEN, "visible/tv") if experiment.hidden is not None else ()
    if (config.get("scoring") or {}).get("budget"):
        known += [f"{kind}_top{n}" for kind in ("avg", "auc") for n in TOP]
    known += HELDOUT if study.heldout else ()
    metrics = [m.name for m in experiment.evaluation.metrics()] if study.samples else []
    if study.samples and experiment.environment.condition_size and experiment.evaluation.conditions != 0:
        metrics.append(BY_CONDITION)
    if experiment.hidden is not None:
        metrics.append("log_l1")  # of as many numbers of steps as there are
    never = HELDOUT if not study.heldout else ()
    there = dict.fromkeys([*known, *metrics])
    problems = {
        name: f"measures: {name}: nothing of that name is measured{did_you_mean(name, there)}"
        for name in dict.fromkeys([*study.measures, *study.compared_by])
        if name not in known
        and (name in never or name.partition("/")[0] not in metrics)
        and not (name.startswith("found/") and not logged)
    }
    for file, picture in study.pictures.items():
        for axis, name in (("x", picture.x), ("y", picture.y)):
            if logged and name not in logged and not name.startswith("train/"):
                place = f"pictures.{file}.{axis}"
                problems[place] = f"{place}: metrics.csv has no column `{name}`{did_you_mean(name, logged)}"
    return problems


def unordered_measures(study: Study, scales: dict[str, Known]) -> list[str]:
    """Measures that rows should be compared by and of which nobody says which way is better, one line each."""
    return [
        f"compare.measures: {measure}: nobody says which way it is better{f' on task {task}' * bool(task)}; give its "
        "bounds in the `scales` of the tasks"
        for measure in study.compared_by
        for task, known in scales.items()
        if known.of(measure).direction is None
    ]


def _logged(config: dict[str, Any], experiment: Experiment) -> list[str]:
    """The columns of ``metrics.csv``; none where one iteration cannot be trained."""
    trainer = {**config["trainer"], "iterations": 1, "log_every": 1, "progress": "none", "accelerator": "cpu"}
    if trainer.get("exact_every") is not None:
        trainer["exact_every"] = 1
    trainer |= {"reward_calls": None, "gradient_steps": None, "seconds": None}
    few = {"batch_size": min(experiment.sources.batch_size, max(8, experiment.objective.least_batch))}
    with tempfile.TemporaryDirectory(prefix="molgfn-") as folder:
        small = {**config, "trainer": trainer, "output": folder, "logger": {**config["logger"], "wandb": "off"}}
        small["data"] = {**config["data"], **few}
        try:
            with _silent():
                run = train(small)
            with (run.folder / "metrics.csv").open(newline="") as file:
                return list(csv.DictReader(file).fieldnames or [])
        except (MolgfnError, OSError) as error:
            said = error.problems[0] if isinstance(error, ConfigError) else str(error).splitlines()[0]
            logger.warning("the columns of pictures cannot be checked before the runs: %s", said)
            return []


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing that molgfn says is shown: it is about a run that nobody asked for."""
    before, propagates = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before, propagates


def unmeasured(study: Study, records: list[dict[str, Any]]) -> list[str]:
    """Columns that the study names and no run of it has, one line each.

    What is known by name and could not be measured, such as a correlation of too few objects, is a dash in the table.
    """
    if not records:
        return []
    known = {*ALWAYS, *EXACT, *HELDOUT, *(f"{kind}_top{n}" for kind in ("avg", "auc") for n in TOP)}
    found = list(dict.fromkeys(name for record in records for name in record["values"]))
    missing = [
        f"measures: {m}: measured in no run{did_you_mean(m, found)}"
        for m in dict.fromkeys([*study.measures, *study.compared_by])
        if m not in {*found, *known}
    ]
    return missing + [
        f"pictures.{file}: no run has `{p.y}` over `{p.x}` in its metrics.csv"
        for file, p in study.pictures.items()
        if not has_curve(p, records)
    ]


def has_curve(picture: Picture, records: list[dict[str, Any]]) -> bool:
    """Some run has points to draw."""
    name = f"{picture.y} over {picture.x}"
    return any(record.get("curves", {}).get(name, [[]])[0] for record in records)
