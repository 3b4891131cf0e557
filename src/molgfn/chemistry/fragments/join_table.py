"""Which labels of attachment points may be joined, and which labels must not stay open: BRICS's table, or an own one.

Reference: Degen et al., "On the Art of Compiling and Using 'Drug-Like' Chemical Fragment Spaces",
ChemMedChem 2008, 3, 1503 (BRICS), as RDKit has it (``rdkit.Chem.BRICS``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from rdkit import Chem
from rdkit.Chem import BRICS

from molgfn.chemistry.fragments.fragment import Labels
from molgfn.errors import ConfigError

#: label of a halogen, which BRICS never cuts off
HALOGEN = "x"
_RIGHT = "a line is two labels that may be joined, as in `1 5`, or `fill` and labels that must not stay open"


@dataclass(frozen=True)
class JoinTable:
    """Rules over labels.

    Two points may be joined where one has a label and the other has one such that the pair is in ``pairs``; a point
    without labels may be joined to any. A point with a label in ``fill`` must be joined in a finished molecule.

    Attributes:
        pairs: unordered pairs, both orders in the set.
        fill: labels.
    """

    pairs: frozenset[tuple[str, str]]
    fill: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pairs: Iterable[Sequence[str]], fill: Iterable[str] = ()) -> Self:
        """From pairs in any order."""
        both = {(str(a), str(b)) for a, b in pairs}
        return cls(frozenset(both | {(b, a) for a, b in both}), frozenset(map(str, fill)))

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any]) -> Self:
        """``brics``, a text file, or what ``plain`` gave.

        A line of the file is two labels that may be joined (``1 5``), or ``fill`` and labels that must not stay open
        (``fill 1 6``); ``#`` starts a comment.

        Raises:
            ConfigError: what is wrong, by file and line.
        """
        if isinstance(source, Mapping):
            try:
                if unknown := source.keys() - {"pairs", "fill"}:
                    raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
                return cls.of(source["pairs"], source.get("fill", ()))
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"joins: a table is {{pairs: [['1', '5'], ...], fill: ['1', ...]}}, not {dict(source)!r} ({error})"
                ) from None
        if source == "brics":
            return cls.of(*_brics())
        path = Path(source)
        if not path.is_file():
            raise ConfigError(
                f"joins: there is no file '{source}'; write auto, any, brics, or the path of a table ({_RIGHT})"
            )
        try:
            found = list(_lines(path.read_text(encoding="utf-8"), path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read ({error})") from error
        pairs = [words for words in found if words[0] != "fill"]
        if not pairs:
            raise ConfigError(f"{path}: no two labels may be joined; {_RIGHT}")
        return cls.of(pairs, [label for words in found if words[0] == "fill" for label in words[1:]])

    def plain(self) -> dict[str, Any]:
        """As lists of text, for checkpoints; ``load`` reads it back."""
        pairs = sorted([list(pair) for pair in self.pairs if pair[0] <= pair[1]])
        return {"pairs": pairs, "fill": sorted(self.fill)}

    @property
    def labels(self) -> frozenset[str]:
        """All labels that it knows."""
        return frozenset(label for pair in self.pairs for label in pair) | self.fill

    def joins(self, first: Labels, second: Labels) -> bool:
        """Whether points with these labels may be joined."""
        return not first or not second or any((a, b) in self.pairs for a in first for b in second)

    def must_fill(self, labels: Labels) -> bool:
        """Whether a point with these labels must not stay open."""
        return not self.fill.isdisjoint(labels)


def _lines(text: str, path: Path) -> Iterator[list[str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if words and words[0] != "fill" and len(words) != 2:
            raise ConfigError(f"{path}, line {number}: '{line.strip()}' is no rule; {_RIGHT}")
        if words:
            yield words


@cache
def _brics() -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs of BRICS's environments with a single bond, and those that must be filled.

    To be filled are atoms that would be left with a hydrogen beside =O (aldehydes, sulfinic acids) and sulfur (thiols).
    An environment of saturated carbon comes a second time with a ``c``: for one that holds N, O or S already and that
    is joined to carbon only, lest N-C-O, N-C-N and O-C-O come about by joining (BRICS does not look that far).
    """
    pairs = [(brics_number(a), brics_number(b)) for group in BRICS.reactionDefs for a, b, bond in group if bond == "-"]
    fill, carbons, saturated, nitrogens = set(), set(), set(), set()
    for name, smarts in BRICS.environs.items():
        atom = Chem.MolFromSmarts(smarts).GetAtomWithIdx(0)
        if atom.GetAtomicNum() == 6:
            carbons.add(brics_number(name))
        elif atom.GetAtomicNum() == 7:
            nitrogens.add(brics_number(name))
        oxo = any(
            bond.GetBondType() == Chem.BondType.DOUBLE and bond.GetOtherAtom(atom).GetAtomicNum() == 8
            for bond in atom.GetBonds()
        )
        if oxo or atom.GetAtomicNum() == 16:
            fill.add(brics_number(name))
        elif atom.GetAtomicNum() == 6 and smarts.startswith("[C"):
            saturated.add(brics_number(name))
    for a, b in list(pairs):
        held = "ch" if a in carbons and b in carbons else "h" if nitrogens.isdisjoint((a, b)) else ""
        first, second = ([x, *(x + mark for mark in held)] if x in saturated else [x] for x in (a, b))
        pairs += [(x, y) for x in first for y in second]
    bare = {x for pair in pairs for x in pair} & carbons - fill
    pairs += [(HALOGEN, x) for x in [*sorted(bare), *(x + "h" for x in sorted(bare & saturated))]]
    return pairs, sorted(fill)


def brics_number(environment: str) -> str:
    """The label of one of BRICS's environments: L14b -> 14."""
    return re.sub(r"\D", "", environment)
