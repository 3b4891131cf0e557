"""What a component is, in the one line that lists of components show."""

from __future__ import annotations

import inspect
from pathlib import Path

import yaml

from molgfn.class_paths import import_class


def first_paragraph(cls: type) -> str:
    """The first paragraph of a class's docstring, as one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def one_line(path: Path) -> str:
    """The first comment of a config file, else the first line of its class's docstring."""
    text = path.read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    if first.startswith("#"):
        return first.lstrip("# ").strip()
    return (inspect.getdoc(import_class(yaml.safe_load(text)["_target_"])) or "").split("\n", 1)[0]
