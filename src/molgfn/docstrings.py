"""What a contract says about its attributes in ``#:`` comments, shown by ``help()`` as well.

The comment beside an attribute is where its sentence is written, once. A class that is decorated here carries the same
sentences in its docstring, under ``Attributes:``.
"""

from __future__ import annotations

import inspect
import linecache
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_COMMENT = re.compile(r"\s+#: ?(.*)")
#: ``name: int = 1``, ``name = 1`` and ``self.name = 1``
_ATTRIBUTE = re.compile(r"\s+(?:self\.)?([A-Za-z]\w*)\s*(?::(?!=)|=(?!=))")
_BESIDE = re.compile(r"\s+(?:self\.)?([A-Za-z]\w*)\s*[:=].*?#: ?(.*)")


def attributes_in_docstring(cls: type[T]) -> type[T]:
    """Class decorator: the ``#:`` comments of the class's own attributes become the end of its docstring.

    Where there is no source to read (a package without ``.py`` files), the docstring stays as it is.
    """
    if sentences := attribute_sentences(cls):
        listed = "\n".join(_entry(f"{name}: {sentence}") for name, sentence in sentences.items())
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\nAttributes:\n{listed}".lstrip()
    return cls


def attribute_sentences(cls: type) -> dict[str, str]:
    """Attribute -> what its ``#:`` comment says, in the order of the source; without what is inherited."""
    try:
        lines = linecache.getlines(inspect.getfile(cls))
    except (OSError, TypeError):
        return {}
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in _body(lines, cls.__name__):
        if (more := _COMMENT.fullmatch(line)) is not None:
            comment.append(more[1].strip())
        elif (beside := _BESIDE.fullmatch(line)) is not None:
            found[beside[1]] = beside[2].strip()
            comment = []
        else:
            if comment and (attribute := _ATTRIBUTE.match(line)) is not None:
                found[attribute[1]] = " ".join(comment)
            comment = []
    return found


def _entry(text: str) -> str:
    return textwrap.fill(text, 112, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False)


def _body(lines: Sequence[str], name: str) -> Iterator[str]:
    """The lines of a class at the top of a module. Read by indentation: parsing the file would take far longer."""
    start = re.compile(rf"class {name}\b")
    inside = False
    for line in lines:
        if inside and line.strip() and not line[0].isspace() and line[0] not in ")#":
            return
        if inside:
            yield line.rstrip()
        inside = inside or start.match(line) is not None
