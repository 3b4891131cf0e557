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
        radicals: molecules with an unpaired electron, such as the bare ``[Cl]`` that some files have for a chloride.
        small_parts: SMILES -> molecules of several parts with it beside their largest part.
        radical_parts: SMILES of the part with the unpaired electron -> molecules.
    """

    def __init__(self) -> None:
        self.molecules = 0
        self.sizes: Counter[int] = Counter()
        self.elements: Counter[str] = Counter()
        self.charged = self.charged_atoms = self.stereo = self.isotopes = self.salts = self.radicals = 0
        self.small_parts: Counter[str] = Counter()
        self.radical_parts: Counter[str] = Counter()
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
        if "." in smiles:
            self.salts += 1
            parts = sorted(Chem.GetMolFrags(mol, asMols=True), key=_size)
            self.small_parts.update({Chem.MolToSmiles(part) for part in parts[:-1]})
        self.stereo += any(mark in smiles for mark in "@/\\")
        if "[" in smiles:  # no bracket in the canonical SMILES: no charge, no isotope, no radical
            self.charged += Chem.GetFormalCharge(mol) != 0
            self.charged_atoms += any(atom.GetFormalCharge() for atom in atoms)
            self.isotopes += any(atom.GetIsotope() for atom in atoms)
            if any(atom.GetNumRadicalElectrons() for atom in atoms):
                self.radicals += 1
                parts = Chem.GetMolFrags(mol, asMols=True)
                self.radical_parts.update({Chem.MolToSmiles(part) for part in parts if _is_radical(part)})

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


def _size(part: Chem.Mol) -> tuple[int, str]:
    return part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)


def _is_radical(part: Chem.Mol) -> bool:
    return any(atom.GetNumRadicalElectrons() for atom in part.GetAtoms())
