"""Entries of a file that were left out, counted by the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: line numbers kept per reason
_EXAMPLES = 5


@dataclass
class LeftOut:
    """The entries that were left out for one reason.

    Attributes:
        reason: its name: ``not a SMILES``, ``valence``, ``salt``, ``too large``, ``duplicate`` and the like.
        count: how many.
        lines: the line numbers of the first of them.
        example: what was said of the first.
    """

    reason: str
    count: int = 0
    lines: list[int] = field(default_factory=list)
    example: str = ""

    def add(self, line: int, detail: str) -> None:
        """One more, at ``line``."""
        if not self.count:
            self.example = detail
        self.count += 1
        if len(self.lines) < _EXAMPLES:
            self.lines.append(line)

    def where(self) -> str:
        """The line numbers in words."""
        return ", ".join(map(str, self.lines)) + (", ..." if self.count > len(self.lines) else "")


def described(left_out: Mapping[str, LeftOut]) -> list[str]:
    """One line for each reason, the most frequent first."""
    lines = []
    for out in sorted(left_out.values(), key=lambda o: -o.count):
        example = f" ({out.example})" if out.example else ""
        lines.append(f"  {out.count} left out: {out.reason}, line {out.where()}{example}")
    return lines
