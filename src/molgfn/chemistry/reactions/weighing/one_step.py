"""What one reaction can make of blocks, by weight: which reactions may have given a molecule, without chemistry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from molgfn.chemistry.reactions.weighing.kind import kind_of, mark_of, near

#: matches of a pattern in a block that are looked at; ways in which the blocks of one reaction may weigh together
_MOST_MATCHES, _MOST_SUMS = 1000, 1_000_000


@dataclass(frozen=True)
class Sides:
    """A reaction, with the blocks that it can be run on.

    Attributes:
        reactants: pattern of each slot.
        product: the pattern on the right side.
        blocks: of each slot the blocks that fit it, by number.
    """

    reactants: Sequence[Chem.Mol]
    product: Chem.Mol
    blocks: Sequence[Sequence[int]]


class OneStep:
    """Kinds and marks (see ``kind``) of all products of one reaction of blocks.

    As RDKit runs a reaction, a product is what the right side of the template names and, of each block, the atoms that
    hang on mapped ones; what hangs only on atoms that leave, leaves with them. So its weight, its number of bonds and
    its mark are sums over the blocks, and those of all products of a reaction come out of a few numbers for each block.

    Args:
        blocks: all.
        reactions: by index; None: one of which this is not known, so that it may have given anything.
    """

    def __init__(self, blocks: Sequence[Chem.Mol], reactions: Sequence[Sides | None]) -> None:
        graphs = [_Graph(mol) for mol in blocks]
        self._always: list[int] = []
        self._kinds: set[int] = set()
        self._of_mark: dict[int, list[int]] = {}
        for r, sides in enumerate(reactions):
            made = None if sides is None else _made(sides, graphs)
            if made is None:
                self._always.append(r)
                continue
            for weight, bonds in np.unique(made[:, :2], axis=0).tolist():
                self._kinds.update(near(kind_of(weight / _GRAM, bonds)))
            for number in np.unique(made[:, 2]).tolist():
                self._of_mark.setdefault(number, []).append(r)

    def reactions(self, mark: int) -> list[int]:
        """Those that may give a molecule of this mark from blocks alone, sorted; all others do not."""
        found = self._of_mark.get(mark, [])
        return sorted([*found, *self._always]) if self._always else found

    def may_be(self, kind: int) -> bool:
        """Whether there is a product of this kind."""
        return bool(self._always) or kind in self._kinds


#: units of weight in a g/mol, for sums that do not depend on their order
_GRAM = 10**6


class _Graph:
    """What is read of a block: weights in units, elements, and which atoms are bound."""

    def __init__(self, mol: Chem.Mol) -> None:
        self.mol = mol
        atoms = list(map(mol.GetAtomWithIdx, range(mol.GetNumAtoms())))
        self.weights = [round(_GRAM * atom.GetMass()) for atom in atoms]
        self.elements = [atom.GetAtomicNum() for atom in atoms]
        self.bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
        self.beside: list[list[int]] = [[] for _ in atoms]
        for a, b in self.bonds:
            self.beside[a].append(b)
            self.beside[b].append(a)
        # whether an isotope stays is up to the version of RDKit
        self.plain = mol.GetNumHeavyAtoms() == len(atoms) and not any(atom.GetIsotope() for atom in atoms)

    def left(self, side: _Side) -> set[tuple[int, int, int]] | None:
        """Of what a product takes from the block, for each match of a pattern; None where that is not known.

        Weight, bonds and mark, but for the bonds that the right side of the template names.
        """
        matches = self.mol.GetSubstructMatches(side.pattern, uniquify=False, maxMatches=_MOST_MATCHES + 1)
        if not self.plain or len(matches) > _MOST_MATCHES:
            return None
        return {self._taken(match, side) for match in matches}

    def _taken(self, match: tuple[int, ...], side: _Side) -> tuple[int, int, int]:
        stays = {match[k]: number for k, number in side.stays}
        waiting, there, matched = list(stays), set(stays), set(match)
        while waiting:
            new = [b for b in self.beside[waiting.pop()] if b not in there and b not in matched]
            there.update(new)
            waiting += new
        weight, bonds, atoms = 0, 0, []
        for a in there:
            number = stays.get(a)
            element = 0 if number is None else side.elements[number]
            weight += 0 if element else self.weights[a]
            degree = 0 if number is None else side.degrees[number]
            for b in self.beside[a]:
                if b in there and (number is None or b not in stays or (number, stays[b]) not in side.bound):
                    degree += 1
                    bonds += a < b
            atoms.append((element or self.elements[a], degree))
        return weight, bonds, mark_of(atoms)


class _Side:
    """A pattern on the left side of a template, beside the right side.

    Attributes:
        pattern: itself.
        stays: (place in the pattern, number of the map) of each atom that the product has.
        elements: by number of the map, of the atoms on the right side; 0 where it is that of the reactant.
        degrees: by number of the map, bonds on the right side.
        bound: numbers of the maps of two atoms that either side binds: the bond is what the right side says.
    """

    def __init__(self, pattern: Chem.Mol, product: Chem.Mol) -> None:
        mapped = [atom for atom in product.GetAtoms() if atom.GetAtomMapNum()]
        self.pattern = pattern
        self.elements = {atom.GetAtomMapNum(): atom.GetAtomicNum() for atom in mapped}
        self.degrees = {atom.GetAtomMapNum(): atom.GetDegree() for atom in mapped}
        numbers = [(atom.GetIdx(), atom.GetAtomMapNum()) for atom in pattern.GetAtoms()]
        self.stays = [(k, number) for k, number in numbers if number in self.elements]
        ends = [
            (bond.GetBeginAtom().GetAtomMapNum(), bond.GetEndAtom().GetAtomMapNum())
            for side in (pattern, product)
            for bond in side.GetBonds()
        ]
        self.bound = {*ends, *((b, a) for a, b in ends)}


def _made(sides: Sides, graphs: Sequence[_Graph]) -> np.ndarray | None:
    """Weight, bonds and mark of all products, int64 [n, 3]; None where they are not known."""
    for side in (sides.reactants, [sides.product]):
        maps = [atom.GetAtomMapNum() for mol in side for atom in mol.GetAtoms() if atom.GetAtomMapNum()]
        if len(set(maps)) < len(maps):  # an atom that is there twice
            return None
    named = [atom for atom in sides.product.GetAtoms() if atom.GetAtomicNum()]
    if any(atom.GetAtomicNum() == 1 or atom.GetIsotope() or atom.HasProp("_QueryIsotope") for atom in named):
        return None
    new = [atom for atom in named if not atom.GetAtomMapNum()]
    start = (
        sum(round(_GRAM * atom.GetMass()) for atom in named),
        sides.product.GetNumBonds(),
        mark_of((atom.GetAtomicNum(), atom.GetDegree()) for atom in new),
    )
    totals = np.array([start], dtype=np.int64)
    for pattern, blocks in zip(sides.reactants, sides.blocks, strict=True):
        side, different = _Side(pattern, sides.product), set[tuple[int, int, int]]()
        for block in blocks:
            left = graphs[block].left(side)
            if left is None:
                return None
            different |= left
        if len(totals) * len(different) > _MOST_SUMS:
            return None
        parts = np.array(list(different), dtype=np.int64).reshape(-1, 3)
        totals = np.unique((totals[:, None] + parts).reshape(-1, 3), axis=0)
    return totals
