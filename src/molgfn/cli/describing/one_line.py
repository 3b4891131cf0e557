"""What a component is, in the one line that lists of components show."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from molgfn.class_paths import import_class


def first_paragraph(cls: type) -> str:
    """The first paragraph of a class's docstring, as one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def one_line(path: Path, composed: Callable[[], Mapping[str, Any]] | None = None) -> str:
    """The first comment of a config file, else the first line of its class's docstring.

    Args:
        path: of the file.
        composed: gives the node of a file that may inherit from others; None: the file says all itself.
    """
    text = path.read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    if first.startswith("#"):
        return first.lstrip("# ").strip()
    node = yaml.safe_load(text) if composed is None else composed()
    return (inspect.getdoc(import_class(node["_target_"])) or "").split("\n", 1)[0]
