"""What the files of a library hold before it is checked: entries with their places, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from molgfn.chemistry.reactions.library import About
from molgfn.errors import DataError

#: problems that an error message lists
_SHOWN = 7


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """A block as it is written.

    Attributes:
        place: file and line, for messages.
        text: its SMILES; of an entry of structures, that of the MOL block.
        id: as written; empty where there is none.
        price: as written; empty where there is none.
        problem: why it could not be read as an entry at all; else None.
    """

    place: str
    text: str
    id: str = ""
    price: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ReactionEntry:
    """A reaction as it is written.

    Attributes:
        place: file and line, for messages.
        smarts: as written.
        name: empty where there is none.
        family: empty where there is none.
        yield_: as written; empty where there is none.
        examples: (SMILES of the reactants, SMILES of the product) that the template has to give.
        problem: why it could not be read as an entry at all; else None.
        without: SMARTS of groups that no reactant may have.
    """

    place: str
    smarts: str
    name: str = ""
    family: str = ""
    yield_: str = ""
    examples: tuple[tuple[tuple[str, ...], str], ...] = ()
    problem: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entries:
    """A library as its files say it.

    Attributes:
        where: the folder, for messages.
        about: what is said of the whole.
        blocks: of its stock.
        reactions: of its templates.
        files: what was read.
        named: whether names of reactions are the authors', and so have to differ; else they are made different.
    """

    where: str
    about: About
    blocks: Sequence[BlockEntry]
    reactions: Sequence[ReactionEntry]
    files: tuple[Path, ...] = ()
    named: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one entry.

    Attributes:
        place: file and line.
        kind: in two or three words, by which such are counted.
        text: what is wrong, and what would be right.
        broken: the library cannot be used with it; else it is something to know.
    """

    place: str
    kind: str
    text: str
    broken: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.text}"


@dataclass
class Problems:
    """All that was found wrong, in order."""

    all: list[Problem] = field(default_factory=list)

    def broken(self, place: str, kind: str, text: str) -> None:
        """One more that makes the library unusable."""
        self.all.append(Problem(place, kind, text))

    def note(self, place: str, kind: str, text: str) -> None:
        """One more thing to know."""
        self.all.append(Problem(place, kind, text, broken=False))

    def worst(self) -> list[Problem]:
        """Those that make the library unusable."""
        return [problem for problem in self.all if problem.broken]

    def refuse(self, where: str) -> None:
        """Raise ``DataError`` where the library cannot be used: the first problems, and how many there are."""
        worst = self.worst()
        if worst:
            raise DataError(
                f"{where}: {_counted(worst)}; `molgfn reactions check {where}` lists all\n"
                + "\n".join(map(str, worst[:_SHOWN]))
            )


def _counted(problems: Iterable[Problem]) -> str:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
    return f"{sum(counts.values())} broken entries (" + ", ".join(f"{n} {kind}" for kind, n in counts.items()) + ")"
