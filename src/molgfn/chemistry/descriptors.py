"""What molecules look like in a few numbers: size, lipophilicity, rings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molgfn.chemistry.molecules import Molecule

#: name -> its words with units
LABELS: dict[str, str] = {
    "weight": "molecular weight (g/mol)",
    "logp": "Crippen logP",
    "tpsa": "TPSA (Å²)",
    "heavy_atoms": "heavy atoms",
    "rings": "rings",
    "rotatable_bonds": "rotatable bonds",
}


def describe(molecules: Sequence[Molecule]) -> dict[str, np.ndarray]:
    """Every descriptor of every valid molecule, name -> float64 [V], in order; invalid ones are left out."""
    from rdkit.Chem import Descriptors, rdMolDescriptors  # half a second that not every use of a molecule should wait

    functions = {
        "weight": Descriptors.MolWt,  # type: ignore[attr-defined]
        "logp": lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
        "tpsa": rdMolDescriptors.CalcTPSA,
        "heavy_atoms": lambda mol: mol.GetNumHeavyAtoms(),
        "rings": rdMolDescriptors.CalcNumRings,
        "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
    }
    mols = [molecule.mol for molecule in molecules if molecule.mol is not None]
    return {name: np.array([functions[name](mol) for mol in mols], dtype=float) for name in LABELS}
