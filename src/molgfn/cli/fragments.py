"""``molgfn fragments``: derive a vocabulary from molecules, and check one."""

from __future__ import annotations

from pathlib import Path

import click

from molgfn.cli.words.command_group import CommandGroup
from molgfn.cli.words.finite_range import FiniteRange


@click.group(cls=CommandGroup, short_help="Build and check fragment vocabularies.")
def fragments() -> None:
    """Fragment vocabularies: the pieces that the `fragments` environment joins.

    \b
    Examples:
      molgfn fragments build molecules.smi -o vocabulary.txt --size 200
      molgfn fragments check vocabulary.txt --molecules molecules.smi
      molgfn train my.yaml environment.vocabulary=vocabulary.txt
    """


@fragments.command()
@click.argument("molecules")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Vocabulary file to write.")
@click.option("--size", type=click.IntRange(1), help="Keep at most this many; 200 without --coverage.")
@click.option("--coverage", type=FiniteRange(0, 1, min_open=True), help="Keep enough to rebuild this share.")
@click.option("--min-count", type=click.IntRange(1), default=1, show_default=True, help="Keep those seen this often.")
@click.option("--max-atoms", type=click.IntRange(1), default=14, show_default=True, help="Most heavy atoms.")
@click.option("--max-points", type=click.IntRange(1), default=4, show_default=True, help="Most attachment points.")
@click.option("--charged/--neutral", default=False, help="Allow a net charge; neutral by default.")
@click.option("--unusual", is_flag=True, help="Keep fragments with motifs that chemists avoid (N-N, N-O, enol ...).")
@click.option("--labels/--no-labels", default=True, help="Label points for what may be joined; without: any to any.")
@click.option("--column", help="Column of a .csv or .tsv file that holds SMILES.")
@click.option("--limit", type=click.IntRange(1), help="Read at most this many molecules.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Worker processes.")
def build(
    molecules: str,
    output: Path,
    size: int | None,
    coverage: float | None,
    min_count: int,
    max_atoms: int,
    max_points: int,
    charged: bool,
    unusual: bool,
    labels: bool,
    column: str | None,
    limit: int | None,
    jobs: int,
) -> None:
    """Cut MOLECULES (a file, or the name of a set) into fragments and write the most frequent as a vocabulary.

    Attachment points get the labels of BRICS under which they were seen, which say what may be joined to them.

    \b
    Examples:
      molgfn fragments build molecules.smi -o vocabulary.txt --size 200
      molgfn fragments build table.csv --column smiles -o vocabulary.txt --coverage 0.8

    \b
    Exit codes: 0 written, 2 wrong usage, 3 the file cannot be used.
    """
    from molgfn.api.object_files import require_other, require_place

    require_place(output)
    require_other(output, Path(molecules), "the vocabulary")
    if size is None and coverage is None:
        size = 200
    from molgfn.cli.progress import shown
    from molgfn.datasets.fragmenting import count_pieces

    with shown() as show:
        builder, cut_short = count_pieces(
            molecules,
            column=column,
            limit=limit,
            jobs=jobs,
            progress=lambda done: show("molecules cut", done, limit),
        )
        report = builder.finish(
            size=size,
            coverage=coverage,
            min_count=min_count,
            max_atoms=max_atoms,
            max_points=max_points,
            neutral=not charged,
            unusual=unusual,
            labels=labels,
        )
    header = f"derived by `molgfn fragments build` from {Path(molecules).name}\n{report.summary()}"
    report.vocabulary.save(output, header=header)
    click.echo(report.summary())
    if cut_short:
        click.echo(f"the others not read: limit={limit}")
    click.echo(f"vocabulary: {output}")


@fragments.command()
@click.argument("vocabulary")
@click.option("--molecules", help="File or named set: how many can be rebuilt?")
@click.option("--max-fragments", type=click.IntRange(1, 255), default=9, show_default=True, help="Per molecule.")
@click.option("--joins", help="Which points may be joined: any, brics, or a file; by default what the labels say.")
@click.option("--column", help="Column of a .csv or .tsv file that holds SMILES.")
@click.option("--limit", type=click.IntRange(1), help="Read at most this many molecules.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Worker processes.")
def check(
    vocabulary: str,
    molecules: str | None,
    max_fragments: int,
    joins: str | None,
    column: str | None,
    limit: int | None,
    jobs: int,
) -> None:
    """Check VOCABULARY (a file, or the name of a shipped one); a bad fragment is named with its line.

    \b
    Examples:
      molgfn fragments check vocabulary.txt
      molgfn fragments check rdkit --molecules molecules.smi --max-fragments 6

    \b
    Exit codes: 0 good, 2 wrong usage, 3 a bad vocabulary or file of molecules.
    """
    from molgfn.chemistry.fragments.growth import Growth
    from molgfn.chemistry.fragments.labels import resolve_joins
    from molgfn.chemistry.fragments.vocabulary import Vocabulary

    loaded = Vocabulary.load(vocabulary)
    table, types = resolve_joins(joins, loaded)
    Growth(loaded, len(loaded), types, max_fragments=max_fragments)  # or says which point nothing can fill
    points = sum(len(f.points) for f in loaded)
    click.echo(f"{vocabulary}: {len(loaded)} fragments, {points} attachment points, sha256 {loaded.digest[:12]}")
    if table is None:
        click.echo("joins: any point with any other" + ("" if loaded.labelled else ", for the points have no labels"))
    else:
        filled = sum(bool(types.must_fill[t]) for per_kind in types.type_of for t in per_kind)
        click.echo(f"joins: {types.n_types} types of points; {filled} points must not stay open")
    if molecules is None:
        return
    from molgfn.cli.progress import shown
    from molgfn.datasets.fragmenting import file_coverage

    with shown() as show:
        found = file_coverage(
            molecules,
            loaded,
            joins=[joins] if table is None else [joins, "any"],
            max_fragments=max_fragments,
            column=column,
            limit=limit,
            jobs=jobs,
            progress=lambda done: show("molecules taken apart", done, limit),
        )
    kept = found.report.kept
    click.echo(f"{molecules}: {found.rebuilt[0]} of {kept} molecules can be rebuilt ({found.share():.1%})")
    if table is not None:
        click.echo(f"with any join: {found.rebuilt[1]} of {kept} ({found.share(1):.1%})")
    for line, smiles in found.missing:
        click.echo(f"  not: line {line}: {smiles}")
    if found.report.left_out or found.report.cut:
        click.echo(found.report.summary(), err=True)
