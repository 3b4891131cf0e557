"""Patterns that a molecule cannot hold, by what its SMILES lacks: far less work than to look for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from rdkit import Chem

#: what is counted in a SMILES; each atom and bond of these kinds is written by its mark (other elements may hold one,
#: too, so that a count is never too small)
_MARKS = ("C", "c", "N", "n", "O", "o", "S", "s", "P", "F", "Cl", "Br", "I", "B", "=", "#")
_OF = {mark: k for k, mark in enumerate(_MARKS)}
#: a mark that stands within another one
_WITHIN = {"C": "Cl", "B": "Br"}
#: atoms of an element, aromatic or not
_EITHER = {"#6": ("C", "c"), "#7": ("N", "n"), "#8": ("O", "o"), "#16": ("S", "s")}
_COLUMNS = (*_MARKS, *_EITHER)
#: the element that every atom has which a SMARTS atom without alternatives describes
_ELEMENT = re.compile(r"\[?(#6|#7|#8|#16|Cl|Br|[CcNnOoSsPFIB])(?![a-z0-9])")


class Prescreen:
    """Which of some patterns a molecule may hold; those that it does hold are always among them.

    Of each pattern the atoms and double and triple bonds are counted whose kind it leaves no choice of; a molecule
    that has fewer of a kind does not hold it.

    Args:
        patterns: queries without bonds or atoms that match hydrogens only.
    """

    def __init__(self, patterns: Sequence[Chem.Mol]) -> None:
        self._needed = np.array([_needed(pattern) for pattern in patterns], dtype=np.int64).reshape(-1, len(_COLUMNS))

    def possible(self, smiles: str) -> list[int]:
        """The patterns that a molecule may hold, by number.

        Args:
            smiles: as RDKit writes the molecule, with aromatic atoms in lower case.
        """
        found = [smiles.count(mark) for mark in _MARKS]
        for mark, longer in _WITHIN.items():
            found[_OF[mark]] -= found[_OF[longer]]
        found += [found[_OF[a]] + found[_OF[b]] for a, b in _EITHER.values()]
        return np.flatnonzero((self._needed <= np.array(found)).all(1)).tolist()


def _needed(pattern: Chem.Mol) -> list[int]:
    """How many atoms and bonds of each kind a match takes at least."""
    count = dict.fromkeys(_COLUMNS, 0)
    for atom in pattern.GetAtoms():
        if (element := _element(atom.GetSmarts())) is not None:
            count[element] += 1
    for bond in pattern.GetBonds():
        smarts: str = bond.GetSmarts()  # type: ignore[call-arg]  # RDKit's stubs lack a self
        if smarts in ("=", "#"):
            count[smarts] += 1
    for either, kinds in _EITHER.items():
        count[either] += sum(count[kind] for kind in kinds)
    return list(count.values())


def _element(smarts: str) -> str | None:
    """Of every atom that matches; None where it may be several."""
    outside, depth = [], 0
    for character in smarts:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            outside.append(character)
    found = None if "," in outside else _ELEMENT.match(smarts)
    return None if found is None else found[1]
