"""Libraries as SCENT's repository has them: fragments, templates, costs as JSON, names and yields as a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from molgfn.chemistry.reactions.files.blocks import read_blocks
from molgfn.chemistry.reactions.files.entries import Entries, ReactionEntry
from molgfn.chemistry.reactions.files.templates import read_templates
from molgfn.chemistry.reactions.library import About

#: how the reactants of the rows at the table's end begin -> family and name; there the cell of the family is empty, and
#: it is not that of the rows above (heterocycle alkylation)
_UNNAMED = {
    "[C:3](=[O:4])-[Oh].[Nh2:5]-": ("Amide coupling", "primary amine"),
    "[C:3](=[O:4])-[Oh].[#6&!$(C=[O,N]):20]-[Nh:5]-": ("Amide coupling", "secondary amine"),
    "[c:1]-[B]([Oh])([Oh]).[c:2]-[I]": ("Suzuki coupling", "boronic acid + iodide"),
    "[c:1]-[B]([Oh])([Oh]).[c:2]-[Br]": ("Suzuki coupling", "boronic acid + bromide"),
    "[c:1](B1OC(C)(C)C(C)(C)O1).[c:2]-[I]": ("Suzuki coupling", "boronic ester + iodide"),
    "[c:1](B1OC(C)(C)C(C)(C)O1).[c:2]-[Br]": ("Suzuki coupling", "boronic ester + bromide"),
    "[c:3]1[c:4][c:5][c:6]([C:11][C:12][Nh2:13])[c:7][c:8]1.": ("Bischler-Napieralski", "arylethylamine"),
}


def read_scent_folder(folder: Path) -> Entries:
    """Four files as koziarskilab/SCENT has them; those of prices and yields may be missing."""
    prices = [folder / name for name in ("fragment_to_real_cost.json", "fragment_costs.json")]
    priced = next((path for path in prices if path.is_file()), None)
    return scent_entries(
        folder / "fragments.txt",
        folder / "templates.txt",
        prices=priced,
        yields=folder / "templates_yields.csv" if (folder / "templates_yields.csv").is_file() else None,
        where=str(folder),
        about=About(name=folder.name, price_unit="relative cost" if priced else ""),
    )


def scent_entries(
    blocks: Path, templates: Path, *, prices: Path | None, yields: Path | None, where: str, about: About
) -> Entries:
    """A library of SCENT: names, families and yields are those of the table's row with the same SMARTS."""
    reactions = read_templates(templates)
    if yields is not None:
        rows = {_plain(row): row for row in map(_named, read_templates(yields))}
        reactions = [_described(entry, rows.get(_plain(entry))) for entry in reactions]
    return Entries(
        where=where,
        about=about,
        blocks=read_blocks(blocks, prices=prices),
        reactions=reactions,
        files=tuple(path for path in (blocks, templates, prices, yields) if path is not None),
        named=False,
    )


def _named(row: ReactionEntry) -> ReactionEntry:
    found = next((words for start, words in _UNNAMED.items() if _plain(row).startswith(start)), None)
    return row if found is None else replace(row, family=found[0], name=found[1])


def _described(entry: ReactionEntry, row: ReactionEntry | None) -> ReactionEntry:
    if row is None:
        return entry
    name = row.family + (f": {row.name}" if row.name else "")
    return replace(entry, name=name, family=row.family, yield_=row.yield_)


def _plain(entry: ReactionEntry) -> str:
    return "".join(entry.smarts.split())
