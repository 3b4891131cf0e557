"""What one reaction can make of blocks, by weight: which reactions may have given a molecule, without chemistry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem

from molgfn.chemistry.reactions.weighing.kind import kind_of, near

#: matches of a pattern in a block that are looked at; ways in which the blocks of one reaction may weigh together
_MOST_MATCHES, _MOST_SUMS = 1000, 1_000_000

#: weight of heavy atoms in g/mol, and number of bonds between heavy atoms
Heavy = tuple[float, int]


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
    """The kinds (see ``kind``) of all products of one reaction of blocks.

    As RDKit runs a reaction, a product is what the right side of the template names and, of each block, the atoms that
    hang on mapped ones; what hangs only on atoms that leave, leaves with them. So its weight and its number of bonds
    are sums over the blocks, and those of all products of a reaction come out of a few numbers for each block.

    Args:
        blocks: all.
        reactions: by index; None: one of which this is not known, so that it may have given anything.
    """

    def __init__(self, blocks: Sequence[Chem.Mol], reactions: Sequence[Sides | None]) -> None:
        graphs = [_Graph(mol) for mol in blocks]
        self._always: list[int] = []
        self._of: dict[int, list[int]] = {}
        for r, sides in enumerate(reactions):
            found = None if sides is None else _kinds(sides, graphs)
            if found is None:
                self._always.append(r)
            for number in found or ():
                self._of.setdefault(number, []).append(r)

    def reactions(self, kind: int) -> list[int]:
        """Those that may give a molecule of this kind from blocks alone, sorted; all others do not."""
        found = self._of.get(kind, [])
        return sorted([*found, *self._always]) if self._always else found

    def may_give(self, kind: int) -> bool:
        """Whether there is any."""
        return bool(self._always) or kind in self._of


class _Graph:
    """What is read of a block."""

    def __init__(self, mol: Chem.Mol) -> None:
        self.mol = mol
        self.masses = [atom.GetMass() for atom in mol.GetAtoms()]
        self.bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
        self.beside: list[list[int]] = [[] for _ in self.masses]
        for a, b in self.bonds:
            self.beside[a].append(b)
            self.beside[b].append(a)
        self.heavy = mol.GetNumHeavyAtoms() == len(self.masses)

    def left(self, template: _Side) -> set[Heavy] | None:
        """Of what a product takes from the block, for each match of a pattern; None where that is not known."""
        matches = self.mol.GetSubstructMatches(template.pattern, uniquify=False, maxMatches=_MOST_MATCHES + 1)
        if not self.heavy or len(matches) > _MOST_MATCHES:
            return None
        shapes = {
            (frozenset(match), frozenset((match[k], n) for k, n in template.stays)): None for match in matches
        }  # most matches of a symmetric block take the same
        return {self._taken(matched, dict(stays), template) for matched, stays in shapes}

    def _taken(self, matched: frozenset[int], stays: dict[int, int], template: _Side) -> Heavy:
        waiting, there = list(stays), set(stays)
        while waiting:
            new = [b for b in self.beside[waiting.pop()] if b not in there and b not in matched]
            there.update(new)
            waiting += new
        weight = sum(self.masses[a] for a in there if a not in stays or stays[a] in template.unnamed)
        bonds = 0
        for a, b in self.bonds:
            if a in there and b in there:
                pair = frozenset((stays.get(a, 0), stays.get(b, 0)))
                bonds += 0 in pair or pair not in template.bonded
        return round(weight, 6), bonds


class _Side:
    """A pattern on the left side, beside the right side.

    Attributes:
        pattern: itself.
        stays: (place in the pattern, number of the map) of each atom that the product has.
        unnamed: numbers of maps of which the right side does not say the element, which is then that of the reactant.
        bonded: numbers of the maps of two atoms that either side binds: their bond is what the right side says.
    """

    def __init__(self, pattern: Chem.Mol, product: Chem.Mol) -> None:
        elements = {atom.GetAtomMapNum(): atom.GetAtomicNum() for atom in product.GetAtoms() if atom.GetAtomMapNum()}
        self.pattern = pattern
        numbers = [(atom.GetIdx(), atom.GetAtomMapNum()) for atom in pattern.GetAtoms()]
        self.stays = [(k, number) for k, number in numbers if number in elements]
        self.unnamed = {number for number, element in elements.items() if element == 0}
        self.bonded = {
            frozenset((bond.GetBeginAtom().GetAtomMapNum(), bond.GetEndAtom().GetAtomMapNum()))
            for side in (pattern, product)
            for bond in side.GetBonds()
        }


def _kinds(sides: Sides, graphs: Sequence[_Graph]) -> set[int] | None:
    """Of all products; None where that is not known."""
    for side in (sides.reactants, [sides.product]):
        maps = [atom.GetAtomMapNum() for mol in side for atom in mol.GetAtoms() if atom.GetAtomMapNum()]
        if len(set(maps)) < len(maps):  # an atom that is there twice
            return None
    named = [atom for atom in sides.product.GetAtoms() if atom.GetAtomicNum()]
    if any(atom.GetAtomicNum() == 1 or atom.GetIsotope() or atom.HasProp("_QueryIsotope") for atom in named):
        return None
    totals: set[Heavy] = {(round(sum(atom.GetMass() for atom in named), 6), sides.product.GetNumBonds())}
    for pattern, blocks in zip(sides.reactants, sides.blocks, strict=True):
        template, different = _Side(pattern, sides.product), set[Heavy]()
        for block in blocks:
            left = graphs[block].left(template)
            if left is None:
                return None
            different |= left
        if len(totals) * len(different) > _MOST_SUMS:
            return None
        totals = {(round(a + c, 6), b + d) for a, b in totals for c, d in different}
    return {number for weight, bonds in totals for number in near(kind_of(weight, bonds))}
