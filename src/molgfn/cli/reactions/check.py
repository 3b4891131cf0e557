"""``molgfn reactions check``: what is wrong with a library, and what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from molgfn.chemistry.reactions.library import ReactionLibrary
    from molgfn.chemistry.reactions.survey import Survey


@click.command()
@click.argument("library")
@click.option("--samples", type=click.IntRange(1), default=1000, show_default=True, help="Products to take apart.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of what is drawn.")
@click.option("--slots/--no-slots", default=True, help="Show the table of reactions with the partners of their slots.")
@click.pass_context
def check(context: click.Context, library: str, samples: int, seed: int, slots: bool) -> None:
    """Check LIBRARY (a folder, or a name such as `textbook`): each broken line is named, slots and products counted.

    Products of blocks drawn at random are taken apart again by running the templates backwards: where the very
    reactants are always found, the environment may go backwards from a molecule alone (`inversion_exact`).

    \b
    Examples:
      molgfn reactions check textbook
      molgfn reactions check my_library --samples 5000 --seed 1

    \b
    Exit codes: 0 can be used, 2 wrong usage, 3 a broken entry or no library.
    """
    from rich.console import Console

    from molgfn.chemistry.reactions.checking import check_library
    from molgfn.cli.progress import shown

    with shown() as show:
        checked = check_library(
            library, samples=samples, seed=seed, progress=lambda done: show("products taken apart", done, samples)
        )
    console = Console(highlight=False, soft_wrap=True)
    if checked.library is not None and checked.survey is not None:
        for line in _about(checked.library):
            console.print(line, markup=False)
        if slots:
            console.print(_table(checked.library, checked.survey))
        for line in _summary(checked.library, checked.survey, seed):
            console.print(line, markup=False)
    for problem in checked.problems.all:
        click.echo(f"{'broken' if problem.broken else 'note'}: {problem}", err=problem.broken)
    worst = checked.problems.worst()
    notes = len(checked.problems.all) - len(worst)
    click.echo(f"{len(worst)} broken, {notes} {'note' if notes == 1 else 'notes'}", err=bool(worst))
    if worst:
        context.exit(3)


def _about(library: ReactionLibrary) -> list[str]:
    about = library.about
    priced = sum(block.price is not None for block in library.blocks)
    prices = f"prices of {priced:,} blocks" + (f" ({about.price_unit})" if about.price_unit and priced else "")
    lines = [
        f"{about.name}: {len(library.blocks):,} blocks, {len(library.reactions)} reactions, "
        f"{len(library.slots)} slots; {prices}"
    ]
    lines += [f"{what}: {text}" for what, text in (("source", about.source), ("licence", about.licence)) if text]
    return lines


def _table(library: ReactionLibrary, survey: Survey) -> Table:
    from rich.table import Table

    table = Table("", "reaction", "partners of its slots", "combinations", "products", "found again", box=None)
    for column in (0, 3, 4, 5):
        table.columns[column].justify = "right"
    for reaction, one in zip(library.reactions, survey.reactions, strict=True):
        again = f"{one.recovered / one.products:.1%}" if one.products else "-"
        partners = " x ".join(f"{count:,}" for count in one.partners)
        row = (str(reaction.index), reaction.name, partners, f"{one.combinations:,}", f"{one.products:,}", again)
        table.add_row(*row)
    return table


def _summary(library: ReactionLibrary, survey: Survey, seed: int) -> list[str]:
    import numpy as np
    from scipy import stats

    partners = library.block_fits.sum(axis=1)
    idle = int((~library.block_fits.any(axis=0)).sum())
    lines = [
        f"partners of a slot: median {int(np.median(partners)):,}, at most {partners.max():,}; "
        f"{int((partners == 0).sum())} slots without; {idle:,} blocks fit no slot",
        f"one reaction: {survey.total('combinations'):,} combinations of blocks",
    ]
    products, again = survey.total("products"), survey.total("recovered")
    if products:
        low, high = stats.binomtest(again, products).proportion_ci(0.95, method="wilson")
        drawn, several = survey.total("drawn"), survey.total("several")
        lines += [
            f"{drawn:,} combinations drawn (seed {seed}): {survey.total('empty'):,} without a product, "
            f"{several:,} with several",
            f"reactants found again by inverted templates: {again:,} of {products:,} products "
            f"({again / products:.1%}, 95 % interval {low:.1%} to {high:.1%})",
        ]
    return lines
