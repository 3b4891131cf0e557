"""``molgfn pick``: a few molecules of a file, with all that stands beside them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from molgfn.cli.words.finite_range import FiniteRange
from molgfn.errors import ConfigError, DataError

if TYPE_CHECKING:
    from molgfn.chemistry.picking import Method
    from molgfn.cli.files.molecule_rows import MoleculeRows


@click.command(short_help="Pick the best, or diverse, molecules of a file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-n", "--number", type=click.IntRange(1), required=True, help="Molecules to pick.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .sdf, .csv, .parquet or .smi.")
@click.option("--by", metavar="COLUMN", help="Column (SD tag) of numbers that says what is best.")
@click.option("--lowest", is_flag=True, help="The lowest number of --by is the best.")
@click.option(
    "--method",
    type=click.Choice(["top", "maxmin", "butina"]),
    default="top",
    show_default=True,
    help="top: the best. maxmin: far from each other. butina: one of each cluster.",
)
@click.option("--best", type=click.IntRange(1), help="Choose among so many of the best only.")
@click.option("--per-scaffold", type=click.IntRange(1), help="Most molecules of one Murcko scaffold.")
@click.option("--min", "least", multiple=True, metavar="COLUMN=VALUE", help="Least value of a column; any number of.")
@click.option("--max", "most", multiple=True, metavar="COLUMN=VALUE", help="Largest value of a column; any number of.")
@click.option(
    "--cut",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    help="For butina: Tanimoto similarity (ECFP4) to the centre of a cluster.  [default: 0.6]",
)
@click.option("--column", help="Column of the SMILES in a table; by default one with such a name.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="For maxmin.")
def pick(
    file: Path,
    number: int,
    output: Path,
    by: str | None,
    lowest: bool,
    method: Method,
    best: int | None,
    per_scaffold: int | None,
    least: tuple[str, ...],
    most: tuple[str, ...],
    cut: float | None,
    column: str | None,
    seed: int,
) -> None:
    """Pick molecules of FILE (.csv, .tsv, .parquet, .sdf, .smi; also .gz) and keep their columns.

    Rows that are no molecule, without a number in a column that is asked for, or outside of --min and --max are left
    out, and so is all but the best of equal molecules; how many and why is said. Then --per-scaffold and --best bound
    what --method picks from. Molecules without a ring count as one scaffold. Columns become the tags of an .sdf, and
    tags columns; an .sdf keeps its coordinates and names. The order is that of picking: the first ten of fifty diverse
    ones are diverse, too.

    \b
    Examples:
      molgfn pick samples.csv -n 50 --by value -o best.sdf
      molgfn pick samples.csv -n 50 --by value --method maxmin --best 500 -o diverse.sdf
      molgfn pick samples.sdf -n 20 --by sa --lowest --per-scaffold 2 --min qed=0.6 --max weight=450 -o easy.csv
      molgfn pick library.smi -n 100 --method butina --cut 0.5 -o centres.smi

    \b
    Exit codes: 0 written, 1 fewer than asked for, 2 wrong usage, 3 unusable file.
    """
    from molgfn.api.object_files import require_format, require_other, require_place

    require_format(output)
    require_place(output)
    require_other(output, file, "the picked molecules")
    if by is None and (lowest or method == "top" or best is not None):
        option = "--lowest" if lowest else "--best" if best is not None else "--method top"
        raise ConfigError(f"{option}: what is best? Name a column of numbers by --by; --method maxmin needs none")
    if cut is not None and method != "butina":
        raise ConfigError(f"--cut: is for --method butina, not for {method}")
    limits = [*((*_limit("--min", text), 1) for text in least), *((*_limit("--max", text), -1) for text in most)]
    from molgfn.chemistry.files.numbers import said_of
    from molgfn.chemistry.picking import pick as pick_of
    from molgfn.cli.files.molecule_rows import read_rows, write_rows

    rows = read_rows(file, column=column)
    whole, left_out = len(rows) + sum(rows.problems.values()), Counter(rows.problems)
    for name in [*([] if by is None else [by]), *(name for name, _, _ in limits)]:
        _require_column(rows, name, file)
        if name in rows.commas:
            click.echo(said_of(name), err=True)
    for name, bound, sign in limits:
        numbers = rows.numbers(name)
        word = "below" if sign > 0 else "above"
        left_out[f"no number in `{name}`"] += int((numbers != numbers).sum())
        left_out[f"`{name}` {word} {bound:g}"] += int((sign * numbers < sign * bound).sum())
        rows = rows.take([i for i, x in enumerate(numbers) if sign * x >= sign * bound])
    scores = None
    if by is not None:
        numbers = rows.numbers(by)
        left_out[f"no number in `{by}`"] += int((numbers != numbers).sum())
        rows = rows.take([i for i, x in enumerate(numbers) if x == x])
        scores = rows.numbers(by) * (-1 if lowest else 1)
    if not len(rows):
        reasons = "; ".join(f"{count:,} x {reason}" for reason, count in left_out.items() if count)
        raise DataError(f"{file}: nothing is left to pick from ({reasons or 'it has no rows'})")
    picked = pick_of(
        rows.molecules,
        number,
        scores=scores,
        method=method,
        best=best,
        per_scaffold=per_scaffold,
        cut=0.6 if cut is None else cut,
        seed=seed,
    )
    lost = write_rows(rows.take(picked.rows), output)
    left_out.update(picked.left_out)
    count = len(picked.rows)
    clusters = "" if picked.clusters is None else f", {picked.clusters:,} clusters"
    click.echo(f"{output}: {count:,} picked by {method} of {whole:,} rows{clusters}")
    if lost:
        listed = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
        click.echo(f"not in it: the columns {listed}; a .csv, .parquet or .sdf keeps them", err=True)
    for reason, rows_left in left_out.most_common():
        if rows_left:
            click.echo(f"left out: {rows_left:,} x {reason}", err=True)
    if count < number:
        click.echo(f"error: only {count:,} of {number:,} could be picked", err=True)
        click.get_current_context().exit(1)


def _limit(option: str, text: str) -> tuple[str, float]:
    """Column and number of ``qed=0.6``."""
    name, equals, value = text.rpartition("=")
    try:
        bound = float(value)
    except ValueError:
        bound = float("nan")
    if not equals or not name or bound != bound:
        raise ConfigError(f"{option}: {text}: should be a column and a number, such as qed=0.6")
    return name, bound


def _require_column(rows: MoleculeRows, name: str, file: Path) -> None:
    from molgfn.class_paths import did_you_mean

    if name not in rows.columns:
        raise ConfigError(f"{file}: there is no column `{name}`{did_you_mean(name, rows.columns) or '; there is none'}")
