"""Molecules as arrays of atom types and bond orders in Kekule form, and back.

Stereo marks have no place in the arrays: a molecule that has them gives those of the molecule without.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from rdkit import Chem

from molgfn.chemistry.atoms.rules import AtomRules, AtomType, atom_type, known_types
from molgfn.chemistry.molecules import Molecule

_ORDERS = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
_ORDER_OF = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
#: elements whose hydrogens a SMILES leaves to the reader
_ORGANIC = frozenset({5, 6, 7, 8, 9, 15, 16, 17, 35, 53})


def molecule_of(types: np.ndarray, bonds: np.ndarray, rules: AtomRules) -> Molecule:
    """The molecule of a Kekule form; free valences are filled with hydrogens.

    Args:
        types: int [n], numbers of types.
        bonds: int8 [n, n], symmetric; the orders of bonds, 0 for none.
        rules: the types.

    Returns:
        A molecule with one of these problems where it is none: ``no atoms``, ``valence: ...`` (an atom has more bonds
        than its type, or a type without hydrogens has fewer), ``several components`` and those of ``from_mol``.
    """
    numbers, orders = np.asarray(types).tolist(), np.asarray(bonds)
    if not numbers:
        return Molecule.failed("no atoms")
    mol = Chem.RWMol()
    for number, used in zip(numbers, orders.sum(1).tolist(), strict=True):
        type_ = rules.types[number]
        free = type_.valence - used
        if free < 0 or (type_.saturated and free):
            return Molecule.failed(f"valence: {type_.name} should have {type_.valence}, and has bonds of order {used}")
        mol.AddAtom(_atom(type_, free))
    begins, ends = np.nonzero(np.triu(orders))
    for i, j, order in zip(begins.tolist(), ends.tolist(), orders[begins, ends].tolist(), strict=True):
        mol.AddBond(i, j, _ORDERS[order])
    return _connected(Molecule.from_mol(mol.GetMol()))


def arrays_of(mol: Chem.Mol | Molecule, rules: AtomRules) -> tuple[np.ndarray, np.ndarray] | str:
    """A Kekule form of a molecule, or the reason why it is outside the rules.

    Args:
        mol: a sanitised molecule; its stereo marks are left aside.
        rules: the types.

    Returns:
        types int64 [n] and bonds int8 [n, n], symmetric, atoms in the order of the molecule; or a reason:
        ``no molecule``, ``several components``, ``isotope``, ``radical``, ``bond`` (dative, quadruple),
        ``element Fe``, ``type S6`` (a known type that the rules do not have), ``type S+5`` (one that nothing has),
        ``hydrogen on S6``, ``bond order`` (higher than ``max_order``).
    """
    if isinstance(mol, Molecule):
        if mol.mol is None:
            return f"no molecule ({mol.problem})"
        mol = mol.mol
    kekule = Chem.RWMol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    n = kekule.GetNumAtoms()
    bonds = np.zeros((n, n), dtype=np.int8)
    for bond in map(kekule.GetBondWithIdx, range(kekule.GetNumBonds())):
        order = _ORDER_OF.get(bond.GetBondType())
        if order is None:
            return f"bond {str(bond.GetBondType()).lower()}"
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        bonds[i, j] = bonds[j, i] = order
    used = bonds.sum(1).tolist()
    number_of, known = rules.number_of(), _known()
    types = np.empty(n, dtype=np.int64)
    for i, atom in enumerate(map(kekule.GetAtomWithIdx, range(n))):
        if atom.GetIsotope():
            return "isotope"
        if atom.GetNumRadicalElectrons():
            return "radical"
        hydrogens = atom.GetTotalNumHs()
        key = atom.GetAtomicNum(), atom.GetFormalCharge(), used[i] + hydrogens
        number = number_of.get(key)
        if number is None:
            return _outside(atom, key, known, rules)
        if hydrogens and rules.types[number].saturated:
            return f"hydrogen on {rules.types[number].name}"
        types[i] = number
    if (bonds > rules.max_order[types[:, None], types]).any():
        return _too_high(types, bonds, rules)
    if not n:
        return "no molecule (no atoms)"
    if not _is_connected(mol):
        return "several components"
    return types, bonds


def has_stereo(mol: Chem.Mol) -> bool:
    """Whether a molecule has stereo marks, which the arrays lose."""
    return any(a.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for a in mol.GetAtoms()) or any(
        b.GetStereo() not in (Chem.BondStereo.STEREONONE, Chem.BondStereo.STEREOANY) for b in mol.GetBonds()
    )


@cache
def _atom(type_: AtomType, hydrogens: int) -> Chem.Atom:
    """A template; RDKit copies it into the molecule."""
    atom = Chem.Atom(type_.atomic_number)
    atom.SetFormalCharge(type_.charge)
    if type_.charge or type_.atomic_number not in _ORGANIC:  # what a SMILES writes in brackets
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(hydrogens)
    return atom


@cache
def _known() -> dict[tuple[int, int, int], str]:
    types = [atom_type(name) for name in known_types()]
    return {(t.atomic_number, t.charge, t.valence): t.name for t in types}


def _outside(
    atom: Chem.Atom, key: tuple[int, int, int], known: dict[tuple[int, int, int], str], rules: AtomRules
) -> str:
    number, charge, valence = key
    if all(number != t.atomic_number for t in rules.types):
        return f"element {atom.GetSymbol()}"
    sign = "" if not charge else ("+" if charge > 0 else "-") + (str(abs(charge)) if abs(charge) > 1 else "")
    return f"type {known.get(key, f'{atom.GetSymbol()}{valence}{sign}')}"


def _too_high(types: np.ndarray, bonds: np.ndarray, rules: AtomRules) -> str:
    i, j = np.argwhere(bonds > rules.max_order[types[:, None], types])[0].tolist()
    names = sorted((rules.types[types[i]].name, rules.types[types[j]].name))
    return f"bond of order {bonds[i, j]} between {names[0]} and {names[1]}"


def _is_connected(mol: Chem.Mol) -> bool:
    return len(Chem.GetMolFrags(mol)) == 1


def _connected(molecule: Molecule) -> Molecule:
    if molecule.mol is not None and not _is_connected(molecule.mol):
        return Molecule.failed("several components")
    return molecule
