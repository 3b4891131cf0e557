"""``molgfn study``: many runs, one table, one picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.errors import ConfigError
from molgfn.paths import local

if TYPE_CHECKING:
    from molgfn.study.plan import Study


#: in a study's folder: the file that it is written in
SOURCE = "study.txt"


@dataclass(frozen=True)
class Prepared:
    """A study whose runs are all composed and checked.

    Attributes:
        name: of its folder.
        plan: what it compares.
        configs: (row, seed) -> config.
        written: the same configs before their files became absolute.
        folder: where its results go.
        file: in which it is written.
    """

    name: str
    plan: Study
    configs: dict[tuple[str, int], dict[str, Any]]
    written: dict[tuple[str, int], dict[str, Any]]
    folder: Path
    file: Path


@click.command(short_help="Run studies: rows x seeds, one table.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("runs"), help="Each makes a folder here.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at once.")
@click.option("--seeds", help="Instead of the file's, such as 0,1,2.")
@click.option("--only", multiple=True, metavar="ROW", help="Only this row; may be given again.")
@click.option("--check", "only_check", is_flag=True, help="Check every run's config and stop.")
@click.option("--table", "only_table", is_flag=True, help="Write tables and pictures of what is done, and run nothing.")
def study(
    files: tuple[Path, ...],
    output: Path,
    jobs: int,
    seeds: str | None,
    only: tuple[str, ...],
    only_check: bool,
    only_table: bool,
) -> None:
    """Run the studies that FILES describe: every row with every seed, measured alike.

    Everything is checked before the first run. Each finished run is kept at once: called again, a study goes on where
    it was. Table (`table.md`, mean and 95 % interval over seeds), `results.csv` and pictures are written to a folder of
    the study's name at the end of every call; several studies also get one table together.

    \b
    Examples:
      molgfn study experiments/objectives/hypergrid.study.yaml -j 2
      molgfn study my.study.yaml --only TB --seeds 0
      molgfn study experiments/objectives/*.study.yaml --table

    \b
    Exit codes: 0 all runs finished, 1 some failed, 2 wrong study or config, 130 interrupted with Ctrl-C, 143 by
    SIGTERM, 138 by SIGUSR1 (the runs that were at it saved a checkpoint, for `molgfn resume`; the next call begins
    them anew).
    """
    from molgfn.study.columns import column_problems
    from molgfn.study.tables import combined

    prepared, problems = [], []
    for file in files:
        try:
            prepared.append(_prepare(file, output, seeds, only))
        except ConfigError as error:
            problems += error.problems
    for item in prepared if not problems else ():
        problems += _misplaced(item, prepared)
        if not only_table:
            first = item.configs[item.plan.rows[0].name, item.plan.seeds[0]]
            problems += [f"{item.name}: {p}" for p in column_problems(item.plan, first)]
    if problems:
        raise ConfigError(problems)
    failed, tables = [], []
    for item in prepared:
        if only_check:
            click.echo(f"{item.name}: {len(item.configs)} runs, all of them can be built")
            continue
        records = _run(item, jobs, failed, only_table)
        tables.append((item.name, item.plan, records))
    if len(tables) > 1:
        (output / "table.md").write_text(combined(tables))
        click.echo(f"together: {output / 'table.md'}")
    if failed:
        click.echo("\n".join(["failed:", *failed]), err=True)
        click.get_current_context().exit(1)


def _prepare(file: Path, output: Path, seeds: str | None, only: tuple[str, ...]) -> Prepared:
    """Read, cut down to what was asked for, compose and build every row once."""
    from molgfn.composing.compose import checked_as_written
    from molgfn.experiment import assemble
    from molgfn.study.plan import read_study

    plan = read_study(file)
    if seeds is not None:
        if not re.fullmatch(r"\d+(,\d+)*", seeds):
            raise ConfigError(f"--seeds: should be whole numbers such as 0,1,2, got `{seeds}`")
        plan = plan.model_copy(update={"seeds": [int(s) for s in seeds.split(",")]})
    if only:
        names = [row.name for row in plan.rows]
        if unknown := [name for name in only if name not in names]:
            raise ConfigError(f"--only: there is no row {', '.join(unknown)}; there are {', '.join(names)}")
        plan = plan.model_copy(update={"rows": [row for row in plan.rows if row.name in only]})
    beside = file.parent / plan.experiment
    experiment = str(beside) if beside.is_file() else plan.experiment
    name = re.sub(r"(\.study)?\.ya?ml$", "", file.name)
    configs, written, problems = {}, {}, []
    for row in plan.rows:
        try:
            for seed in plan.seeds:
                own = [f"seed={seed}", f"name={_slug(row.name)}-{seed}", "output=runs"]
                config, as_written = checked_as_written(experiment, [*plan.set.split(), *row.set.split(), *own])
                configs[row.name, seed] = {**config, "output": str(local(output / name / "runs"))}
                written[row.name, seed] = as_written
            assemble(configs[row.name, plan.seeds[0]])
        except ConfigError as error:
            problems += [f"{name}, row `{row.name}`: {p}" for p in error.problems]
    if problems:
        raise ConfigError(problems)
    return Prepared(name, plan, configs, written, output / name, file.resolve())


def _misplaced(item: Prepared, others: list[Prepared]) -> list[str]:
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


def _run(item: Prepared, jobs: int, failed: list[str], only_table: bool) -> list[dict[str, Any]]:
    """Make the runs that are not done yet, write table and pictures; returns all records."""
    from molgfn.study.charts import draw
    from molgfn.study.columns import has_curve, unmeasured
    from molgfn.study.runs import Results, jobs_of, perform_all
    from molgfn.study.tables import markdown, write_csv

    todo = jobs_of(item.plan, item.configs, item.written)
    item.folder.mkdir(parents=True, exist_ok=True)
    (item.folder / SOURCE).write_text(f"{item.file}\n", encoding="utf-8")
    results = Results(item.folder / "results.jsonl")
    done = len({job.identity for job in todo} & results.read().keys())
    click.echo(f"{item.name}: {len(todo)} runs, {done} of them done before")
    for record, left in perform_all(todo, results, workers=jobs) if not only_table else ():
        place = f"{record['row']}, seed {record['seed']}"
        said = record.get("problem") or ", ".join(
            f"{k} {v:.4g}" for k, v in record["values"].items() if k in {*item.plan.measures[:1], "seconds"}
        )
        click.echo(f"{place}: {said} ({left} left)")
        if "problem" in record:
            failed.append(f"{item.name}, {place}: {record['problem']}")
    records, older = results.of(todo)
    if older:
        click.echo(
            f"{older} of {len(records)} runs in the table were made with another configuration than the present one "
            f"(another version of molgfn, or a changed file); without --table they are made again"
        )
    if not records:
        click.echo("nothing is done yet, so there is no table")
        return records
    if len(records) == len(todo):
        failed += [f"{item.name}: {problem}" for problem in unmeasured(item.plan, records)]
    write_csv(item.plan, records, item.folder / "results.csv")
    table = markdown(item.plan, records)
    (item.folder / "table.md").write_text(f"{item.plan.question.strip()}\n\n{table}")
    for name, picture in item.plan.pictures.items():
        if has_curve(picture, records):
            draw(item.plan, picture, records, item.folder / name)
    click.echo(f"\n{table}\nwritten to {item.folder}")
    return records


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()
