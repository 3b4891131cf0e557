"""What `molgfn data info` keeps of a file, written with what stood beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molgfn.chemistry.files.reading import Columns

LINES = (".smi", ".smiles", ".txt", "")
TABLES = (".csv", ".tsv", ".parquet")


def write_kept(output: Path, kept: Sequence[tuple[str, tuple[str, ...]]], columns: Columns) -> list[str]:
    """Write molecules as lines of SMILES, or as the table that they come from; returns the columns that had no room.

    Args:
        output: ends in one of ``LINES`` or ``TABLES``.
        kept: SMILES in standard form, and the cells of the entry.
        columns: of the file; its column of SMILES gets the standard form, and goes first where there was none.
    """
    from molgfn.evaluation.files import write_whole

    words = columns.lines
    named = words and any(cells[1:] and cells[1] for _, cells in kept)
    kind = output.suffix.lower()
    if kind in LINES:
        ends = [f" {cells[1]}" if named and cells[1] else "" for _, cells in kept]
        write_whole(output, "".join(f"{smiles}{end}\n" for (smiles, _), end in zip(kept, ends, strict=True)))
        return [] if words else [name for i, name in enumerate(columns.names) if i != columns.smiles]
    import pandas as pd

    names, place = list(columns.names), columns.smiles
    if words and not named:
        names = names[:1]
    width = len(names)
    rows = [[*cells[:width], *[""] * (width - len(cells))] for _, cells in kept]  # later entries of an SDF have more
    table = pd.DataFrame(rows, columns=names, dtype=object)
    smiles = pd.Series([smiles for smiles, _ in kept], dtype=object)
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
