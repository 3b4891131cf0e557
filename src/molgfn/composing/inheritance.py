"""Experiments that start from other experiments: several files to one defaults list and one body.

Hydra nests config files, but a nested file's ``override`` entries and paths mean other things than at the top. So the
files of a chain are put together here, and Hydra sees one experiment.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from molgfn.composing.places import named_experiment
from molgfn.errors import ConfigError
from molgfn.paths import expanded, local

#: the configs that an experiment may start from: of a training run, of an optimisation
BASES, SELF = ("train", "optimise"), "_self_"
#: the key of an experiment file that names further folders with config groups
SEARCHPATH = "searchpath"


@dataclass
class Files:
    """One experiment out of all files that it is written in.

    Attributes:
        bodies: what each file says, the first ancestor first, without defaults and not resolved.
        defaults: one list for Hydra; None where there is none.
        folders: of the files, the experiment's own first.
        searchpath: folders with config groups that the files name, in the same order.
    """

    bodies: list[dict[str, Any]] = field(default_factory=list)
    defaults: list[Any] | None = None
    folders: list[Path] = field(default_factory=list)
    searchpath: list[Path] = field(default_factory=list)

    @property
    def node(self) -> dict[str, Any]:
        """What Hydra gets."""
        body: dict[str, Any] = {}
        for one in self.bodies:
            body = _merged(body, one)
        return body if self.defaults is None else {"defaults": self.defaults, **body}


def read_files(path: Path) -> Files:
    """The experiment at ``path`` with what it inherits.

    Raises:
        ConfigError: a file cannot be read, is not there, inherits from itself, or its defaults cannot be put together.
    """
    return _read(path, ())


def _read(path: Path, below: tuple[Path, ...]) -> Files:
    if path in below:
        raise ConfigError(f"{path}: inherits from itself: {' -> '.join(p.name for p in (*below, path))}")
    node = _node(path)
    entries = node.pop("defaults", None)
    own = folders(node.pop(SEARCHPATH, None), path.parent, f"{path}: {SEARCHPATH}")
    if entries is not None and not isinstance(entries, list):
        raise ConfigError(f"{path}: defaults: should be a list such as [train, _self_], got {entries!r}")
    parents = {i: p for i, e in enumerate(entries or ()) if (p := _parent(e, path)) is not None}
    if entries is None or not parents:
        return Files([node], entries, [path.parent], own)
    if SELF in entries and entries[-1] != SELF:
        raise ConfigError(f"{path}: defaults: put `{SELF}` last where an experiment is inherited")
    result, together = Files([], [], [path.parent], own), []
    for i, entry in enumerate(entries):
        if i in parents:
            parent = _read(parents[i], (*below, path))
            if parent.defaults and SELF in parent.defaults and parent.defaults[-1] != SELF:
                raise ConfigError(f"{parents[i]}: defaults: put `{SELF}` last where an experiment is inherited")
            result.bodies += parent.bodies
            result.folders += parent.folders
            result.searchpath += parent.searchpath
            together = _together(together, [e for e in parent.defaults or () if e != SELF])
        elif entry != SELF:
            together = _together(together, [entry])
    result.bodies.append(node)
    result.folders = list(dict.fromkeys(result.folders))
    result.searchpath = list(dict.fromkeys(result.searchpath))
    result.defaults = [*together, SELF]
    return result


def folders(value: Any, base: Path, where: str) -> list[Path]:
    """The folders that a ``searchpath`` names: one, or a list of them.

    Args:
        value: as it stands in YAML, or in an override; None for none.
        base: where a relative one starts.
        where: named in messages.

    Raises:
        ConfigError: it is no such list, or a folder is not there.
    """
    listed = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise ConfigError(f"{where}: should be a list of folders such as [../configs], got {value!r}")
    found = [local(text, base=base) for text in listed]
    if missing := [path for path in found if not path.is_dir()]:
        raise ConfigError([f"{where}: there is no folder {path}" for path in missing])
    return found


def _node(path: Path) -> dict[str, Any]:
    try:
        node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(yaml_problem(error, path)) from None
    except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    if not isinstance(node, dict):
        raise ConfigError(f"{path}: should be a mapping that starts with `defaults: [train, _self_]`")
    return {str(k): v for k, v in node.items()}


def _parent(entry: Any, path: Path) -> Path | None:
    """The experiment file that an entry of a defaults list names; None where it is something for Hydra."""
    if not isinstance(entry, str) or entry in (SELF, *BASES) or "@" in entry:
        return None
    word = expanded(entry)
    by_path = entry.endswith(".yaml") or entry.startswith(("./", "../", "/", "~", "$"))
    beside = [path.parent / word] if entry.endswith(".yaml") else [path.parent / f"{word}.yaml"]
    found = next((p for p in beside if p.is_file()), None)
    if found is not None:
        # a config of one group, such as `reward/steep`, is Hydra's business
        return found.resolve() if by_path or "/" not in entry or "defaults" in _node(found) else None
    if by_path:
        beside = [Path(os.path.normpath(p)) for p in beside]
        raise ConfigError(f"{path}: defaults: there is no experiment file {beside[0]} (`{entry}`)")
    return named_experiment(entry)


def _together(first: list[Any], second: list[Any]) -> list[Any]:
    """Two defaults lists as one: a later choice for a group takes the place of an earlier override of it."""
    kept = list(first)
    for entry in second:
        group = _overridden(entry)
        if group is not None:
            kept = [e for e in kept if _overridden(e) != group]
        if entry not in kept:
            kept.append(entry)
    # Hydra wants overrides at the end
    return [e for e in kept if _overridden(e) is None] + [e for e in kept if _overridden(e) is not None]


def _overridden(entry: Any) -> str | None:
    """The group of an ``override`` entry."""
    if not isinstance(entry, dict):
        return None
    key = next(iter(entry), "")
    found = re.fullmatch(r"\s*override\s+/?(.+?)\s*", str(key))
    return found[1] if found else None


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{k: _merged(below[k], v) if k in below else v for k, v in above.items()}}


def yaml_problem(error: yaml.MarkedYAMLError, path: Path) -> str:
    """Where a file is no YAML, and why."""
    mark = error.problem_mark or error.context_mark
    # Hydra reads the text itself, so that the mark may not know the file
    name = mark.name if mark and not mark.name.startswith("<") else str(path)
    where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
    return f"{where}: not YAML: {error.problem or error.context}"
