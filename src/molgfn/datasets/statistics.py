"""What a set of molecules is made of: sizes, elements, charges, stereo marks, salts, duplicates."""

from __future__ import annotations

from collections import Counter

import numpy as np
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule


class MoleculeStatistics:
    """Counts over molecules that are added one by one; none is kept.

    Attributes:
        molecules: how many were added.
        different: how many different canonical SMILES.
        sizes: heavy atoms -> molecules.
        elements: symbol -> molecules with it (hydrogen only where it is an atom of its own).
        charged: molecules with a net charge.
        charged_atoms: molecules with a charged atom, nitro groups and zwitterions among them.
        stereo: molecules with a stereo mark at an atom or a bond.
        isotopes: molecules with an isotope label.
        salts: molecules of several parts.
    """

    def __init__(self) -> None:
        self.molecules = 0
        self.sizes: Counter[int] = Counter()
        self.elements: Counter[str] = Counter()
        self.charged = self.charged_atoms = self.stereo = self.isotopes = self.salts = 0
        self._seen: set[str] = set()

    def add(self, molecule: Molecule) -> None:
        """Count one valid molecule."""
        mol, smiles = molecule.mol, molecule.smiles
        if mol is None:
            raise ValueError(f"a molecule that is none has no statistics: {molecule.problem}")
        self.molecules += 1
        self._seen.add(smiles)
        self.sizes[mol.GetNumHeavyAtoms()] += 1
        atoms = list(mol.GetAtoms())
        self.elements.update({atom.GetSymbol() for atom in atoms})
        self.salts += "." in smiles
        self.stereo += any(mark in smiles for mark in "@/\\")
        if "[" in smiles:  # no bracket in the canonical SMILES: no charge and no isotope
            self.charged += Chem.GetFormalCharge(mol) != 0
            self.charged_atoms += any(atom.GetFormalCharge() for atom in atoms)
            self.isotopes += any(atom.GetIsotope() for atom in atoms)

    @property
    def different(self) -> int:
        """Number of different canonical SMILES."""
        return len(self._seen)

    def size_quantiles(self, shares: tuple[float, ...] = (0.0, 0.05, 0.5, 0.95, 1.0)) -> list[int]:
        """Heavy atoms at the given shares of the molecules ordered by size; empty where there is no molecule."""
        if not self.molecules:
            return []
        sizes = np.array(sorted(self.sizes))
        reached = np.cumsum([self.sizes[size] for size in sizes.tolist()])
        ranks = np.ceil(np.array(shares) * self.molecules).clip(1)
        return sizes[np.searchsorted(reached, ranks)].tolist()
