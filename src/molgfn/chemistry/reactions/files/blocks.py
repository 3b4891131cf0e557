"""Files of building blocks: tables with columns smiles, id and price; lines of SMILES, id and price; SD files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from molgfn.chemistry.files.reading import Columns, iter_records
from molgfn.chemistry.reactions.files.entries import BlockEntry
from molgfn.errors import DataError

#: names of columns, letters and digits only, in the order in which they are looked for
_IDS = ("id", "blockid", "reagentid", "catalogid", "catalogueid", "catalognumber", "idnumber", "code", "name")
_PRICES = ("price", "cost")


def read_blocks(path: Path, *, prices: Path | None = None) -> list[BlockEntry]:
    """The entries of a file of blocks, none of them parsed.

    Args:
        path: as ``chemistry.files.reading`` takes it; ``.smi`` and ``.txt`` have SMILES, id and price on a line, of
            which the last two may be missing; tables and SD files have columns, or data, of names such as ``id``,
            ``catalog id`` and ``price``.
        prices: a JSON file, SMILES as they are written in ``path`` -> price.

    Raises:
        DataError: a file cannot be read.
    """
    known = {} if prices is None else _price_table(prices)
    columns, entries = Columns(), []
    for record in iter_records(path, columns=columns):
        place = f"{path.name}, line {record.line}"
        if record.problem is not None:
            entries.append(BlockEntry(place, record.text, problem=record.problem))
            continue
        if columns.lines:
            words = record.cells[1].split()
            identity, price = [*words, "", ""][:2]
        else:
            identity, price = (_cell(record.cells, columns.names, names) for names in (_IDS, _PRICES))
        text = record.text
        if record.block:
            molecule = record.molecule()
            if molecule.problem is not None:
                entries.append(BlockEntry(place, "", problem=molecule.problem))
                continue
            text = molecule.smiles
        entries.append(BlockEntry(place, text, identity, known.get(text, price)))
    return entries


def _cell(cells: Sequence[str], names: Sequence[str], wanted: Sequence[str]) -> str:
    plain = ["".join(c for c in name.lower() if c.isalnum()) for name in names]
    place = next((plain.index(name) for name in wanted if name in plain), None)
    return "" if place is None or place >= len(cells) else cells[place].strip()


def _price_table(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: should be one JSON object, SMILES -> price")
    return {smiles: str(price) for smiles, price in content.items()}
