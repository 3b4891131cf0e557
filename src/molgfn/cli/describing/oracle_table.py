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
from molgfn.downloads import Download
from molgfn.objects.base import ObjectKind

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
        for item in _downloads(*_classes(yaml.safe_load(path.read_text(encoding="utf-8")))):
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
    # what is made of several is of the kind that these measure
    kind = next(c.kind for c in _classes(node) if isinstance(getattr(c, "kind", None), ObjectKind))
    chosen = " (`direction`)" if "direction" in own else ""
    return {
        "oracle": f"`{path.stem}`",
        "what it is": one_line(path).removesuffix("."),
        "kind": f"{kind.name}, or as given" if "domain" in own else kind.name,
        "range": "as given (`range`)" if "range" in own else _interval(getattr(cls, "range", None)),
        "units": "as given (`units`)" if "units" in own else cls.units,
        "better": {"maximise": "more", "minimise": "less"}[getattr(cls, "direction", "maximise")] + chosen,
        "needs": "; ".join(_needs(path, *_classes(node))) or "-",
        "source": cls.source,
    }


def _classes(node: Any) -> list[type]:
    """Those that a config names, the outermost first."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = [import_class(node["_target_"])] if isinstance(node, dict) and "_target_" in node else []
    return own + [cls for item in inside for cls in _classes(item)]


def _needs(path: Path, *classes: type) -> list[str]:
    """Parameters that must be given, extras of molgfn, files that are fetched."""
    match = _GIVE.search(one_line(path))
    found = [(match[1] or match[2]).strip()] if match else []
    extras = [extra for cls in classes for extra in _EXTRA.findall(inspect.getdoc(cls) or "")]
    found += [f"`molgfn{extra}`" for extra in dict.fromkeys(extras)]
    return found + [f"download, {item.size / 1e6:.1f} MB" for item in _downloads(*classes)]


def _downloads(*classes: type) -> list[Download]:
    """What oracles, or their modules, declare to fetch: files, or models that lie in one; each once."""
    declared = [x for cls in classes for x in (*vars(sys.modules[cls.__module__]).values(), *vars(cls).values())]
    things: list[Any] = [getattr(x, "wheel", x) for x in declared]
    return list(dict.fromkeys(thing for thing in things if isinstance(thing, Download)))


def _interval(limits: tuple[float, float] | None) -> str:
    if limits is None:
        return "that of the values"
    low, high = limits
    if low == -high == float("-inf"):
        return "any number"
    left = "(-inf" if low == float("-inf") else f"[{low:g}"
    right = "inf)" if high == float("inf") else f"{high:g}]"
    return f"{left}, {right}"
