"""MOL blocks with bonds of type 4 (aromatic): which single and double bonds, and hydrogens, they can stand for.

A MOL block has no field for the hydrogen of a pyrrole's nitrogen. Where its bonds are single and double the hydrogen
follows from them; where they are aromatic it does not, unless it is an atom of its own. RDKit then takes it that there
is none: pyrroles cannot be read, and imidazolones become other molecules. So all places are tried here, and those
under which every bond of type 4 is aromatic are what the block may stand for.
"""

from __future__ import annotations

import re
from itertools import chain, combinations, product
from math import prod

from rdkit import Chem

#: bonds of type 4 of V2000 and V3000
AROMATIC_BONDS = re.compile(r"^(?:[ \d]{6}  4(?:[ \d]{3}|\s*$)|M  V30 +\d+ +4 +\d+ +\d+)", re.MULTILINE)
_V3000_BOND = re.compile(r"^(M  V30 +\d+ +)(\d+)( +\d+ +\d+.*)$", re.DOTALL)
_SINGLE, _AROMATIC = Chem.BondType.SINGLE, Chem.BondType.AROMATIC
_TYPES = {_SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
#: elements that are aromatic with two neighbours both with and without a hydrogen
_EITHER_WAY = frozenset({7, 15, 33})
#: atoms of one ring system that may have a hydrogen or not, and readings of a block, above which none is sought
_MOST_ATOMS, _MOST_READINGS = 8, 32


def kekule_blocks(block: str) -> list[str] | None:
    """The blocks with single and double bonds that a block with bonds of type 4 may stand for.

    Several may be the same molecule. Atoms, coordinates, charges and the other bonds stay.

    Returns:
        None where there are none: RDKit cannot read the block, or the bonds cannot be single and double in turn. Empty
        where they cannot be told: no hydrogens make all the bonds aromatic, or there are too many ways to try.
    """
    mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
    if mol is None:
        return None
    choices = []
    for system in _systems(mol):
        found = _placements(mol, system)
        if not found:
            return None if found is None else []
        choices.append(found)
    if prod(map(len, choices)) > _MOST_READINGS:
        return []
    blocks = []
    for chosen in product(*choices):
        kekule = _kekule(mol, [atom for placement in chosen for atom in placement])
        if kekule is None:
            return None
        written = _with_bonds(block, kekule)
        if written is None:
            return []
        blocks.append(written)
    return blocks


def _systems(mol: Chem.Mol) -> list[set[int]]:
    """The atoms of each set of bonds of type 4 that hang together."""
    systems: list[set[int]] = []
    for bond in mol.GetBonds():
        if bond.GetBondType() == _AROMATIC:
            ends = {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()}
            touched = [system for system in systems if system & ends]
            systems = [system for system in systems if not system & ends]
            systems.append(ends.union(*touched))
    return systems


def _placements(mol: Chem.Mol, system: set[int]) -> list[tuple[int, ...]] | None:
    """The sets of atoms of a system which may have the hydrogens; as ``kekule_blocks`` where there is none."""
    atoms = [mol.GetAtomWithIdx(i) for i in sorted(system)]
    given = any(n.GetAtomicNum() == 1 for atom in atoms for n in atom.GetNeighbors())
    free = [] if given else [atom.GetIdx() for atom in atoms if _is_free(atom)]
    if not free:  # what the hydrogens are is known, whatever a program calls aromatic
        return [()]
    if len(free) > _MOST_ATOMS:
        return []
    alone = Chem.RWMol(mol)
    bonds = []
    for bond in alone.GetBonds():
        if bond.GetBondType() == _AROMATIC and bond.GetBeginAtomIdx() in system:
            bonds.append(bond.GetIdx())
        elif bond.GetBondType() == _AROMATIC:
            bond.SetBondType(_SINGLE)
    sets = chain.from_iterable(combinations(free, n) for n in range(len(free) + 1))
    read = [(places, kekule) for places in sets if (kekule := _kekule(alone, places)) is not None]
    found = [places for places, sane in read if all(sane.GetBondWithIdx(i).GetIsAromatic() for i in bonds)]
    return found if read else None


def _is_free(atom: Chem.Atom) -> bool:
    return (
        atom.GetAtomicNum() in _EITHER_WAY
        and atom.GetDegree() == 2
        and not atom.GetFormalCharge()
        and not atom.GetNumRadicalElectrons()
        and not atom.GetNoImplicit()
        and all(bond.GetBondType() == _AROMATIC for bond in atom.GetBonds())
    )


def _kekule(mol: Chem.Mol, places: tuple[int, ...] | list[int]) -> Chem.Mol | None:
    """A copy with hydrogens at some atoms: single and double bonds, and flags that say what is aromatic."""
    mol = Chem.Mol(mol)
    for bond in mol.GetBonds():
        aromatic = bond.GetBondType() == _AROMATIC
        bond.SetIsAromatic(aromatic)
        if aromatic:
            bond.GetBeginAtom().SetIsAromatic(True)
            bond.GetEndAtom().SetIsAromatic(True)
    for place in places:
        mol.GetAtomWithIdx(place).SetNumExplicitHs(1)
    if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    Chem.Kekulize(mol)
    return mol


def _with_bonds(block: str, kekule: Chem.Mol) -> str | None:
    """The block with the types of bonds of a molecule that was read from it; None where they are not found there."""
    types = [_TYPES.get(bond.GetBondType()) for bond in kekule.GetBonds()]
    lines = block.split("\n")
    first = 4 + kekule.GetNumAtoms()
    found = _v3000_bonds(lines) if "V3000" in lines[3] else _v2000_bonds(lines, first, first + len(types))
    if len(found) != len(types):
        return None
    for (i, before, old, after), new in zip(found, types, strict=True):
        if old.strip() == "4":
            if new is None:
                return None
            lines[i] = f"{before}{new:>{len(old)}}{after}"
    return "\n".join(lines)


def _v2000_bonds(lines: list[str], start: int, end: int) -> list[tuple[int, str, str, str]]:
    """Per bond the number of its line, and the text before its type, the type and the text after it."""
    return [(i, line[:6], line[6:9], line[9:]) for i, line in enumerate(lines[start:end], start=start)]


def _v3000_bonds(lines: list[str]) -> list[tuple[int, str, str, str]]:
    """As ``_v2000_bonds``; lines that go on with the one above (which ends in a hyphen) are no bonds."""
    found, inside = [], False
    for i, line in enumerate(lines):
        if line.startswith("M  V30 BEGIN BOND"):
            inside = True
        elif line.startswith("M  V30 END BOND"):
            inside = False
        elif inside and not lines[i - 1].rstrip().endswith("-") and (bond := _V3000_BOND.match(line)):
            found.append((i, bond[1], bond[2], bond[3]))
    return found
