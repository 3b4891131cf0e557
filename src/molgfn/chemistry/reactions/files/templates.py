"""Files of reaction templates: YAML, tables, and lines of SMARTS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from molgfn.chemistry.files.tables import read_table
from molgfn.chemistry.reactions.files.entries import ReactionEntry
from molgfn.errors import DataError

_KEYS = ("name", "family", "yield", "smarts", "without", "examples", "note")
#: other names of the columns of a table
_COLUMNS = {"reaction": "smarts", "template": "smarts", "comments": "name", "comment": "name"}
_TABLES = (".csv", ".tsv")
_ENDINGS = (".yaml", ".yml", *_TABLES, ".txt", ".smarts", ".smirks")


def read_templates(path: Path) -> list[ReactionEntry]:
    """The entries of a file of reactions, none of them parsed.

    Args:
        path: ``.yaml``: a list of ``{name, family, yield, smarts, without, examples, note}``; tables
            (``.csv``, ``.tsv``): columns name, family, yield and smarts, where an empty family is that of the row
            above; ``.txt``: a SMARTS on each line, or a name, a tab and a SMARTS; ``#`` starts a comment line.

    Raises:
        DataError: the file cannot be read.
    """
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise DataError(f"{path}: reactions are read from {', '.join(_ENDINGS)} files")
    if ending in _TABLES:
        return list(_from_table(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    return list(_from_yaml(text, path) if ending in (".yaml", ".yml") else _from_lines(text, path))


def _from_lines(text: str, path: Path) -> Iterator[ReactionEntry]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        smarts = next((cell for cell in cells if ">" in cell), cells[-1])
        name = next((cell for cell in cells if cell != smarts), "")
        yield ReactionEntry(f"{path.name}, line {number}", smarts, name)


def _from_table(path: Path) -> Iterator[ReactionEntry]:
    table = read_table(path)
    header = [_COLUMNS.get(name.lower(), name.lower()) for name in table.names]
    if "smarts" not in header:
        raise DataError(f"{path}: has no column smarts; a table of reactions has name, family, yield, smarts")
    family = ""
    for row in table.rows:
        place = f"{path.name}, line {row.line}"
        if row.problem is not None:
            yield ReactionEntry(place, "", problem=row.problem)
        elif any(row.cells):
            cells = dict(zip(header, row.cells, strict=True))
            family = cells.get("family") or family
            yield ReactionEntry(place, cells["smarts"], cells.get("name", ""), family, cells.get("yield", ""))


def _from_yaml(text: str, path: Path) -> Iterator[ReactionEntry]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(root, yaml.SequenceNode):
        raise DataError(f"{path}: should be a list of reactions, each with {', '.join(_KEYS)}")
    for node, entry in zip(root.value, content, strict=True):
        yield _mapped(entry, f"{path.name}, line {node.start_mark.line + 1}")


def _mapped(entry: Any, place: str) -> ReactionEntry:
    if not isinstance(entry, Mapping):
        return ReactionEntry(place, "", problem=f"should have the keys {', '.join(_KEYS)}")
    if unknown := [str(key) for key in entry if key not in _KEYS]:
        return ReactionEntry(place, "", problem=f"has no key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
    without = entry.get("without") or []
    if not isinstance(without, list) or not all(isinstance(group, str) for group in without):
        return ReactionEntry(place, "", problem="without should be a list of SMARTS")
    examples = entry.get("examples") or []
    if isinstance(examples, str):
        examples = [examples]
    pairs = [str(example).split(">>") for example in examples]
    if any(len(pair) != 2 for pair in pairs):
        return ReactionEntry(place, "", problem="an example is written as SMILES.SMILES>>SMILES")
    words = {key: "" if entry.get(key) is None else str(entry[key]).strip() for key in ("name", "family", "yield")}
    return ReactionEntry(
        place,
        str(entry.get("smarts") or ""),
        words["name"],
        words["family"],
        words["yield"],
        tuple((tuple(left.strip().split(".")), right.strip()) for left, right in pairs),
        without=tuple(without),
    )
