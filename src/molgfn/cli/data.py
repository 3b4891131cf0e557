"""``molgfn data``: sets of molecules, fetched by name, and what a set or a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.cli.words.command_group import CommandGroup
from molgfn.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections import Counter

    from rich.console import Console, Group
    from rich.table import Table

    from molgfn.datasets.reading import ReadingReport
    from molgfn.datasets.statistics import MoleculeStatistics


@click.group(cls=CommandGroup, short_help="List, fetch and inspect sets of molecules.")
def data() -> None:
    """Sets of molecules: which can be named instead of a file, and what a set or a file holds.

    \b
    Examples:
      molgfn data list
      molgfn data get zinc250k
      molgfn data info zinc250k --charges neutralise --stereo remove
      molgfn data info molecules.sdf
    """


@data.command("list")
def list_sets() -> None:
    """List the sets that can be named: molecules (or fragments), size of the file, licence, whether it is here.

    \b
    Exit codes: 0 fine.
    """
    from molgfn.datasets.registry import DATASETS
    from molgfn.downloads import folder

    table = _table("name", "entries", "MB", "licence", "here", "what")
    for d in DATASETS.values():
        row = (d.name, f"{d.entries:,}", f"{d.file.size / 1e6:.2f}", d.file.licence, "yes" if d.file.here else "no")
        table.add_row(*row, f"{d.what} [dim]({d.file.source})[/dim]")
    console = _console()
    console.print(table)
    console.print(f"folder: {folder()}", highlight=False)


@data.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--path", type=click.Path(path_type=Path), help="A file that was downloaded elsewhere: checked, copied.")
def get(names: tuple[str, ...], path: Path | None) -> None:
    """Fetch the sets NAMES into the data folder ($MOLGFN_DATA), each checked by its digest.

    A vocabulary of fragments is also written in the form that the `fragments` environment reads.

    \b
    Examples:
      molgfn data get zinc250k qm9
      molgfn data get guacamol --path ~/Downloads/guacamol_v1_train.smiles

    \b
    Exit codes: 0 all are there, 2 wrong usage, 3 one could not be fetched.
    """
    from molgfn.datasets.registry import dataset

    chosen = [dataset(name) for name in dict.fromkeys(names)]
    if path is not None and len(chosen) > 1:
        raise click.UsageError("--path is the file of one set; name one")
    for one in chosen:
        place = one.adopt(path) if path is not None else one.get(progress=True)
        click.echo(f"{one.name}: {place}")
        if one.kind == "fragments":
            from molgfn.datasets.fragments import published_vocabulary

            written = place.with_name(f"{one.name}.txt")
            published_vocabulary(one.name).save(written, header=f"{one.what}\n{one.file.source}")
            click.echo(f"environment.vocabulary={written}")


@data.command()
@click.argument("source")
@click.option("--column", help="Column of a table that holds SMILES.")
@click.option("--path", type=click.Path(path_type=Path), help="The file of a named set, where it lies elsewhere.")
@click.option("--limit", type=click.IntRange(1), help="Read at most this many entries.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Worker processes.")
@click.option("--salts", type=click.Choice(["keep", "largest", "drop"]), default="keep", show_default=True)
@click.option("--isotopes", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.option("--charges", type=click.Choice(["keep", "neutralise", "drop"]), default="keep", show_default=True)
@click.option("--stereo", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@click.option("--elements", help="Allowed beside hydrogen, such as C,N,O; all by default.")
@click.option("--min-atoms", type=click.IntRange(1), default=1, show_default=True, help="Fewest heavy atoms.")
@click.option("--max-atoms", type=click.IntRange(1), help="Most heavy atoms.")
@click.option("--duplicates", type=click.Choice(["keep", "drop"]), default="keep", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write what is kept here.")
def info(
    source: str,
    column: str | None,
    path: Path | None,
    limit: int | None,
    jobs: int,
    elements: str | None,
    output: Path | None,
    **rules: Any,
) -> None:
    """What SOURCE (a file, or the name of a set) holds: valid molecules, what was left out and why, sizes, elements.

    The rules are those of `molgfn describe molgfn.chemistry.standardise.Standardisation`; without any, nothing is
    changed. Files: .smi, .csv, .tsv, .parquet, .sdf, .mol; each also .gz. What is kept goes to OUTPUT in its standard
    form and in order: .csv, .tsv and .parquet with the other columns (names of a .smi, tags of an .sdf), .sdf with
    them as tags and with the coordinates of an .sdf, .smi with the names of a .smi.

    \b
    Examples:
      molgfn data info molecules.sdf.gz
      molgfn data info zinc250k --charges neutralise --duplicates drop -j 2
      molgfn data info raw.csv --salts largest --max-atoms 40 -o clean.smi

    \b
    Exit codes: 0 fine, 2 wrong usage, 3 the file cannot be used.
    """
    from molgfn.chemistry.files.reading import Columns, no_molecule
    from molgfn.chemistry.standardise import Standardisation
    from molgfn.cli.files.kept import STRUCTURES, Kept, write_kept
    from molgfn.cli.progress import shown
    from molgfn.datasets.reading import ReadingReport, iter_entries
    from molgfn.datasets.registry import DATASETS
    from molgfn.datasets.statistics import MoleculeStatistics

    if output is not None:
        _require_output(output, source, path)
    symbols = None if elements is None else [symbol.strip() for symbol in elements.split(",")]
    standardise = Standardisation(elements=symbols, **rules)
    report, statistics, kept = ReadingReport(source), MoleculeStatistics(), []
    columns = None if output is None else Columns()
    known = DATASETS.get(source)
    total = limit if known is None else min(limit or known.entries, known.entries)
    with shown() as show:
        for record, molecule in iter_entries(
            source, column=column, path=path, limit=limit, standardise=standardise, jobs=jobs, report=report,
            progress=lambda done: show("read", done, total), columns=columns,
        ):  # fmt: skip
            statistics.add(molecule)
            if output is not None:
                block = record.text if record.block and output.suffix.lower() in STRUCTURES else ""
                kept.append(Kept(molecule.smiles, record.cells, block))
    if not report.entries:
        raise no_molecule(source, [])
    if output is not None and not kept:
        raise DataError(f"{output}: not written, for no molecule is left\n{report.summary()}")
    console = _console()
    console.print(_reading(report))
    if report.left_out:
        console.print(_left_out(report))
    if report.cut:
        console.print(f"the others were not read: limit {limit:,}", highlight=False)
    if statistics.molecules:
        console.print(_content(statistics))
        for what, parts in (("small parts of salts", statistics.small_parts), ("radicals", statistics.radical_parts)):
            if parts:
                console.print(f"{what}: {_most(parts)}", highlight=False, markup=False)
        least, low, median, high, most = statistics.size_quantiles()
        console.print(f"heavy atoms: {least} to {most}, median {median}, 90 % of them within {low} to {high}")
    else:
        raise DataError(f"{source}: no molecule is left")
    if output is not None and columns is not None:
        lost = write_kept(output, kept, columns)
        console.print(f"written: {output}", highlight=False)
        if lost:
            listed = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
            console.print(f"not in it: the columns {listed}; a .csv, .tsv or .parquet keeps them all", highlight=False)


@data.command()
@click.argument("source")
@click.argument("overrides", nargs=-1)
@click.option("--column", help="Column of a table that holds SMILES.")
@click.option("--limit", type=click.IntRange(1), help="Read at most this many entries.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Worker processes.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A .csv of those that are not built, with reasons."
)
def check(
    source: str, overrides: tuple[str, ...], column: str | None, limit: int | None, jobs: int, output: Path | None
) -> None:
    """Which molecules of SOURCE (a file, or the name of a set) an environment can build, and why not the others.

    OVERRIDES choose the environment as in an experiment; without any it is `atoms` as it comes. Each molecule is turned
    into a state and built again, which has to give the same canonical SMILES, stereo marks aside.

    \b
    Examples:
      molgfn data check molecules.smi environment.max_atoms=38
      molgfn data check zinc250k --limit 1000 'environment.types=[C,N,O,F,S,Cl]' -o outside.csv
      molgfn data check molecules.smi environment=fragments environment.vocabulary=mine.txt -j 4

    \b
    Exit codes: 0 fine, 2 wrong usage or config, 3 the file cannot be used.
    """
    from molgfn.api.covering import coverage
    from molgfn.chemistry.files.left_out import described
    from molgfn.cli.progress import shown

    if output is not None:
        from molgfn.api.object_files import require_other, require_place

        require_place(output)
        if output.suffix != ".csv":
            raise ConfigError(f"{output}: cannot write `{output.suffix or output.name}`; use .csv")
        require_other(output, Path(source), "the table")
    with shown() as show:
        found = coverage(
            source,
            *overrides,
            column=column,
            limit=limit,
            jobs=jobs,
            listed=output is not None,
            progress=lambda done: show("molecules looked at", done, limit),
        )
    kept = found.report.kept
    click.echo(f"{source}: {found.built:,} of {kept:,} molecules can be built ({found.share:.1%})")
    if found.flattened:
        click.echo(f"  {found.flattened:,} of them without their stereo marks, which the environment does not have")
    for line in described(found.outside.left_out):
        click.echo(line.replace(" left out: ", " not built: ", 1))
    if found.report.left_out or found.report.cut:
        click.echo(found.report.summary(), err=True)
    if output is not None:
        import pandas as pd

        from molgfn.api.object_files import whole

        table = pd.DataFrame(
            {name: [getattr(m, name) for m in found.molecules] for name in ("line", "smiles", "reason")}
        )
        whole(output, lambda part: table.to_csv(part, index=False))
        click.echo(f"those not built: {output}")


def _require_output(output: Path, source: str, path: Path | None) -> None:
    """Refuse what would overwrite the source, or be another kind of file than its name says."""
    from molgfn.api.object_files import require_other, require_place
    from molgfn.cli.files.kept import LINES, STRUCTURES, TABLES
    from molgfn.datasets.registry import DATASETS

    read = path or (DATASETS[source].file.place if source in DATASETS else Path(source))
    require_other(output, read, "what is kept")
    if output.suffix.lower() not in (*LINES, *TABLES, *STRUCTURES):
        raise ConfigError(
            f"{output}: cannot write `{output.suffix}`; one SMILES a line is .smi, .smiles or .txt, a table .csv, .tsv "
            "or .parquet, structures .sdf"
        )
    require_place(output)


def _reading(report: ReadingReport) -> Group:
    from rich.console import Group
    from rich.text import Text

    table = _table("entries", "kept", "left out")
    table.add_row(f"{report.entries:,}", f"{report.kept:,}", f"{report.entries - report.kept:,}")
    return Group(Text(report.source, style="italic"), table)  # a title would be as narrow as the table


def _left_out(report: ReadingReport) -> Table:
    from rich.markup import escape

    table = _table("left out because", "entries", "share", "first lines", "the first")
    for out in sorted(report.left_out.values(), key=lambda o: -o.count):
        share = _share(out.count, report.entries)
        table.add_row(out.reason, f"{out.count:,}", share, out.where(), escape(out.example))
    return table


def _content(s: MoleculeStatistics) -> Table:
    table = _table("of what is kept", "molecules", "share")
    table.add_row("different (canonical SMILES)", f"{s.different:,}", _share(s.different, s.molecules))
    for what, count in (
        ("several parts (salts)", s.salts),
        ("radicals", s.radicals),
        ("a net charge", s.charged),
        ("charged atoms", s.charged_atoms),
        ("stereo marks", s.stereo),
        ("isotope labels", s.isotopes),
        *((f"with {symbol}", count) for symbol, count in s.elements.most_common()),
    ):
        table.add_row(what, f"{count:,}", _share(count, s.molecules))
    return table


def _most(parts: Counter[str], shown: int = 8) -> str:
    """The most frequent ones with their counts, and how many others there are."""
    listed = ", ".join(f"{name} ({count:,})" for name, count in parts.most_common(shown))
    return listed + (f" and {len(parts) - shown:,} others" if len(parts) > shown else "")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}"


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        numbers = column in ("entries", "kept", "left out", "MB", "molecules", "share")
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    return table


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)
