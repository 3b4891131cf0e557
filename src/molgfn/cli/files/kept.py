"""What `molgfn data info` keeps of a file, written with what stood beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from molgfn.chemistry.files.reading import Columns

LINES = (".smi", ".smiles", ".txt", "")
TABLES = (".csv", ".tsv", ".parquet")
STRUCTURES = (".sdf",)


class Kept(NamedTuple):
    """A molecule that is kept.

    Attributes:
        smiles: in standard form.
        cells: of its entry.
        block: the MOL block that it comes from; "" for none, or where ``STRUCTURES`` are not asked for.
    """

    smiles: str
    cells: tuple[str, ...]
    block: str = ""


def write_kept(output: Path, kept: Sequence[Kept], columns: Columns) -> list[str]:
    """Write molecules as lines of SMILES, as the table that they come from, or as structures with tags.

    Args:
        output: ends in one of ``LINES``, ``TABLES`` or ``STRUCTURES``.
        kept: what to write, in order.
        columns: of the file; its column of SMILES gets the standard form, and goes first where there was none.

    Returns:
        The columns that had no room.
    """
    from molgfn.evaluation.files import write_whole

    words = columns.lines
    named = words and any(one.cells[1:] and one.cells[1] for one in kept)
    kind = output.suffix.lower()
    if kind in LINES:
        ends = [f" {one.cells[1]}" if named and one.cells[1] else "" for one in kept]
        write_whole(output, "".join(f"{one.smiles}{end}\n" for one, end in zip(kept, ends, strict=True)))
        return [] if words else [name for i, name in enumerate(columns.names) if i != columns.smiles]
    if kind in STRUCTURES:
        return _write_structures(output, kept, columns)
    import pandas as pd

    names, place = list(columns.names), columns.smiles
    if words and not named:
        names = names[:1]
    width = len(names)
    rows = [[*one.cells[:width], *[""] * (width - len(one.cells))] for one in kept]  # later entries of an SDF have more
    table = pd.DataFrame(rows, columns=names, dtype=object)
    smiles = pd.Series([one.smiles for one in kept], dtype=object)
    if place is None:
        table.insert(0, "smiles" if "smiles" not in names else "smiles (standard)", smiles)
    else:
        table.isetitem(place, smiles)
    if kind == ".parquet":
        from molgfn.api.object_files import whole
        from molgfn.datasets.given import as_given

        types = dict(zip(names, columns.types or [], strict=False))
        whole(output, lambda part: as_given(table, types).to_parquet(part, index=False))
    else:
        write_whole(output, table.to_csv(index=False, sep="\t" if kind == ".tsv" else ",", lineterminator="\n"))
    return []


def _write_structures(output: Path, kept: Sequence[Kept], columns: Columns) -> list[str]:
    """An SD file: names as titles (the SMILES where there is none), the other columns as tags."""
    from molgfn.api.object_files import whole
    from molgfn.chemistry.files.writing import write_sdf

    title = "name" if columns.smiles is None or columns.lines else None
    tags: dict[str, list[str]] = {}
    titles, lost = [""] * len(kept), []
    for i, name in enumerate(columns.names):
        cells = [one.cells[i] if i < len(one.cells) else "" for one in kept]
        if name == title and not any(titles):
            titles = cells
        elif i != columns.smiles and name in tags:
            lost.append(name)  # an entry has one tag of a name
        elif i != columns.smiles:
            tags[name] = cells
    titles = [text or one.smiles for text, one in zip(titles, kept, strict=True)]
    mols = [_drawn(one) for one in kept]
    whole(output, lambda part: write_sdf(mols, titles, part, tags))
    return lost


def _drawn(kept: Kept) -> Any:
    """The molecule as its file shows it; without coordinates where that has none, or shows another one than is kept."""
    from molgfn.chemistry.molecules import Molecule

    if kept.block and Molecule.from_mol_block(kept.block).smiles == kept.smiles:
        return Molecule.as_drawn(kept.block)
    return Molecule.from_smiles(kept.smiles).mol
