"""One shape of a molecule in space, the same wherever and whenever it is asked for."""

from __future__ import annotations

import hashlib

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import MolgfnError

#: force-field steps; what has not converged by then is taken as it is
MAX_STEPS = 2000


class ConformerError(MolgfnError, ValueError):
    """A molecule without a usable shape; the message names it and says why, ``reason`` is the kind, to be counted."""

    def __init__(self, message: str, reason: str = "no conformer") -> None:
        super().__init__(message)
        self.reason = reason


def molecule_seed(smiles: str, seed: int = 0) -> int:
    """A seed in [0, 2**31) that depends on the molecule and on ``seed``, not on what else is computed."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {smiles}".encode(), digest_size=4).digest(), "big") >> 1


def conformer(molecule: Molecule, *, seed: int = 0) -> Chem.Mol:
    """One conformer (ETKDGv3, then MMFF94, or UFF where MMFF94 has no parameters), with all hydrogens, in angstrom.

    It starts from ``molecule.smiles``, so the numbering of the atoms does not matter. Stereocentres that the SMILES
    leaves open are chosen by the seed; charges and tautomer stay as they are written. It is one low-lying shape, not
    the lowest. About 0.05 s for a drug-like molecule, seconds beyond 150 atoms.

    Args:
        molecule: a valid one, of one piece.
        seed: another seed gives another shape.

    Returns:
        A new molecule with hydrogens and one conformer.

    Raises:
        ConformerError: the molecule is invalid or has several pieces, cannot be embedded, or has atoms without
            force-field parameters.

    Reference:
        ETKDG: Riniker and Landrum, J. Chem. Inf. Model. 2015, 55, 2562, doi:10.1021/acs.jcim.5b00654. MMFF94: Halgren,
        J. Comput. Chem. 1996, 17, 490. UFF: Rappe et al., J. Am. Chem. Soc. 1992, 114, 10024.
    """
    smiles = molecule.smiles
    flat = Chem.MolFromSmiles(smiles) if smiles else None
    if flat is None:
        raise ConformerError(f"no conformer without a valid molecule ({molecule.problem or smiles or 'empty SMILES'})")
    if pieces := smiles.count("."):
        raise ConformerError(
            f"{smiles}: has {pieces + 1} pieces; a conformer is made for a molecule of one piece", "several pieces"
        )
    mol = Chem.AddHs(flat)
    options = rdDistGeom.ETKDGv3()
    options.randomSeed = molecule_seed(smiles, seed)
    options.maxIterations = 20  # where this does not do, more of the same rarely does
    if rdDistGeom.EmbedMolecule(mol, options) < 0:
        options.useRandomCoords = True  # for long chains and large rings
        options.maxIterations = 100
        if rdDistGeom.EmbedMolecule(mol, options) < 0:
            raise ConformerError(f"{smiles}: no conformer could be embedded", "no conformer could be embedded")
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=MAX_STEPS)
    elif rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        rdForceFieldHelpers.UFFOptimizeMolecule(mol, maxIters=MAX_STEPS)
    else:
        raise ConformerError(f"{smiles}: neither MMFF94 nor UFF has parameters for its atoms", "no force field")
    return mol
