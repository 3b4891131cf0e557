"""A study file to runs that are composed and checked, before the first of them begins."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from molgfn.composing.compose import checked_as_written
from molgfn.errors import ConfigError, DataError
from molgfn.experiment import assemble
from molgfn.paths import local
from molgfn.study.budget import end_of
from molgfn.study.plan import Row, Study, Task, read_study
from molgfn.study.running.jobs import Configs, Job, jobs_of
from molgfn.study.running.results import Results
from molgfn.study.scales import Known, known_scales, scales_without_data

logger = logging.getLogger("molgfn")

#: in a study's folder: the file that it is written in, and the results of its runs
SOURCE, RESULTS = "study.txt", "results.jsonl"
#: beside a study file: results that came with it, in a folder of the study's name
SHIPPED = "results"


@dataclass(frozen=True)
class Prepared:
    """A study whose runs are all composed and checked.

    Attributes:
        name: of its folder.
        plan: what it compares.
        configs: (task, row, seed) -> config.
        written: the same configs before their files became absolute.
        folder: where its results go.
        file: in which it is written.
        scales: task -> how what is measured there is read.
    """

    name: str
    plan: Study
    configs: Configs
    written: Configs
    folder: Path
    file: Path
    scales: dict[str, Known] = field(default_factory=dict)

    @property
    def jobs(self) -> list[Job]:
        return jobs_of(self.plan, self.configs, self.written)

    @property
    def shipped(self) -> Path:
        """Results that lie beside the file; they need not be there."""
        return self.file.parent / SHIPPED / self.name / RESULTS

    def results(self, *, fresh: bool = False) -> Results:
        """What is kept of the runs; ``fresh`` leaves out what lies beside the file."""
        own = self.folder / RESULTS
        shipped = [] if fresh or local(own).resolve() == self.shipped.resolve() else [self.shipped]
        return Results(own, shipped)


def name_of(file: Path) -> str:
    """What a study is called, after its file."""
    return re.sub(r"(\.study)?\.ya?ml$", "", file.name)


def prepare(
    file: Path,
    output: Path,
    *,
    seeds: Sequence[int] | None = None,
    rows: Sequence[str] = (),
    tasks: Sequence[str] = (),
    only_table: bool = False,
) -> Prepared:
    """Read, cut down to what was asked for, compose all runs, and build each row on each task once.

    Args:
        file: of the study.
        output: the study makes its folder there.
        seeds: instead of the file's.
        rows: only these; empty: all.
        tasks: only these; empty: all.
        only_table: nothing will be run, so that data files may be missing.

    Raises:
        ConfigError: with all problems of all rows.
        DataError: a data file is missing.
    """
    plan = _cut_down(read_study(file), seeds, rows, tasks)
    name = name_of(file)
    configs, written, scales, without, problems = {}, {}, {}, {}, []
    for task in plan.all_tasks:
        for row in plan.rows:
            try:
                experiment, of_row = experiment_of(file, task), overrides_of(plan, task, row)
                if plan.budget is not None:
                    of_row = [*of_row, *end_of(plan.budget, experiment, of_row)]
                for seed in plan.seeds:
                    called = "-".join(filter(None, [_slug(task.name), _slug(row.name), str(seed)]))
                    own = [f"seed={seed}", f"name={called}", "output=runs"]
                    config, as_written = checked_as_written(experiment, [*of_row, *own])
                    place = (task.name, row.name, seed)
                    configs[place] = {**config, "output": str(local(output / name / "runs"))}
                    written[place] = as_written
                if task.name in without:
                    continue
                try:
                    built = assemble(configs[task.name, row.name, plan.seeds[0]])
                except DataError as error:
                    if not only_table:
                        raise
                    without.setdefault(task.name, str(error))
                    continue
                known = scales.setdefault(task.name, known_scales(task, built))
                if row is plan.rows[0] and (wrong := known.contradictions()):
                    raise ConfigError(wrong)
            except ConfigError as error:
                where = f"{name}, " + f"task `{task.name}`, " * bool(task.name) + f"row `{row.name}`"
                problems += [f"{where}: {p}" for p in error.problems]
    if problems:
        raise ConfigError(problems)
    for task in plan.all_tasks:
        if task.name in without and task.name not in scales:
            scales[task.name] = scales_without_data(task, configs[task.name, plan.rows[0].name, plan.seeds[0]])
            logger.warning(
                "%s: columns of its property are read as ones to maximise, as a data file is missing: %s",
                ", ".join(filter(None, [name, task.name])),
                without[task.name],
            )
    return Prepared(name, plan, configs, written, output / name, file.resolve(), scales)


def experiment_of(file: Path, task: Task) -> str:
    """The experiment of a task as ``compose`` takes it: a file beside the study's, or a shipped name."""
    beside = file.parent / task.experiment
    return str(beside) if beside.is_file() else task.experiment


def overrides_of(plan: Study, task: Task, row: Row) -> list[str]:
    """Of the runs of a row on a task, the more special ones later."""
    return [*plan.set.split(), *task.set.split(), *row.set.split(), *row.tasks.get(task.name, "").split()]


def misplaced(item: Prepared, others: Sequence[Prepared]) -> list[str]:
    """Why the results of a study cannot go where they would: another study of the same name is there."""
    if any(o.folder == item.folder and o.file != item.file for o in others):
        return [f"{item.file}: another of these studies is called `{item.name}`, too; run them one by one, with -o"]
    try:
        before = (item.folder / SOURCE).read_text(encoding="utf-8").strip()
    except OSError:
        return []
    # a study that moved together with its results names its old place
    if before == str(item.file) or not Path(before).is_file():
        return []
    return [f"{item.folder}: holds the results of another study, {before}; -o names another folder"]


def _cut_down(plan: Study, seeds: Sequence[int] | None, rows: Sequence[str], tasks: Sequence[str]) -> Study:
    if seeds is not None:
        plan = plan.model_copy(update={"seeds": list(seeds)})
    for option, field_name, chosen in (("--only", "rows", rows), ("--task", "tasks", tasks)):
        items = getattr(plan, field_name)
        names = [item.name for item in items]
        if unknown := [name for name in chosen if name not in names]:
            there = f"there are {', '.join(names)}" if names else "the study has one experiment and no tasks"
            raise ConfigError(f"{option}: there is no {field_name[:-1]} {', '.join(unknown)}; {there}")
        if chosen:
            plan = plan.model_copy(update={field_name: [item for item in items if item.name in chosen]})
    return plan


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()
