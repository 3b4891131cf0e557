"""The tables in ``docs/oracles.md``: oracles, and files that they fetch, from what classes and configs declare."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from molgfn.class_paths import import_class, parameters
from molgfn.cli.describing.catalogue import table
from molgfn.cli.describing.one_line import one_line
from molgfn.config import build
from molgfn.downloads import Download
from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import Scalarisation

#: in a class's docstring
_EXTRA = re.compile(r"pip install -c constraints\.txt '\.(\[\w+\])'")
#: in the first line of a config file
_GIVE = re.compile(r"\bgive ((?:[^.;`]|`[^`]*`)+)|((?:`\w+` (?:or|and) )*`\w+`) must be given")


def markdown(configs: Path) -> str:
    """Both tables."""
    return f"{oracles(configs)}\n{files(configs)}"


def oracles(configs: Path) -> str:
    """The table of the oracles in the folder ``configs``; nothing is built that needs an extra or a file."""
    return table([_row(path) for path in sorted((configs / "oracle").glob("*.yaml"))]) + "\n"


def files(configs: Path) -> str:
    """The table of the files that these oracles fetch."""
    users: dict[Download, list[str]] = {}
    for path in sorted((configs / "oracle").glob("*.yaml")):
        for item in _downloads(import_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"])):
            users.setdefault(item, []).append(f"`{path.stem}`")
    rows = [
        {
            "oracle": ", ".join(names),
            "file": f"[{item.name}]({item.url})",
            "what it is": item.what,
            "size": f"{item.size / 1e6:.1f} MB",
            "licence": item.licence,
            "cite": item.source,
        }
        for item, names in users.items()
    ]
    return table(rows) + "\n"


def _row(path: Path) -> dict[str, str]:
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    cls = import_class(node["_target_"])
    own = parameters(cls)
    # what a class says by a property, its object says: what is made of several scores what these measure
    asked = build(node, (Oracle, Scalarisation), path.stem) if _by_object(cls) else cls
    chosen = " (`direction`)" if "direction" in own else ""
    return {
        "oracle": f"`{path.stem}`",
        "what it is": one_line(path).removesuffix("."),
        "kind": f"{asked.kind.name}, or as given" if "domain" in own else asked.kind.name,
        "range": "as given (`range`)" if "range" in own else _interval(getattr(cls, "range", None)),
        "units": "as given (`units`)" if "units" in own else cls.units,
        "better": {"maximise": "more", "minimise": "less"}[getattr(cls, "direction", "maximise")] + chosen,
        "needs": "; ".join(_needs(path, cls)) or "-",
        "source": cls.source,
    }


def _by_object(cls: type) -> bool:
    return isinstance(inspect.getattr_static(cls, "kind"), property)


def _needs(path: Path, cls: type) -> list[str]:
    """Parameters that must be given, an extra of molgfn, a file that is fetched."""
    match = _GIVE.search(one_line(path))
    found = [(match[1] or match[2]).strip()] if match else []
    found += [f"`molgfn{extra}`" for extra in dict.fromkeys(_EXTRA.findall(inspect.getdoc(cls) or ""))]
    return found + [f"download, {item.size / 1e6:.1f} MB" for item in _downloads(cls)]


def _downloads(cls: type) -> list[Download]:
    """What an oracle, or its module, declares to fetch: files, or models that lie in one."""
    declared = [*vars(sys.modules[cls.__module__]).values(), *vars(cls).values()]
    things: list[Any] = [getattr(x, "wheel", x) for x in declared]
    return [thing for thing in things if isinstance(thing, Download)]


def _interval(limits: tuple[float, float] | None) -> str:
    if limits is None:
        return "that of the values"
    low, high = limits
    if low == -high == float("-inf"):
        return "any number"
    left = "(-inf" if low == float("-inf") else f"[{low:g}"
    right = "inf)" if high == float("inf") else f"{high:g}]"
    return f"{left}, {right}"
