"""Molecules cut into pieces at the bonds that BRICS breaks.

Reference: Degen et al., "On the Art of Compiling and Using 'Drug-Like' Chemical Fragment Spaces",
ChemMedChem 2008, 3, 1503 (BRICS). Only acyclic single bonds are cut, because joins are single bonds.
"""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import BRICS

from molgfn.chemistry.molecules import Molecule

#: added to the label on a dummy atom that stands for something else than carbon; twice for nitrogen
HETERO = 100


def cut(molecule: Molecule) -> list[str] | str:
    """SMILES of the pieces, with a dummy atom where a bond was, or a reason.

    What a dummy atom tells is read by ``read_mark``. The reason is a name, a colon and what is said of it; see
    ``Molecule.problem``.
    """
    if molecule.mol is None:
        return molecule.problem or "not a molecule"
    if any(atom.GetAtomicNum() == 0 for atom in molecule.mol.GetAtoms()):
        return f"dummy atom: {molecule.smiles[:80]}"
    mol = Chem.Mol(molecule.mol)
    Chem.RemoveStereochemistry(mol)
    if len(Chem.GetMolFrags(mol)) > 1:
        return f"several components (a salt?): {molecule.smiles[:80]}"
    bonds = brics_bonds(mol)
    if not bonds:
        return [Chem.MolToSmiles(mol)]
    marks = []  # the first of two goes to the dummy that is bonded to the end atom and stands for the begin atom
    for index, (begin, end) in bonds.items():
        bond = mol.GetBondWithIdx(index)
        ends = (bond.GetBeginAtom().GetAtomicNum(), bond.GetEndAtom().GetAtomicNum())
        hetero = [HETERO * ((number != 6) + (number == 7)) for number in ends]
        marks.append((end + hetero[0], begin + hetero[1]))
    return Chem.MolToSmiles(Chem.FragmentOnBonds(mol, list(bonds), dummyLabels=marks)).split(".")


def read_mark(dummy: Chem.Atom) -> tuple[str, bool, bool]:
    """Label of the atom that a dummy atom is bonded to; whether the dummy stands for something else than carbon; and
    whether for nitrogen.
    """
    label, mark = dummy.GetIsotope() % HETERO, dummy.GetIsotope() // HETERO
    return str(label), mark > 0, mark > 1


def brics_bonds(mol: Chem.Mol) -> dict[int, tuple[int, int]]:
    """Acyclic single bonds between heavy atoms that BRICS cuts: by index, the labels of begin atom and end atom."""
    chosen = {}
    for (i, j), (label, other) in BRICS.FindBRICSBonds(mol):
        bond = mol.GetBondBetweenAtoms(i, j)
        if bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing():
            labels = int(label), int(other)
            chosen[bond.GetIdx()] = labels if bond.GetBeginAtomIdx() == i else labels[::-1]
    return dict(sorted(chosen.items()))
