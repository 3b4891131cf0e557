"""What makes two molecules the same: one canonical SMILES for each, whatever file and format it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from rdkit import Chem

#: marks of a SMILES that may stand for more or less than a molecule: dummies, atom maps, hydrogens, any bond
_UNUSUAL = re.compile(r"[*~]|:\d+\]|\[\d*H|\[#0")
_PLAIN_BONDS = frozenset(
    {
        Chem.BondType.SINGLE,
        Chem.BondType.DOUBLE,
        Chem.BondType.TRIPLE,
        Chem.BondType.QUADRUPLE,
        Chem.BondType.AROMATIC,
        Chem.BondType.DATIVE,
    }
)
#: numberings that a molecule is written in where its canonical SMILES may depend on them; and forms at most
_NUMBERINGS, _FORMS = 4, 32


def canonical_smiles(mol: Chem.Mol) -> str:
    """The identity of a sanitised molecule: its canonical SMILES, the same after it is read back.

    RDKit's canonical SMILES depends on the numbering of the atoms where stereocentres depend on each other (two ways
    round a ring that differ by nothing else). There, and only there, the least of the forms that reading back and
    other numberings give is taken: stereocentres with two neighbours that are alike but for stereo are the sign. Of
    random bridged cages with such centres about one in 250 still has two, which are mirror images of one another.
    """
    smiles = Chem.MolToSmiles(mol)
    if smiles.count("@") - smiles.count("@@") < 2 or not _stereo_depends(mol):
        return smiles
    forms, waiting = {smiles}, [smiles]
    while waiting and len(forms) < _FORMS:
        again = Chem.MolFromSmiles(waiting.pop())
        if again is None:
            break
        for order in _numberings(again.GetNumAtoms()):
            form = Chem.MolToSmiles(Chem.RenumberAtoms(again, order))
            if form not in forms:
                forms.add(form)
                waiting.append(form)
    return min(forms)


def flat_smiles(mol: Chem.Mol, *, isotopes: bool = True) -> str:
    """``canonical_smiles`` without stereo marks, and without isotopes too where they do not count."""
    if not isotopes:
        return Chem.MolToSmiles(mol, isomericSmiles=False)
    flat = Chem.Mol(mol)
    Chem.RemoveStereochemistry(flat)
    return Chem.MolToSmiles(flat)


def unusual(smiles: str) -> bool:
    """Whether a SMILES may hold what ``plain`` takes off or refuses; most are seen at once to hold none of it."""
    return ("[" in smiles or "*" in smiles or "~" in smiles) and _UNUSUAL.search(smiles) is not None


def plain(mol: Chem.Mol) -> Chem.Mol | str:
    """A molecule without what its format left in it, or the reason why it is no molecule.

    Atom maps are taken off, and hydrogens that are atoms of their own, also on N, P and S with a double bond (whose
    E/Z marks go with them) where the formats disagree; isotopes, bare hydrogen and bridging ones stay. What comes back
    is as if read from its SMILES: without coordinates, properties and enhanced stereo.

    Args:
        mol: sanitised.

    Returns:
        The molecule, or a reason such as ``dummy atom``, ``query atom`` or ``query bond``.
    """
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            return "dummy atom"
        if atom.HasQuery():
            return "query atom"
        atom.SetAtomMapNum(0)
    if any(bond.GetBondType() not in _PLAIN_BONDS for bond in mol.GetBonds()):
        return "query bond"
    for group in Chem.GetMolSubstanceGroups(mol):
        if group.HasProp("TYPE") and group.GetProp("TYPE") in ("SRU", "MON", "COP", "MUL"):
            return "polymer"
    again = Chem.MolFromSmiles(Chem.MolToSmiles(implicit_hydrogens(mol)))
    return "no SMILES" if again is None else again


def implicit_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """A copy whose hydrogens are atoms of their own only where they are isotopes, bare or bridging."""
    parameters = Chem.RemoveHsParameters()
    parameters.removeDefiningBondStereo = True
    parameters.removeNonimplicit = True
    parameters.removeMapped = True
    parameters.removeWithWedgedBond = True
    parameters.removeInSGroups = True
    parameters.showWarnings = False
    return Chem.RemoveHs(mol, parameters)


def _stereo_depends(mol: Chem.Mol) -> bool:
    """Whether a stereocentre has two neighbours that are alike but for stereo."""
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            around = [ranks[neighbour.GetIdx()] for neighbour in atom.GetNeighbors()]
            if len(set(around)) < len(around):
                return True
    return False


def _numberings(atoms: int) -> Sequence[list[int]]:
    """The order as it is, backwards, and two others that depend on nothing but the number of atoms."""
    random = np.random.default_rng(0)
    others = [random.permutation(atoms).tolist() for _ in range(_NUMBERINGS - 2)]
    return [list(range(atoms)), list(range(atoms))[::-1], *others]
