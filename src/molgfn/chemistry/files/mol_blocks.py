"""MOL blocks and the data that follow them: where one ends and the next begins, also in damaged files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: the line of counts, the fourth of a MOL block
_COUNTS = re.compile(r"^[ \d]{6}.*V[23]000\s*$")
#: an atom of V2000: three coordinates, an element, and twelve fields of three columns, the fourth of which is ``hhh``
_ATOM = re.compile(r"^([ \d.\-]{30} \S.{2}[ \d\-]{2}[ \d]{3}[ \d]{3})([ \d]{3})")
_QUERY_LINES = ("M  SUB", "M  UNS", "M  RBC")
_QUERY_WORDS = re.compile(r" (?:HCOUNT|SUBST|UNSAT|RBCNT)=-?\d+")
_FIELD = re.compile(r"^>.*?<(.*)>")


@dataclass
class Structure:
    """One entry of an SD file.

    Attributes:
        line: number (from 1) of its first line.
        block: the MOL block.
        fields: its data, name -> text; the title under "name" where it has one, and the data have none.
    """

    line: int
    block: str
    fields: dict[str, str] = field(default_factory=dict)


def structures(lines: Iterable[str]) -> Iterator[Structure]:
    """The entries of an SD file. One that does not end where the next begins is given as far as it goes."""
    before: list[str] = []  # of the entry, up to this line
    start = 1
    for number, line in enumerate(lines, start=1):
        if line.startswith("$$$$"):
            yield _structure(start, before)
            before, start = [], number + 1
        elif _COUNTS.match(line) and len(before) > 3:  # a second block: the mark between the two is missing
            yield _structure(start, before[:-3])
            before, start = [*before[-3:], line], number - 3
        else:
            before.append(line)
    if any(line.strip() for line in before):
        yield _structure(start, before)


def without_queries(block: str) -> str:
    """A MOL block without what its atoms should have in a search: hydrogens, neighbours, unsaturation, ring bonds.

    RDKit makes query atoms of such, which keep their hydrogens and are not aromatic.
    """
    if "V3000" in block:
        return _QUERY_WORDS.sub("", block) if "M  V30" in block else block
    lines = []
    for line in block.split("\n"):
        if line.startswith(_QUERY_LINES):
            continue
        atom = _ATOM.match(line)
        lines.append(f"{atom[1]}  0{line[atom.end() :]}" if atom and atom[2].strip(" 0") else line)
    return "\n".join(lines)


def _structure(start: int, lines: list[str]) -> Structure:
    end = next((i + 1 for i, line in enumerate(lines) if line.startswith("M  END")), len(lines))
    found = Structure(start, "".join(lines[:end]))
    if lines and (title := lines[0].strip()):
        found.fields["name"] = title
    name: str | None = None
    for line in lines[end:]:
        text = line.rstrip("\r\n")
        if match := _FIELD.match(text):
            name = str(match[1]).strip()
            found.fields[name] = ""
        elif name is not None and text.strip():
            found.fields[name] = f"{found.fields[name]}\n{text}" if found.fields[name] else text
        else:
            name = None  # an empty line ends the data of a field
    return found
