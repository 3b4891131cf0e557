"""Bemis-Murcko scaffolds."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgfn.chemistry.molecules import Molecule


def murcko(molecule: Molecule) -> str:
    """Canonical SMILES of the ring systems and the linkers between them, stereo-free; "" where there is no ring.

    Atoms bonded to the scaffold by a double bond stay, as RDKit has it. Raises ``ValueError`` for an invalid molecule.

    Reference: Bemis and Murcko, "The Properties of Known Drugs. 1", J. Med. Chem. 1996, 39, 2887.
    """
    if molecule.mol is None:
        raise ValueError(f"an invalid molecule has no scaffold: {molecule.problem}")
    scaffold = MurckoScaffold.GetScaffoldForMol(molecule.mol)
    Chem.RemoveStereochemistry(scaffold)
    return Chem.MolToSmiles(scaffold)
