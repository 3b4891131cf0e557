"""References of everything that took part in a run, numbered, from the classes that its config names."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from molgfn.moved import present_path

ARXIV = re.compile(r"arXiv[:\s]*(\d{4}\.\d{4,5})")
#: the paragraph of a docstring that begins with it, on the same line or the next, without the tests that pin it
SECTION = re.compile(r"^Reference:\s*(\S.*?)(?=\s+Pinned\s+by\s|\n\s*\n|\Z)", flags=re.MULTILINE | re.DOTALL)


@dataclass
class Reference:
    """One entry: its text, and what in the run it belongs to."""

    text: str
    users: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of the first arXiv id in the text, for a link; empty without one."""
        found = ARXIV.search(self.text)
        return f"https://arxiv.org/abs/{found.group(1)}" if found else ""

    @property
    def link(self) -> str:
        return self.url.removeprefix("https://")

    @property
    def used(self) -> str:
        return ", ".join(dict.fromkeys(self.users))


class Bibliography:
    """Collects references, each once, in the order of first use."""

    def __init__(self) -> None:
        self.entries: list[Reference] = []

    def add(self, text: str, user: str) -> int:
        """Number (from 1) of ``text``, added where new; 0 for an empty text."""
        text = " ".join(text.split())
        if not text:
            return 0
        for number, entry in enumerate(self.entries, start=1):
            if entry.text == text:
                entry.users.append(user)
                return number
        self.entries.append(Reference(text, [user]))
        return len(self.entries)

    def add_config(self, config: Any) -> None:
        """Every reference of the molgfn classes that a run's config names; classes from elsewhere are left alone."""
        for path in _class_paths(config):
            if path.startswith("molgfn."):
                self.add(_reference(path), path.rsplit(".", 1)[-1])


def _class_paths(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for value in node.values():
            yield from _class_paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _class_paths(value)


def _reference(path: str) -> str:
    """The declared reference or source of a class, else the ``Reference:`` section of its docstring, else of a base."""
    module, _, name = present_path(path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return ""  # an old run may name a class that is gone; its report is still worth having
    return next(filter(None, map(_own_reference, getattr(found, "__mro__", ()))), "")


def _own_reference(cls: type) -> str:
    """What a class itself says; nothing for what every component of its kind has as a base."""
    if not cls.__module__.startswith("molgfn.") or cls.__module__.endswith(".base"):
        return ""
    own = vars(cls)
    for declared in (own.get("reference"), own.get("source")):
        if isinstance(declared, str) and declared:
            return declared
    section = SECTION.search(inspect.cleandoc(own.get("__doc__") or ""))
    return section.group(1) if section else ""
