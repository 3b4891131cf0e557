"""Rotatable bonds: which they are, the four atoms that measure each, what turns, and after which angle it repeats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from rdkit import Chem

#: which rotors of hydrogens alone turn, too: none, those of N, O and S (hydroxyl, thiol, amine), or methyl as well
HydrogenRotors = Literal["none", "polar", "all"]


@dataclass(frozen=True)
class Rotor:
    """A bond b-c about which a part of the molecule turns.

    Attributes:
        atoms: a, b, c, d, whose dihedral angle is the torsion; d turns with c's side, which is the smaller one.
        moving: the atoms of c's side that turn: all of it without c.
        order: n: after 2 pi / n the molecule is the same again (3 for CF3, 2 for a phenyl ring); 1 for no symmetry.
    """

    atoms: tuple[int, int, int, int]
    moving: tuple[int, ...]
    order: int

    @property
    def period(self) -> float:
        """Radians after which the shape repeats."""
        return 2 * math.pi / self.order


def rotors(mol: Chem.Mol, *, hydrogen_rotors: HydrogenRotors = "none", symmetric: bool = True) -> list[Rotor]:
    """The rotors of a molecule with its hydrogens, in the order of their bonds' atoms.

    A rotor is a single bond outside rings between two atoms that both have another heavy neighbour and no triple bond
    (so amide bonds are rotors); with ``hydrogen_rotors`` also one to an atom that has hydrogens alone beside it.

    ``symmetric`` gives a rotor the order of its symmetry: three equal branches of a tetrahedral end (CF3, t-butyl, and
    methyl where it turns) give 3, two equal ones of a planar end (phenyl, carboxylate, nitro) give 2, both ends
    together the least common multiple. Equal are branches that an automorphism of the molecular graph exchanges which
    leaves b and c in place, whatever the resonance form. A side on which another rotor turns counts as without
    symmetry: there the torsions repeat only together. The geometry is what was embedded, so that shapes one period
    apart are the same to about .01 A, not exactly.

    Args:
        mol: with hydrogens as atoms.
        hydrogen_rotors: see above.
        symmetric: look for symmetric ends; otherwise every order is 1.
    """
    bonds = _bonds(mol, hydrogen_rotors)
    found = []
    for b, c in bonds:
        side = _side(mol, b, c)
        if 2 * len(side) > mol.GetNumAtoms():
            b, c = c, b
            side = _side(mol, b, c)
        order = 1
        if symmetric:
            back = _side(mol, c, b)
            order = math.lcm(*(_fold(mol, *end, bonds, part) for end, part in (((b, c), side), ((c, b), back))))
        found.append(Rotor((_first(mol, b, c), b, c, _first(mol, c, b)), tuple(sorted(side - {c})), order))
    return found


def _bonds(mol: Chem.Mol, hydrogen_rotors: HydrogenRotors) -> list[tuple[int, int]]:
    found = []
    for bond in mol.GetBonds():
        b, c = bond.GetBeginAtom(), bond.GetEndAtom()
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE or not _turns(b, c):
            continue
        ends = [atom for atom, other in ((b, c), (c, b)) if _heavy_degree(atom) == 1]
        allowed = hydrogen_rotors == "all" or (hydrogen_rotors == "polar" and any(_polar(end) for end in ends))
        if not ends or allowed:
            found.append((b.GetIdx(), c.GetIdx()) if b.GetIdx() < c.GetIdx() else (c.GetIdx(), b.GetIdx()))
    return sorted(found)


def _turns(b: Chem.Atom, c: Chem.Atom) -> bool:
    """Both are heavy, have another neighbour, and no triple bond or cumulated double bonds, which are straight."""
    return all(
        atom.GetAtomicNum() > 1 and atom.GetDegree() > 1 and atom.GetHybridization() != Chem.HybridizationType.SP
        for atom in (b, c)
    )


def _heavy_degree(atom: Chem.Atom) -> int:
    return sum(neighbour.GetAtomicNum() > 1 for neighbour in atom.GetNeighbors())


def _polar(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() in (7, 8, 16)


def _side(mol: Chem.Mol, b: int, c: int) -> set[int]:
    """c and all atoms that hang on it when b-c is cut."""
    found, open_ = {c}, [c]
    while open_:
        for neighbour in mol.GetAtomWithIdx(open_.pop()).GetNeighbors():
            if (index := neighbour.GetIdx()) not in found and index != b:
                found.add(index)
                open_.append(index)
    return found


def _first(mol: Chem.Mol, b: int, c: int) -> int:
    """The neighbour of b other than c by which the torsion is measured: a heavy one, of these the first."""
    others = [n for n in mol.GetAtomWithIdx(b).GetNeighbors() if n.GetIdx() != c]
    return min(others, key=lambda n: (n.GetAtomicNum() == 1, n.GetIdx())).GetIdx()


def _fold(mol: Chem.Mol, b: int, c: int, bonds: list[tuple[int, int]], side: set[int]) -> int:
    """After which part of a turn the end c, seen from b, is the same again: 3, 2, or 1 for none."""
    if any(i in side and j in side for i, j in bonds):
        return 1
    atom = mol.GetAtomWithIdx(c)
    branches = [n.GetIdx() for n in atom.GetNeighbors() if n.GetIdx() != b]
    wanted = {Chem.HybridizationType.SP3: 3, Chem.HybridizationType.SP2: 2}.get(atom.GetHybridization(), 0)
    if wanted == 0 or wanted != len(branches):
        return 1
    marked = Chem.RWMol(mol)
    for one in marked.GetAtoms():  # all hydrogens are atoms, so these tell resonance forms apart and nothing else
        one.SetFormalCharge(0)
    for bond in marked.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
    for mark, index in enumerate((b, c)):
        marked.GetAtomWithIdx(index).SetIsotope(900 + mark)
    ranks = list(Chem.CanonicalRankAtoms(marked, breakTies=False, includeChirality=True))
    return wanted if len({ranks[branch] for branch in branches}) == 1 else 1
