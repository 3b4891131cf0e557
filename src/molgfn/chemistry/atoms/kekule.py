r"""Kekule forms of a molecule: how many there are, which, one drawn at random, and the symmetry correction.

Molecules that are built atom by atom are built in Kekule form, and a molecule with aromatic rings may have several. Two
forms that no permutation of atoms takes into each other are two states; a sampler of states with equivariant policies
gives each c(form) = 1 / |Aut(form)| too much mass (automorphisms that keep types and bond orders), and the molecule

    C(x) = sum over its non-isomorphic forms of 1 / |Aut(form)| = K(x) / |Aut(x)|,

K(x) the number of forms with the atoms numbered, |Aut(x)| that of the molecule with its aromatic bonds all alike:
Aut(x) permutes the K(x) forms, its orbits are the classes of isomorphic forms, and the stabiliser of a form is
Aut(form), so a class has |Aut(x)| / |Aut(form)| forms. Hence no form needs to be listed, and one drawn uniformly from
the K(x) is of a class with a probability in proportion to 1 / |Aut(form)|.

Which forms are one molecule RDKit decides: those that differ in aromatic bonds only, which bring all of them the same
canonical SMILES. The orders of other bonds belong to the molecule: pentalene's two forms are two molecules. An aromatic
atom has at most one double bond to an aromatic neighbour, and whether it has one its valence says (valences of an
element that go with the same hydrogens differ by two), so K(x) counts perfect matchings, and atoms have the same types
in all forms.

Reference: Kim et al., "Symmetry-Aware GFlowNets", arXiv 2506.02685, for the correction of graphs built node by node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import molecule_of
from molgfn.chemistry.atoms.canonical_graphs import Canonical, canonical
from molgfn.chemistry.atoms.matchings import Matchings
from molgfn.chemistry.atoms.rules import AtomRules
from molgfn.errors import DataError

_MOST_FORMS = 100_000


@dataclass(frozen=True)
class KekuleForm:
    """One class of isomorphic Kekule forms.

    Attributes:
        bonds: int8 [n, n], symmetric; orders of one of them.
        automorphisms: |Aut|, permutations of atoms that keep types and orders.
        labelled: number of forms of the class with the atoms numbered.
    """

    bonds: np.ndarray
    automorphisms: int
    labelled: int


class KekuleForms:
    """The Kekule forms of a molecule, atoms numbered as in the molecule.

    Args:
        mol: sanitised.
        bonds: int8 [n, n], the orders of one form; by default RDKit's.

    Attributes:
        count: their number, K(x).
    """

    def __init__(self, mol: Chem.Mol, bonds: np.ndarray | None = None) -> None:
        self._bonds = kekule_bonds(mol) if bonds is None else np.asarray(bonds, dtype=np.int8)
        pairs = aromatic_pairs(mol)
        doubled = sorted({atom for pair in pairs if self._bonds[pair] == 2 for atom in pair})
        place = {atom: i for i, atom in enumerate(doubled)}
        self._atoms = doubled
        self._pairs = [(a, b) for a, b in pairs if a in place and b in place]
        self._matchings = Matchings(len(doubled), [(place[a], place[b]) for a, b in self._pairs])
        self.count = self._matchings.count

    def __iter__(self) -> Iterator[np.ndarray]:
        """Bonds int8 [n, n] of each form."""
        for matching in self._matchings:
            yield self._with(matching)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Bonds int8 [n, n] of a form, each with the same probability."""
        return self._with(self._matchings.draw(rng))

    def _with(self, matching: list[tuple[int, int]]) -> np.ndarray:
        bonds = self._bonds.copy()
        for a, b in self._pairs:
            bonds[a, b] = bonds[b, a] = 1
        for i, j in matching:
            a, b = self._atoms[i], self._atoms[j]
            bonds[a, b] = bonds[b, a] = 2
        return bonds


def kekule_forms(types: np.ndarray, bonds: np.ndarray, rules: AtomRules) -> list[KekuleForm]:
    """The Kekule forms of the molecule of one of them, one for each class of isomorphic forms.

    Args:
        types: int [n], numbers of types.
        bonds: int8 [n, n], orders of a Kekule form.
        rules: the types.

    Raises:
        DataError: the arrays are no molecule, or it has over 100,000 forms.
    """
    forms = KekuleForms(_mol_of(types, bonds, rules), bonds)
    if forms.count > _MOST_FORMS:
        raise DataError(f"the molecule has {forms.count} Kekule forms; at most {_MOST_FORMS} are listed")
    classes: dict[Canonical, list[np.ndarray]] = {}
    for form in forms:
        classes.setdefault(canonical_form(types, form), []).append(form)
    return [KekuleForm(same[0], class_.automorphisms, len(same)) for class_, same in classes.items()]


def log_count(types: np.ndarray, bonds: np.ndarray, rules: AtomRules) -> float:
    """log C(x) of the molecule of a Kekule form; see ``log_symmetry``, which needs no arrays.

    Raises:
        DataError: the arrays are no molecule.
    """
    return log_symmetry(_mol_of(types, bonds, rules))


def log_symmetry(mol: Chem.Mol) -> float:
    """log C(x) = log K(x) - log |Aut(x)| of a sanitised, connected molecule; stereo marks are not looked at."""
    aromatic = any(mol.GetAtomWithIdx(i).GetIsAromatic() for i in range(mol.GetNumAtoms()))
    forms = KekuleForms(mol).count if aromatic else 1
    return log(forms) - log(molecule_automorphisms(mol))


def canonical_form(types: np.ndarray, bonds: np.ndarray) -> Canonical:
    """Key and |Aut| of a typed multigraph, finished or not.

    Args:
        types: int [n], numbers of types.
        bonds: int8 [n, n], orders.

    Returns:
        A key that is equal for two of them exactly when they are isomorphic, and the number of permutations of atoms
        that keep types and orders.
    """
    orders = np.asarray(bonds)
    begins, ends = np.nonzero(np.triu(orders))
    edges = zip(begins.tolist(), ends.tolist(), orders[begins, ends].tolist(), strict=True)
    return canonical(np.asarray(types).tolist(), list(edges))


def molecule_automorphisms(mol: Chem.Mol) -> int:
    """|Aut| of a molecule whose aromatic bonds are all alike."""
    atoms = [
        (a.GetAtomicNum(), a.GetFormalCharge(), a.GetIsotope(), a.GetTotalNumHs())
        for a in map(mol.GetAtomWithIdx, range(mol.GetNumAtoms()))
    ]
    names = {atom: i for i, atom in enumerate(sorted(set(atoms)))}
    bonds = map(mol.GetBondWithIdx, range(mol.GetNumBonds()))
    edges = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondType())) for b in bonds]
    return canonical([names[atom] for atom in atoms], edges).automorphisms


def _mol_of(types: np.ndarray, bonds: np.ndarray, rules: AtomRules) -> Chem.Mol:
    molecule = molecule_of(types, bonds, rules)
    if molecule.mol is None:
        raise DataError(f"a Kekule form is needed that is a molecule: {molecule.problem}")
    return molecule.mol


def aromatic_pairs(mol: Chem.Mol) -> list[tuple[int, int]]:
    """Ends of each bond of a sanitised molecule that is single or double (a triple bond of an aromatic ring is not)."""
    bonds = map(mol.GetBondWithIdx, range(mol.GetNumBonds()))
    return [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in bonds if b.GetBondType() == Chem.BondType.AROMATIC]


def kekule_bonds(mol: Chem.Mol) -> np.ndarray:
    """Orders int8 [n, n] of the Kekule form that RDKit writes."""
    kekule = Chem.Mol(mol)
    Chem.Kekulize(kekule, clearAromaticFlags=True)
    return Chem.GetAdjacencyMatrix(kekule, useBO=True).astype(np.int8)
