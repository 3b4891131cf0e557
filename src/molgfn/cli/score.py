"""``molgfn score``: a file of molecules through any oracle or reward, into a table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.cli.files.given_files import FILE_HELP, given_files
from molgfn.errors import ConfigError, DataError

if TYPE_CHECKING:
    from molgfn.api.scoring import ScoreColumns
    from molgfn.chemistry.files.reading import Record
    from molgfn.chemistry.molecules import Molecule
    from molgfn.datasets.given import GivenFile


@click.command(short_help="Score a file of molecules with any oracle or reward.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .csv or .parquet.")
@click.option(
    "--run", type=click.Path(path_type=Path), help="Score with the reward of this run (its folder, or a checkpoint)."
)
@click.option("--trust", multiple=True, metavar="PACKAGE", help="With --run: package of your own that it may name.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=f"With --run: {FILE_HELP}")
@click.option("--column", help="Column of the SMILES in a table; by default one with such a name.")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Score, and write, so many molecules at once; few where each takes long.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that parse.")
def score(
    file: Path,
    overrides: tuple[str, ...],
    output: Path,
    run: Path | None,
    trust: tuple[str, ...],
    files: tuple[str, ...],
    column: str | None,
    every: int,
    jobs: int,
) -> None:
    """Score the molecules of FILE (.smi, .csv, .tsv, .sdf, also .gz; .parquet) in their order.

    OVERRIDES choose the oracle, and how it is asked, as in an experiment. The table has a row for every entry of the
    file: `smiles` as it was given, the oracle's value under its name, the values of its components, `log_reward`
    where a reward is chosen, what the oracle found (such as the names of alerts), the other columns of the file (names
    of a .smi, tags of an .sdf; `qed (given)` where the name is taken), and `problem`, the reason where a row has no
    value. With --run oracle and reward are those of a run, the value is called `value`, and OVERRIDES change what is
    below them (scoring.workers=8); its budget of calls and its diversity filter do not count, and its files are checked
    to be those it was trained with (--file says where one is now, or which other one to take). Rows are written as they
    come, to OUTPUT with `.part` at its end until all are there; it stays as CSV where the command is interrupted.

    \b
    Examples:
      molgfn score molecules.smi -o scores.csv
      molgfn score molecules.smi oracle=seh_proxy -o scores.csv
      molgfn score known_actives.csv --run runs/quickstart-20260102-030405 -o scores.csv
      molgfn score library.csv oracle=qed_sa reward=power reward.beta=8 -o scores.parquet
      molgfn score library.smi oracle=vina oracle.receptor=target.pdbqt 'oracle.center=[1,2,3]' \\
        scoring.workers=8 scoring.timeout=60 scoring.disk_cache=true -o affinities.csv
      molgfn describe oracle            (lists the oracles)

    \b
    Exit codes: 0 written, 1 no molecule got a value, 2 wrong usage or config, 3 unusable file, 130 interrupted.
    """
    from molgfn.api.object_files import require_other, require_place
    from molgfn.api.scoring import ScoreColumns
    from molgfn.datasets.given import GivenFile

    if output.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{output}: cannot write `{output.suffix or output.name}`; use .csv or .parquet")
    require_place(output)
    if not file.is_file():
        raise DataError(f"{file}: {'is a folder; give a file in it' if file.is_dir() else 'no such file'}")
    require_other(output, file, "the table")
    if trust and run is None:
        raise click.UsageError("--trust is for --run; your own config may name what it likes.")
    if files and run is None:
        raise click.UsageError("--file is for --run; your own config names its files itself.")
    if run is None:
        scored = ScoreColumns.chosen(overrides)
    else:
        scored = ScoreColumns.of_run(run, overrides, trust=trust, files=given_files(files))
    given = GivenFile.survey(file, column=column)
    if not given.entries:
        raise DataError(f"{file}: no line with a SMILES")
    part = _part(output)
    done, values, problems = 0, 0, Counter()
    try:
        with part.open("w", newline="", encoding="utf-8") as stream:
            for rows in _chunks(given, scored, every, jobs):
                rows.to_csv(stream, index=False, header=done == 0)
                stream.flush()
                done += len(rows)
                values += int(rows[scored.name].notna().sum())
                problems.update(rows["problem"].dropna())
    except BaseException:  # an interrupt above all: what is there may have taken hours
        if done:
            click.echo(f"{part}: has the first {done:,} of {given.entries:,} rows", err=True)
        else:
            part.unlink(missing_ok=True)
        raise
    if output.suffix == ".parquet":
        _to_parquet(part, output, scored.numbers, given.types)
        part.unlink()
    else:
        os.replace(part, output)
    counters = scored.counters
    of = "" if run is not None else f" of {scored.name}"
    click.echo(
        f"{output}: {given.entries:,} molecules, {values:,} with a value{of}; "
        f"{counters.unique:,} different, {counters.disk:,} from disk, {counters.seconds:.1f} s in the oracle"
    )
    for problem, count in problems.most_common(5):
        click.echo(f"no value: {count:,} x {problem}", err=True)
    if values == 0:
        click.echo("error: no molecule got a value", err=True)
        click.get_current_context().exit(1)


def _part(output: Path) -> Path:
    """A new file for rows until all are there; one of an earlier call, or of one that runs beside, is left alone."""
    first = part = output.with_name(output.name + ".part")
    number = 0
    while True:
        try:
            part.touch(exist_ok=False)
            break
        except FileExistsError:
            number += 1
            part = first.with_name(f"{first.name}.{number}")
    if number:
        click.echo(f"{first} of another call is left as it is; rows go to {part}", err=True)
    return part


def _to_parquet(part: Path, output: Path, numbers: list[str], types: dict[str, Any]) -> None:
    """The finished rows as .parquet, with the types of their columns also where a column is empty."""
    import pandas as pd

    from molgfn.api.scoring import TAKEN
    from molgfn.datasets.given import as_given

    table = pd.read_csv(part, dtype=str, keep_default_na=False)
    for name in numbers:
        table[name] = table[name].replace("", "nan").astype(float)  # exact, as not every parser of pandas is
    table["problem"] = table["problem"].astype("string").replace("", pd.NA)
    given = {name: kind for name, kind in types.items() if name not in (*numbers, *TAKEN)}
    table = as_given(table, given)
    table.to_parquet(output, index=False)


def _rows(given: GivenFile, scored: ScoreColumns, records: list[Record], molecules: list[Molecule]) -> Any:
    """A table of entries and their molecules, in order, with what stands beside them in the file."""
    import pandas as pd

    smiles = [m.smiles if record.block else record.text for record, m in zip(records, molecules, strict=True)]
    own = {"smiles": smiles, **scored.of(molecules)}
    beside = given.beside(records, own)
    problems = own.pop("problem")
    return pd.DataFrame({**own, **beside, "problem": problems})


def _chunks(given: GivenFile, scored: ScoreColumns, every: int, jobs: int) -> Iterator[Any]:
    """One table after the other, while how far it is is shown."""
    from molgfn.cli.progress import shown

    done = 0
    with shown() as show:
        for records, molecules in given.portions(every, jobs=jobs):
            show(scored.name, done, given.entries)
            yield _rows(given, scored, records, molecules)
            done += len(records)
