"""The files that a run reads: found when it starts, kept with their sha256, and checked when the run is used again.

Which values of a config are files, the annotations of the constructors say (``molgfn.paths``).
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molgfn.class_paths import import_class, parameters
from molgfn.code_references import names_file, split
from molgfn.config import CLASS_KEY, ROOT, Slot
from molgfn.datasets.registry import DATASETS
from molgfn.errors import CheckpointError, ConfigError
from molgfn.paths import PathRole, expanded, local, role_of, sha256

#: what is done with one value: (key, role, value) -> the new value
Visit = Callable[[str, PathRole, Any], Any]
CODE = PathRole("code")


@dataclass(frozen=True)
class Place:
    """A folder in which relative paths are looked up, and how it is called in a message."""

    folder: Path
    words: str


@dataclass
class Settled:
    """A config whose files are absolute.

    Attributes:
        config: the new one.
        notes: which file was taken for a relative path where more than one place could be meant.
        problems: paths that cannot be meant, one line each.
    """

    config: dict[str, Any]
    notes: list[str]
    problems: list[str]


def settle(
    config: Mapping[str, Any],
    *,
    beside: Sequence[Path] = (),
    searchpath: Sequence[Path] = (),
    overridden: Iterable[str] = (),
) -> Settled:
    """Make every path of a config absolute.

    A relative path of the experiment file is looked for beside that file (and beside the files that it inherits from),
    in the folders of ``searchpath``, then in the current folder; one that was given as an override, in the current
    folder first. A place that is written to is always relative to the current folder. A name that is no file stays as
    it is.

    Args:
        config: composed, plain; not changed.
        beside: folders of the experiment files.
        searchpath: further folders with groups, whose files may name files beside the group.
        overridden: dotted keys that were given as overrides.
    """
    here = Place(Path.cwd(), "in the current folder")
    there = [Place(folder, "beside the experiment file") for folder in dict.fromkeys(beside)]
    there += [Place(folder, "in the searchpath") for folder in dict.fromkeys(searchpath) if folder not in beside]
    keys = tuple(overridden)
    result = Settled({}, [], [])

    def visit(key: str, role: PathRole, value: Any) -> Any:
        first = any(key == k or key.startswith((f"{k}.", f"{k}[")) for k in keys)
        try:
            return _settled(key, role, value, [here, *there] if first else [*there, here], result.notes)
        except ConfigError as error:
            result.problems.append(f"{key}: {error}")
            return value

    result.config = mapped(config, visit)
    return result


def _settled(key: str, role: PathRole, value: Any, places: list[Place], notes: list[str]) -> Any:
    if role.kind == "output":
        return str(local(value)) if isinstance(value, str) else value
    if role.kind == "command":
        words = shlex.split(value) if isinstance(value, str) else list(value)
        # a word that looks like a path and is one; "5" stays a number even where a file is called so
        found = [
            str(_look(f"{key}[{i}]", word, places, notes) or word) if re.search(r"[/.~]", word) else word
            for i, word in enumerate(map(str, words))
        ]
        return value if found == words else found
    if role.kind == "code":
        if not names_file(value):
            return value
        file, name = split(value)
        return f"{_look(key, file, places, notes) or file}:{name}"
    if not isinstance(value, str) or (role.kind == "name" and value in DATASETS):
        return value
    return str(_look(key, value, places, notes, folders=role.kind != "name") or value)


def _look(key: str, text: str, places: list[Place], notes: list[str], *, folders: bool = True) -> Path | None:
    """The file that is meant (a folder, too, where no name of something shipped is); None where there is none."""
    word = expanded(text)
    if word.is_absolute():
        return local(word)
    places = list({place.folder.resolve(): place for place in reversed(places)}.values())[::-1]
    here = Path.exists if folders else Path.is_file
    found = [(local(word, base=place.folder), place) for place in places if here(place.folder / word)]
    if not found:
        return None
    path, place = found[0]
    others = [other for other, _ in found[1:] if not other.samefile(path)]
    if others:
        notes.append(f"{key}: {text} is in more than one place; taken: {path} ({place.words}), not {others[0]}")
    elif len(places) > 1:
        notes.append(f"{key}: {text} is {path} ({place.words})")
    return path


def record(config: Mapping[str, Any], more: Iterable[tuple[str, Path]] = ()) -> list[dict[str, str]]:
    """``{"key", "path", "sha256"}`` of every file that a settled config names.

    Args:
        config: of the run.
        more: (key, file) of what else was read, such as ``Oracle.files``; what the config names already, programs and
            what came with Python or its packages are left out.
    """
    found: dict[str, list[str]] = {}

    def visit(key: str, role: PathRole, value: Any) -> Any:
        words = value if isinstance(value, list) and role.kind == "command" else [value]
        for i, word in enumerate(words):
            file = split(str(word))[0] if role.kind == "code" and names_file(word) else word
            if role.kind == "output" or not isinstance(file, str) or not os.path.isabs(file):
                continue
            if Path(file).is_file() and not (role.kind == "command" and i == 0 and _is_program(Path(file))):
                found.setdefault(file, []).append(f"{key}[{i}]" if role.kind == "command" else key)
        return value

    mapped(config, visit)
    for key, path in more:
        file = str(local(path))
        if file not in found and Path(file).is_file() and not _is_program(path) and not _came_with_python(path):
            found[file] = [key]
    return [
        {"key": key, "path": file, "sha256": digest}
        for file, keys in found.items()
        for digest in [sha256(Path(file))]
        for key in keys
    ]


def verified(
    config: Mapping[str, Any],
    files: Sequence[Mapping[str, str]],
    *,
    run: Path,
    parts: Sequence[str] | None = None,
    given: Mapping[str, str] | None = None,
    strict: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The config of a run whose files are those that it was trained with, and what is to be said about them.

    A file that is no longer at its place is looked for where it would be if it had moved together with the run.

    Args:
        config: of the run.
        files: of ``record``.
        run: the run folder.
        parts: top-level keys that are about to be used; None: all.
        given: key -> where the file is now, as the user says.
        strict: another content is refused even where the user gave it.

    Raises:
        CheckpointError: a file is missing or another one.
        ConfigError: ``given`` names something that the run has not read.
    """
    given = dict(given or {})
    known = [entry["key"] for entry in files]
    if unknown := [key for key in given if key not in known and _get(config, key) is None]:
        read = f"it read {', '.join(sorted(set(known)))}" if known else "it read no file"
        raise ConfigError(f"--file {unknown[0]}: the run has no such file; {read}")
    new, notes = dict(config), []
    for key, text in given.items():
        path = split(text)[0] if names_file(text) else text
        place = local(path)
        if not place.exists():
            raise ConfigError(f"--file {key}: {place}: no such file")
        new = _set(new, key, f"{place}:{split(text)[1]}" if names_file(text) else str(place))
        for entry in files:
            if entry["key"] == key and sha256(place) != entry["sha256"]:
                text = f"{place}: is not the file the run was trained with ({key})"
                if strict:
                    raise CheckpointError(f"{text}; a run goes on with its own files only")
                notes.append(f"{text}; it is used because --file names it")
    for entry in files:
        key, path = entry["key"], Path(entry["path"])
        if key in given or (parts is not None and key.partition(".")[0] not in parts) or not _names(config, key, path):
            continue
        moved = Path(os.path.normpath(run / entry["beside"])) if "beside" in entry else path
        if path.is_file() and sha256(path) == entry["sha256"]:
            continue
        if moved.is_file() and sha256(moved) == entry["sha256"]:
            notes.append(f"{key}: {path} is now {moved}")
            old = _get(config, key)
            new = _set(new, key, f"{moved}:{split(old)[1]}" if names_file(old) else str(moved))
            continue
        what = (
            "is not the file the run was trained with"
            if path.is_file()
            else "the run was trained with it, but it is gone"
        )
        raise CheckpointError(
            f"{path}: {what} ({key}, sha256 {entry['sha256'][:12]}...); put that file back, or say where it is: "
            f"--file {shlex.quote(f'{key}=PATH')}"
        )
    return new, notes


def require_same(files: Sequence[Mapping[str, str]], now: Iterable[Path]) -> None:
    """Refuse files that a rebuilt oracle reads and that the run did not, such as another module of the same name.

    Raises:
        CheckpointError: there is one.
    """
    known = {entry["sha256"] for entry in files}
    for path in now:
        if path.is_file() and not _is_program(path) and not _came_with_python(path) and sha256(path) not in known:
            raise CheckpointError(f"{path}: is not the file the run was trained with; start where that one is found")


def relative_files(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(key, path) of what a config reads by a path that means another file in another folder."""
    found: list[tuple[str, str]] = []

    def visit(key: str, role: PathRole, value: Any) -> Any:
        file = split(value)[0] if role.kind == "code" and names_file(value) else value
        read = role.kind in ("file", "name", "code") and isinstance(file, str) and file not in DATASETS
        if read and not os.path.isabs(file) and Path(file).exists():
            found.append((key, file))
        return value

    mapped(config, visit)
    return found


def beside(files: Sequence[dict[str, str]], run: Path) -> list[dict[str, str]]:
    """The record with each file's place as seen from the run folder, by which it is found after both moved."""
    return [{**entry, "beside": os.path.relpath(entry["path"], run)} for entry in files]


def mapped(config: Mapping[str, Any], visit: Visit, schema: Mapping[str, Any] = ROOT) -> dict[str, Any]:
    """A copy of a config in which ``visit`` has replaced each value that names a file."""
    out = {}
    for key, value in config.items():
        rule = schema.get(key)
        out[key] = _value(value, Any if rule is None or isinstance(rule, Slot) else rule, str(key), visit)
    return out


def _value(value: Any, annotation: Any, key: str, visit: Visit) -> Any:
    role = role_of(annotation)
    if role is not None and isinstance(value, str | list):
        return visit(key, role, value)
    if isinstance(value, Mapping):
        accepted: Mapping[str, Any] = {}
        if CLASS_KEY in value:
            path = visit(f"{key}.{CLASS_KEY}", CODE, value[CLASS_KEY])
            value = {**value, CLASS_KEY: path}
            try:
                accepted = parameters(import_class(path))
            except (ConfigError, TypeError):
                accepted = {}  # the check of the config says what is wrong with it
        inner = _inside(annotation)
        return {
            k: v
            if k == CLASS_KEY
            else _value(v, accepted[k].annotation if k in accepted else inner, f"{key}.{k}", visit)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_value(v, _inside(annotation), f"{key}[{i}]", visit) for i, v in enumerate(value)]
    return value


def _inside(annotation: Any) -> Any:
    """What an annotation says about the items of a container."""
    arguments = [a for a in typing.get_args(annotation) if a is not Ellipsis and not isinstance(a, PathRole)]
    nested = [a for a in arguments if typing.get_args(a)]
    if typing.get_origin(annotation) in (list, tuple, Sequence, dict, Mapping):
        return arguments[-1] if arguments else Any
    return next((found for a in nested if (found := _inside(a)) is not Any), Any)


def _is_program(path: Path) -> bool:
    """It is run by the machine itself; a script says in its first line what runs it."""
    with path.open("rb") as file:
        return os.access(path, os.X_OK) and file.read(4) in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def _came_with_python(path: Path) -> bool:
    place = path.resolve()
    own = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    return "site-packages" in place.parts or any(place.is_relative_to(p / "lib") for p in own)


def _steps(key: str) -> list[str | int]:
    return [int(a) if a else b for a, b in re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)]


def _get(config: Any, key: str) -> Any:
    for step in _steps(key):
        try:
            config = config[step]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def _names(config: Any, key: str, path: Path) -> bool:
    """The config still reads the file by this key; what a checkpoint carries within itself is not read again."""
    if "." not in key:
        return True
    value = _get(config, key)
    return isinstance(value, str) and (split(value)[0] if names_file(value) else value) == str(path)


def _set(config: Any, key: str, value: Any) -> Any:
    """A copy with one value replaced; a key that is not there changes nothing."""
    steps = _steps(key)
    if _get(config, key) is None:
        return config

    def put(node: Any, rest: list[str | int]) -> Any:
        if not rest:
            return value
        if isinstance(node, list):
            return [put(v, rest[1:]) if i == rest[0] else v for i, v in enumerate(node)]
        return {k: put(v, rest[1:]) if k == rest[0] else v for k, v in node.items()}

    return put(config, steps)
