"""Structures with dummy atoms where bonds were, or will be: hydrogens put in their place."""

from __future__ import annotations

from rdkit import Chem


def capped(mol: Chem.Mol) -> tuple[str, tuple[int, ...]] | None:
    """A hydrogen for each dummy atom.

    It is written down with its atom, for an aromatic nitrogen has none to take otherwise ([nH]).

    Args:
        mol: sanitised; each dummy atom has one bond, a single one, to an atom that is no dummy.

    Returns:
        Canonical SMILES without stereo marks and atom maps, and per dummy atom, in their order, the atom of that SMILES
        that it was bonded to. None where nothing is left, or what is left is no molecule.
    """
    grown = Chem.RWMol(mol)
    beside: list[int] = []
    dummies = [atom for atom in grown.GetAtoms() if atom.GetAtomicNum() == 0]
    for dummy in dummies:
        (atom,) = dummy.GetNeighbors()
        atom.SetNumExplicitHs(atom.GetNumExplicitHs() + 1)
        beside.append(atom.GetIdx())
    gone = sorted(dummy.GetIdx() for dummy in dummies)
    for index in reversed(gone):
        grown.RemoveAtom(index)
    if not grown.GetNumAtoms():
        return None
    for atom in grown.GetAtoms():
        atom.SetAtomMapNum(0)
    if Chem.SanitizeMol(grown, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    Chem.RemoveStereochemistry(grown)
    smiles = Chem.MolToSmiles(grown)
    order = list(grown.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
    return smiles, tuple(order.index(atom - sum(g < atom for g in gone)) for atom in beside)
