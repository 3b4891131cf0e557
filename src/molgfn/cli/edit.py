"""``molgfn edit``: given molecules or strings changed a little, for the better."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from molgfn.cli.files.given_condition import CONDITION_HELP, WORDS_METAVAR, is_word, one_condition
from molgfn.cli.files.given_files import FILE_HELP, given_files
from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.api.editing import Edits

#: children that are shown where none are written
PRINTED = 20
SHARE = click.FloatRange(0, 1)


@click.command(short_help="Change given molecules a little, for the better.")
@click.argument("lead_and_words", nargs=-1, required=True, metavar=f"LEAD {WORDS_METAVAR}")
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Run (its folder, or a checkpoint).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A .csv, .parquet, .sdf or .smi of the children.")
@click.option("--page", type=click.Path(path_type=Path), help="A .html with leads and children side by side.")
@click.option(
    "--method",
    default="gfn",
    show_default=True,
    metavar="NAME",
    help="gfn, delta_cs, local_search, fragment_swap or graph_ga.",
)
@click.option("-k", "--edits", type=click.IntRange(1), default=3, show_default=True, help="Most edits of a child.")
@click.option("-n", "--calls", type=click.IntRange(1), default=32, show_default=True, help="Children scored per lead.")
@click.option("--best", type=click.IntRange(1), default=3, show_default=True, help="Children kept per lead.")
@click.option("--rounds", type=click.IntRange(1), help="Spread edits and calls over so many rounds.")
@click.option("--similar", type=SHARE, default=0.0, show_default=True, help="Least similarity to the lead (Tanimoto).")
@click.option("--keep-scaffold", is_flag=True, help="Keep the lead's Murcko scaffold.")
@click.option("--keep", multiple=True, metavar="SMARTS", help="Keep this pattern; may be given again.")
@click.option("--nearest", is_flag=True, help="Edit the nearest molecule that can be built where the lead cannot.")
@click.option("--delta", type=SHARE, default=0.4, show_default=True, help="gfn: steps below it are drawn anew.")
@click.option("--lambda", "mixing", type=SHARE, default=0.1, show_default=True, help="gfn: weight of the lead's step.")
@click.option("--sigma", type=click.FloatRange(0), default=0.001, show_default=True, help="gfn: of the noise.")
@click.option("--fraction", default="0.5", show_default=True, metavar="F[:G]", help="delta_cs: masked, first to last.")
@click.option("--caution", type=click.FloatRange(0), default=0.0, help="delta_cs: less is masked of uncertain leads.")
@click.option("--uncertainty", metavar="COLUMN", help="delta_cs: column of LEAD with the uncertainty of its value.")
@click.option("--column", help="Column of the SMILES (strings) in a table; by default one with such a name.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything drawn.")
@click.option("--condition", "numbers", multiple=True, metavar="NAME=NUMBER", help=CONDITION_HELP)
@click.option("--device", default="cpu", show_default=True, help="Such as cpu or cuda.")
@click.option("--trust", multiple=True, metavar="CODE", help="Package or file.py of yours whose classes the run names.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
def edit(
    lead_and_words: tuple[str, ...],
    run: Path,
    output: Path | None,
    page: Path | None,
    method: str,
    edits: int,
    calls: int,
    best: int,
    rounds: int | None,
    similar: float,
    keep_scaffold: bool,
    keep: tuple[str, ...],
    nearest: bool,
    delta: float,
    mixing: float,
    sigma: float,
    fraction: str,
    caution: float,
    uncertainty: str | None,
    column: str | None,
    seed: int,
    numbers: tuple[str, ...],
    device: str,
    trust: tuple[str, ...],
    files: tuple[str, ...],
) -> None:
    """Change the molecules (strings) of LEAD in at most so many steps, so that the reward of a run rises.

    LEAD is a file (.smi, .csv, .tsv, .sdf, also .gz; .parquet; of strings a .txt or .csv), or one SMILES or string. Its
    construction is walked again in orders that P_B draws; steps of which P_F thinks little are drawn anew
    (GFNSeqEditor), and the rest of the lead goes on from there. Without -o the best children are printed. Every lead
    has a row, one that cannot be built with the reason and the nearest that can.

    \b
    Examples:
      molgfn edit lead.smi --run runs/quickstart -o edits.csv --page edits.html
      molgfn edit "CCOc1ccccc1" --run runs/quickstart --edits 1 --similar .4
      molgfn edit leads.csv --run last.ckpt --keep-scaffold -o edits.sdf
      molgfn edit leads.csv --run last.ckpt --method graph_ga --calls 64 -o ga.csv

    \b
    Exit codes: 0 fine, 1 no lead has a child, 2 wrong usage, 3 unusable file or checkpoint, 130 interrupted.
    """
    from molgfn.api.editing import edit as edited
    from molgfn.api.object_files import require_format, require_place
    from molgfn.cli.files.lead_file import read_given
    from molgfn.cli.progress import shown

    lead, words = lead_and_words[0], lead_and_words[1:]
    if is_word(lead):
        raise click.UsageError("which lead? Give a file, a SMILES or a string before the words.")
    if other := [word for word in words if not is_word(word)]:
        raise click.UsageError(f"`{other[0]}`: after the lead come words such as condition.temperature=16.")
    for place in (output, page):
        if place is not None:
            require_place(place)
    if output is not None:
        require_format(output)
    if page is not None and page.suffix not in (".html", ".htm"):
        raise ConfigError(f"{page}: the page is HTML; give a name that ends in .html")
    given = read_given(lead, column=column, number=uncertainty)
    if output is not None and Path(lead).is_file() and output.exists() and output.samefile(lead):
        raise ConfigError(f"{output}: is the file that is read; give the children another name")
    with shown() as show:
        result = edited(
            given.texts,
            run,
            method=method,
            edits=edits,
            calls=calls,
            best=best,
            rounds=rounds,
            similar=similar,
            keep=keep or None,
            keep_scaffold=keep_scaffold,
            nearest=nearest,
            delta=delta,
            mixing=mixing,
            sigma=sigma,
            fraction=_fraction(fraction),
            caution=caution,
            uncertainty=given.numbers,
            seed=seed,
            condition=one_condition(words, numbers) or None,
            files=given_files(files),
            trust=trust,
            device=device,
            progress=show,
        )
    if output is not None:
        result.save(output)
    if page is not None:
        import shlex

        result.page(page, shlex.join(["molgfn", *sys.argv[1:]]))
    _say(result, output, page)
    if not len(result):
        click.echo("error: no lead has a child", err=True)
        click.get_current_context().exit(1)


def _fraction(text: str) -> tuple[float, float]:
    try:
        first, _, last = text.partition(":")
        return float(first), float(last or first)
    except ValueError:
        raise click.BadParameter(
            f"should be a number, or two as .2:.6, got `{text}`", param_hint="--fraction"
        ) from None


def _say(result: Edits, output: Path | None, page: Path | None) -> None:
    rows = result.rows
    with_child = [row for row in rows if isinstance(row["child"], str)]
    lost = [row for row in rows if not isinstance(row["child"], str)]
    for row in with_child[:PRINTED] if output is None else []:
        click.echo(
            f"{row['child']}  value {row['value']:.4g} (lead {row['lead']}: {row['parent_value']:.4g})  "
            f"similarity {row['similarity']:.2f}  edits {row['edits']}"
        )
    if output is None and len(with_child) > PRINTED:
        click.echo(f"and {len(with_child) - PRINTED:,} more; -o writes all")
    click.echo(f"{output or 'edits'}: {result!r}", err=output is None)
    if page is not None:
        click.echo(f"page: {page}", err=output is None)
    for problem, count in Counter(row["problem"] for row in lost).most_common(5):
        click.echo(f"no child: {count:,} x {problem}", err=True)
    for row in [row for row in lost if isinstance(row.get("nearest"), str)][:3]:
        click.echo(
            f"lead {row['lead']}: nearest that can be built: {row['nearest']} (similarity "
            f"{row['nearest_similarity']:.2f}); --nearest edits it",
            err=True,
        )
    for why, count in result.left_out.most_common(5):
        click.echo(f"not scored: {count:,} x {why}", err=True)
