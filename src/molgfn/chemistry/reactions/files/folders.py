"""Folders of libraries: which of their files holds what, in the formats that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from molgfn.chemistry.reactions.files.blocks import read_blocks
from molgfn.chemistry.reactions.files.entries import Entries
from molgfn.chemistry.reactions.files.scent import read_scent_folder
from molgfn.chemistry.reactions.files.templates import read_templates
from molgfn.chemistry.reactions.library import About
from molgfn.errors import DataError

#: keys of ``library.yaml``
_KEYS = ("name", "title", "source", "licence", "price_unit", "inversion_exact", "blocks", "reactions")
_BLOCKS = ("blocks.csv", "blocks.smi", "blocks.txt", "blocks.smi.gz", "blocks.csv.gz", "blocks.sdf")
_REACTIONS = ("reactions.yaml", "reactions.csv", "reactions.txt")


def read_folder(folder: Path) -> Entries:
    """What the files of a folder say: ``library.yaml`` with the files that it names, or those of SCENT.

    Raises:
        DataError: there is no such folder, or no library in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    if (folder / "library.yaml").is_file():
        return _own(folder)
    if (folder / "templates.txt").is_file() and (folder / "fragments.txt").is_file():
        return read_scent_folder(folder)
    raise DataError(
        f"{folder}: is no reaction library; it should hold library.yaml (with the names of its files of blocks and "
        "reactions), or fragments.txt and templates.txt as SCENT has them; `molgfn reactions build` makes one"
    )


def _own(folder: Path) -> Entries:
    path = folder / "library.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: should have the keys {', '.join(_KEYS)}")
    if unknown := [str(key) for key in content if key not in _KEYS]:
        raise DataError(f"{path}: has no key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
    exact = content.get("inversion_exact")
    if exact is not None and not isinstance(exact, bool):
        raise DataError(f"{path}: inversion_exact: should be true, false or null, not {exact!r}")
    words: dict[str, Any] = {key: str(content.get(key) or "") for key in ("title", "source", "licence", "price_unit")}
    blocks = _file(folder, content.get("blocks"), _BLOCKS)
    reactions = _file(folder, content.get("reactions"), _REACTIONS)
    return Entries(
        where=str(folder),
        about=About(name=str(content.get("name") or folder.name), inversion_exact=exact, **words),
        blocks=read_blocks(blocks),
        reactions=read_templates(reactions),
        files=(path, blocks, reactions),
    )


def _file(folder: Path, name: str | None, usual: tuple[str, ...]) -> Path:
    wanted = [name] if name else list(usual)
    found = next((folder / word for word in wanted if (folder / word).is_file()), None)
    if found is None:
        raise DataError(f"{folder}: has no file {' or '.join(wanted)}")
    return found
