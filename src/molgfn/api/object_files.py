"""Files of sampled objects: tables, and what their kind can write; each written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from molgfn.errors import ConfigError
from molgfn.objects.base import ObjectKind
from molgfn.objects.named import NAMED

#: what every kind of object can be written as
TABLES = (".csv", ".parquet")
#: what places begin with that are gone when a file is whole
_PREFIX = ".molgfn-"


def require_place(path: Path) -> None:
    """Refuse a place where no file can be written, before any time is spent.

    Raises:
        ConfigError: saying what would be right.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; give the name of a file")
    require_folder(path.parent, path)


def require_other(output: Path, read: Path, what: str) -> None:
    """Refuse to write over the file that is read.

    Args:
        output: the place.
        read: the file.
        what: that is written, for the message.

    Raises:
        ConfigError: they are one.
    """
    if output.exists() and read.exists() and output.samefile(read):
        raise ConfigError(f"{output}: is the file that is read; give {what} another name")


def require_format(path: Path, kind: ObjectKind | None = None) -> None:
    """Refuse the ending of a file that is not written for objects of a kind (None: of any kind of this package).

    Raises:
        ConfigError: saying what would be right.
    """
    suffix, known = path.suffix, NAMED.values() if kind is None else [kind]
    endings = (*dict.fromkeys(ending for one in known for ending in one.formats), *TABLES)
    if suffix in endings:
        return
    others = [one.plural for one in NAMED.values() if suffix in one.formats]
    if kind is not None and others:
        raise ConfigError(f"{path}: `{suffix}` holds {others[0]}, but this run makes {kind.name} objects; use .csv")
    raise ConfigError(f"{path}: cannot write `{suffix or path.name}`; the name should end in {_or(endings)}")


def is_bare(path: Path, kind: ObjectKind | None = None) -> bool:
    """Whether a file has no room beside the objects (of a kind; None: of any kind of this package)."""
    return any(path.suffix in one.bare_formats for one in (NAMED.values() if kind is None else [kind]))


def require_folder(folder: Path, wanted: Path) -> None:
    """Refuse a folder in which nothing can be written."""
    if not folder.is_dir():
        raise ConfigError(f"{wanted}: there is no folder {folder}; make it first")
    try:  # asking for rights is not enough: a superuser has them where no file can be, as in /proc
        with tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX):
            pass
    except PermissionError:
        raise ConfigError(f"{wanted}: no permission to write in {folder}") from None
    except OSError as error:
        why = "" if isinstance(error, FileNotFoundError) else f" ({error.strerror or error})"
        raise ConfigError(f"{wanted}: no file can be made in {folder}{why}") from None


def write_objects(
    objects: Any, path: Path, kind: ObjectKind, columns: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write objects, one a row: ``kind.columns`` and ``columns`` of a table, or as ``kind.write`` does.

    Args:
        objects: a batch [N] of them, none with a problem.
        path: the file to be.
        kind: what they are.
        columns: name -> N cells (numbers, texts, or None and NaN for nothing) beside the objects: further columns of a
            table, tags of an .sdf. Not for .smi, which has no room.
    """
    columns = columns or {}
    if columns and is_bare(path, kind):
        raise ConfigError(f"{path}: a {path.suffix} holds nothing but {kind.plural}; use {roomy(kind)}")
    if path.suffix in kind.formats:
        whole(path, lambda part: kind.write(objects, part, columns))
        return
    import pandas as pd

    table = pd.DataFrame({**kind.columns(objects), **columns})
    if path.suffix == ".csv":
        whole(path, lambda part: table.to_csv(part, index=False))
    else:
        whole(path, lambda part: table.to_parquet(part, index=False))


def roomy(kind: ObjectKind | None = None) -> str:
    """The endings of files that have room beside the objects, in words; ``kind`` as of ``is_bare``."""
    known = NAMED.values() if kind is None else [kind]
    others = (end for one in known for end in one.formats if end not in one.bare_formats)
    return _or(tuple(dict.fromkeys((*TABLES, *others))))


def whole(path: Path, write: Callable[[Path], None]) -> None:
    """``write`` to a place beside ``path``, and move it there when all is written."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=_PREFIX) as folder:
        part = Path(folder) / path.name
        write(part)
        os.replace(part, path)


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
