"""``molgfn study``: many runs, one table, one comparison, pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.study.preparing import Prepared


@click.command(short_help="Run studies: rows x tasks x seeds, one comparison.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("runs"), help="Each makes a folder here.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at once.")
@click.option("--seeds", help="Instead of the file's, such as 0,1,2.")
@click.option("--only", multiple=True, metavar="ROW", help="Only this row; may be given again.")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task; may be given again.")
@click.option("--check", "only_check", is_flag=True, help="Check every run's config and stop.")
@click.option("--table", "only_table", is_flag=True, help="Write tables and pictures of what is done, and run nothing.")
@click.option("--fresh", is_flag=True, help="Make every run here, also those whose results lie beside the file.")
def study(
    files: tuple[Path, ...],
    output: Path,
    jobs: int,
    seeds: str | None,
    only: tuple[str, ...],
    tasks: tuple[str, ...],
    only_check: bool,
    only_table: bool,
    fresh: bool,
) -> None:
    """Run the studies that FILES describe: every row on every task with every seed, measured alike and compared.

    Everything is checked before the first run. Each finished run is kept at once, and one that was stopped goes on from
    its latest checkpoint: called again, a study ends as if it had not been stopped. Results that came with a study
    file (`results/NAME` beside it) count as done. Tables (`table.md`, mean and 95 % interval over seeds), comparisons
    (`comparison.md`), tidy results (`results.parquet`) and pictures are written to a folder of the study's name at the
    end of every call; several studies also get one table together.

    A `results.parquet` in place of a study file makes tables and pictures again, without study file or runs.

    \b
    Examples:
      molgfn study experiments/objectives/hypergrid.study.yaml -j 2
      molgfn study my.study.yaml --only TB --task grid --seeds 0
      molgfn study experiments/objectives/*.study.yaml --table
      molgfn study runs/my/results.parquet -o again

    \b
    Exit codes: 0 all runs finished, 1 some failed, 2 wrong study or config, 130 interrupted with Ctrl-C, 143 by
    SIGTERM, 138 by SIGUSR1 (the runs that were at it saved a checkpoint, from which the next call goes on).
    """
    from molgfn.study.tables import combined

    parquet = [file for file in files if file.suffix == ".parquet"]
    for file in parquet:
        _again(file, output)
    prepared = _prepared([file for file in files if file not in parquet], output, seeds, only, tasks, only_table)
    failed, tables = [], []
    for item in prepared:
        if only_check:
            click.echo(f"{item.name}: {len(item.configs)} runs, all of them can be built")
            continue
        records = _run(item, jobs, failed, only_table, fresh)
        tables.append((item.name, item.plan, records))
    if len(tables) > 1:
        (output / "table.md").write_text(combined(tables), encoding="utf-8")
        click.echo(f"together: {output / 'table.md'}")
    if failed:
        click.echo("\n".join(["failed:", *failed]), err=True)
        click.get_current_context().exit(1)


def _prepared(
    files: list[Path],
    output: Path,
    seeds: str | None,
    only: tuple[str, ...],
    tasks: tuple[str, ...],
    only_table: bool,
) -> list[Prepared]:
    """All studies, or all that is wrong with them."""
    from molgfn.study.columns import unknown_columns, unordered_measures
    from molgfn.study.preparing import misplaced, prepare

    if seeds is not None and not re.fullmatch(r"\d+(,\d+)*", seeds):
        raise ConfigError(f"--seeds: should be whole numbers such as 0,1,2, got `{seeds}`")
    numbers = None if seeds is None else [int(s) for s in seeds.split(",")]
    prepared, problems = [], []
    for file in files:
        try:
            prepared.append(prepare(file, output, seeds=numbers, rows=only, tasks=tasks, only_table=only_table))
        except ConfigError as error:
            problems += error.problems
    for item in prepared if not problems else ():
        problems += misplaced(item, prepared)
        wrong = unordered_measures(item.plan, item.scales)
        if not only_table:
            first = [item.configs[t.name, item.plan.rows[0].name, item.plan.seeds[0]] for t in item.plan.all_tasks]
            wrong += unknown_columns(item.plan, first)
        problems += [f"{item.name}: {p}" for p in wrong]
    if problems:
        raise ConfigError(problems)
    return prepared


def _run(item: Prepared, jobs: int, failed: list[str], only_table: bool, fresh: bool) -> list[dict[str, Any]]:
    """Make the runs that are not done yet, write tables and pictures; returns all records."""
    from molgfn.study.columns import unmeasured
    from molgfn.study.finishing import finish
    from molgfn.study.preparing import SOURCE
    from molgfn.study.running.performing import perform_all
    from molgfn.study.tidy import tidy

    todo, results = item.jobs, item.results(fresh=fresh)
    item.folder.mkdir(parents=True, exist_ok=True)
    (item.folder / SOURCE).write_text(f"{item.file}\n", encoding="utf-8")
    wanted, own = {job.identity for job in todo}, item.results(fresh=True).read().keys()
    done = wanted & results.read().keys()
    beside = f" ({item.shipped.parent} has {came}; --fresh makes them here)" if (came := len(done - own)) else ""
    click.echo(f"{item.name}: {len(todo)} runs, {len(done)} of them done before{beside}")
    for record, left in perform_all(todo, results, workers=jobs) if not only_table else ():
        place = ", ".join(filter(None, [record.get("task"), record["row"], f"seed {record['seed']}"]))
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
    told = finish(item.name, item.plan, records, tidy(item.name, item.plan, records, item.scales), item.folder)
    click.echo(f"\n{told}\nwritten to {item.folder}")
    return records


def _again(file: Path, output: Path) -> None:
    """Tables and pictures of a finished study from its tidy results."""
    from molgfn.study.finishing import finish_again
    from molgfn.study.tidy import read_tidy

    plan, frame, curves = read_tidy(file)
    name = str(frame["study"].iloc[0]) if len(frame) else file.parent.name
    folder = output / name
    told = finish_again(name, plan, frame, curves, folder)
    click.echo(f"{told}\nwritten to {folder}")
