"""Strings of symbols, known by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from molgfn.objects.base import ObjectKind


class StringKind(ObjectKind):
    """A batch is a list of ``str``."""

    name: ClassVar[str] = "string"

    def keys(self, objects: Sequence[str]) -> list[str]:
        return list(objects)

    def parse(self, keys: Sequence[str]) -> list[str]:
        return [str(text) for text in keys]

    def columns(self, objects: Sequence[str]) -> dict[str, list[Any]]:
        return {"string": list(objects)}


#: the only one
STRING = StringKind()
