"""Molecules as a SMILES gives them: without explicit hydrogens."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

from molgfn.chemistry.molecules import Molecule, mols_of


def without_hydrogens(molecules: Sequence[Molecule]) -> list[Chem.Mol]:
    """The ``mol`` of each molecule, hydrogens that are atoms of their own made implicit.

    Fingerprints and patterns count explicit hydrogens as atoms; a molecule that was parsed from SMILES has none (apart
    from those that SMILES keeps, such as deuterium) and is returned as it is.

    Raises:
        ValueError: A molecule is not valid.
    """
    return [m if m.GetNumHeavyAtoms() == m.GetNumAtoms() else Chem.RemoveHs(m) for m in mols_of(molecules)]
