"""Where files lie: the one place that turns what a user writes into paths.

A path is local. ``~`` and ``$NAME`` at home in a shell are read as a shell reads them, once; then the path is made
absolute, so that nothing later can mean another file. No other character has a meaning: ``#``, ``?``, ``%41``, ``::``
and ``file:`` are parts of names.

Parameters that name files say so in their annotation (``InputFile``, ``NamedInput``, ``OutputPlace``, ``CommandLine``,
``CodeReference``); ``molgfn.run_files`` then finds, keeps and checks what a run read, whatever class reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from molgfn.errors import ConfigError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{2,}")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
#: endings that say what a file is, as opposed to dots within a name
ENDINGS = frozenset(
    (
        ".smi", ".smiles", ".ism", ".cxsmiles", ".csv", ".tsv", ".tab", ".txt", ".parquet", ".sdf", ".sd", ".mol",
        ".json", ".jsonl", ".yaml", ".yml", ".pt", ".ckpt",
    )
)  # fmt: skip
COMPRESSED = frozenset([".gz", ".bz2", ".xz", ".zst", ".zip"])


@dataclass(frozen=True)
class PathRole:
    """What a parameter that names files is for.

    Attributes:
        kind: "file": one that is read; "name": one that is read, or a name that stands for something shipped;
            "output": a place that is written to; "command": a program and its arguments, some of which may be files;
            "code": ``package.module.name``, or ``file.py:name``.
    """

    kind: Literal["file", "name", "output", "command", "code"]


#: a file (or run folder) that is read
InputFile = Annotated[str, PathRole("file")]
#: a file that is read, or the name of something that is shipped or published
NamedInput = Annotated[str, PathRole("name")]
#: a file or folder that is written to
OutputPlace = Annotated[str, PathRole("output")]
#: a program with its arguments
CommandLine = Annotated[list[str] | str, PathRole("command")]
#: something in Python code: ``package.module.name`` or ``file.py:name``
CodeReference = Annotated[str, PathRole("code")]


def role_of(annotation: Any) -> PathRole | None:
    """The role that an annotation gives its parameter; None for one that names no file."""
    if annotation is Path:
        return PathRole("file")
    inside = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        own = [part for part in inside[1:] if isinstance(part, PathRole)]
        return own[0] if own else role_of(inside[0])
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return next((role for part in inside if (role := role_of(part)) is not None), None)
    return None


def expanded(text: str | Path) -> Path:
    """``text`` with ``~`` and ``$NAME`` replaced as a shell would, not made absolute.

    A file whose name is literally that is taken as it is.

    Raises:
        ConfigError: it is a URL, is empty, holds a null character, or names a variable that is not set.
    """
    word = str(text)
    if not word or "\0" in word:
        raise ConfigError(f"{word!r}: is not the name of a file or folder")
    if isinstance(text, str) and (found := _URL.match(word)):
        way_out = "write the path without `file://`" if found[0].lower().startswith("file:") else "copy it here first"
        raise ConfigError(f"{word}: is a URL, and molgfn reads and writes local files only; {way_out}")
    word = os.path.expanduser(word)
    if os.path.lexists(word):
        return Path(word)
    if unknown := [a or b for a, b in _VARIABLE.findall(word) if (a or b) not in os.environ]:
        raise ConfigError(f"{text}: the environment variable {unknown[0]} is not set")
    return Path(_VARIABLE.sub(lambda found: os.environ[found[1] or found[2]], word))


def local(text: str | Path, *, base: Path | None = None) -> Path:
    """The absolute path that a user means by ``text``.

    Args:
        text: as written.
        base: where a relative path starts; None: the current folder.

    Raises:
        ConfigError: see ``expanded``.
    """
    path = (base or Path.cwd()).absolute() / expanded(text)
    # what follows a link and `..` is beside the link's target; cutting the text would name another place
    return path.resolve() if ".." in path.parts else path


def sqlite_uri(path: Path, mode: Literal["ro", "rw", "rwc"] = "ro") -> str:
    """What ``sqlite3.connect(..., uri=True)`` takes for a file of any name."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def without_ending(name: str) -> str:
    """``gen.T0.5.smi.gz`` -> ``gen.T0.5``: only endings that say what a file is are taken off."""
    stem, ending = os.path.splitext(name)
    if ending.lower() in COMPRESSED and stem:
        name, (stem, ending) = stem, os.path.splitext(stem)
    return stem if ending.lower() in ENDINGS and stem else name


def file_name_from(text: str, *, most: int = 80) -> str:
    """``text`` as part of a file name: letters, digits and ``._-``; what is cut off is told apart by a hash."""
    plain = re.sub(r"[^\w.-]+", "_", text.replace("=", "-")).strip("_")
    if len(plain.encode()) <= most and plain:
        return plain
    return f"{plain.encode()[: most - 9].decode(errors='ignore')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def sha256(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
