"""``molgfn reactions build``: a library folder out of a catalogue and a list of templates."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--blocks", required=True, help="SMILES, a table, or SDF; or a name that `list` shows.")
@click.option("--reactions", required=True, help="Templates: .txt, .csv or .yaml; or a name that `list` shows.")
@click.option("--skip-broken", is_flag=True, help="Leave broken templates out, each named, instead of ending.")
@click.option("--prices", type=click.Path(path_type=Path), help="JSON: SMILES as in the file of blocks -> price.")
@click.option("--max-atoms", type=click.IntRange(1), help="Leave out blocks with more heavy atoms.")
@click.option("--salts", type=click.Choice(["largest", "drop"]), default="largest", show_default=True)
@click.option("--unused", is_flag=True, help="Keep blocks that fit no slot, too.")
@click.option("--title", default="", help="What it is, in words.")
@click.option("--source", default="", help="Where it is from, with a citation.")
@click.option("--licence", default="", help="Under which it may be used.")
@click.option("--price-unit", default="", help="What a price counts, such as 'USD per gram'.")
def build(
    folder: Path,
    blocks: str,
    skip_broken: bool,
    reactions: str,
    prices: Path | None,
    max_atoms: int | None,
    salts: str,
    unused: bool,
    title: str,
    source: str,
    licence: str,
    price_unit: str,
) -> None:
    """Write a library to FOLDER: what can be used of a catalogue of blocks and a list of reaction templates.

    Every entry is counted: of salts the largest part is taken, of duplicates the first with the lowest price, and what
    is left out is named with its line. Templates are never repaired: a broken one ends the command, or is left out.

    \b
    Examples:
      molgfn reactions build mine --blocks catalogue.sdf --reactions textbook --price-unit 'USD per gram'
      molgfn reactions build rxnflow --blocks zincfrag_10k --reactions rxnflow_real --skip-broken

    \b
    Exit codes: 0 written, 2 wrong usage, 3 a file cannot be used.
    """
    from molgfn.chemistry.reactions.files.published import named_file
    from molgfn.chemistry.reactions.files.writing import build_library
    from molgfn.chemistry.reactions.loading import reaction_file
    from molgfn.chemistry.standardise import Standardisation
    from molgfn.cli.progress import shown
    from molgfn.errors import ConfigError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there already; give a folder that is new or empty")
    with shown() as show:
        built = build_library(
            folder,
            blocks=named_file(blocks),
            skip_broken=skip_broken,
            reactions=reaction_file(reactions),
            prices=prices,
            rules=Standardisation(salts="largest" if salts == "largest" else "drop", max_atoms=max_atoms),
            unused=unused,
            about={"title": title, "source": source, "licence": licence, "price_unit": price_unit},
            progress=lambda done: show("blocks read", done, None),
        )
    click.echo(built.summary())
    click.echo(f"library: {folder}; `molgfn reactions check {folder}` says what it can do")
