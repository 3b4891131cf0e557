"""Counts and shares that chemists set windows for: donors, acceptors, rings, stereocentres ..."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.oracles.base import Oracle


class Descriptor(Oracle):
    """One number of a molecule's graph. Explicit hydrogens are not atoms of it.

    Fewer is declared better where nothing else is said; for a window use a ``Step`` (a filter) or a ``DoubleSigmoid``.
    """

    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """The number of each molecule, float64 [B]."""
        return np.array([self._of(mol) for mol in without_hydrogens(objects)], dtype=np.float64)

    @staticmethod
    @abstractmethod
    def _of(mol: Chem.Mol) -> float:
        """The number of one molecule."""


class HBD(Descriptor):
    """Hydrogen bond donors: N and O with a hydrogen (and S in a thiol), as RDKit counts them."""

    name: ClassVar[str] = "hbd"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcNumHBD"
    _of = staticmethod(rdMolDescriptors.CalcNumHBD)


class HBA(Descriptor):
    """Hydrogen bond acceptors, as RDKit counts them (not every N and O, unlike Lipinski's rule)."""

    name: ClassVar[str] = "hba"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcNumHBA"
    _of = staticmethod(rdMolDescriptors.CalcNumHBA)


class RotatableBonds(Descriptor):
    """Rotatable bonds by RDKit's strict definition: no amides, esters or bonds between rings that cannot turn."""

    name: ClassVar[str] = "rotatable_bonds"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcNumRotatableBonds (strict)"

    @staticmethod
    def _of(mol: Chem.Mol) -> float:
        return rdMolDescriptors.CalcNumRotatableBonds(mol)


class Rings(Descriptor):
    """Rings of the smallest set of smallest rings."""

    name: ClassVar[str] = "rings"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcNumRings"
    _of = staticmethod(rdMolDescriptors.CalcNumRings)


class AromaticRings(Descriptor):
    """Aromatic rings."""

    name: ClassVar[str] = "aromatic_rings"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcNumAromaticRings"
    _of = staticmethod(rdMolDescriptors.CalcNumAromaticRings)


class LargestRing(Descriptor):
    """Atoms of the largest ring (of the smallest set of smallest rings); 0 without one."""

    name: ClassVar[str] = "largest_ring"
    source: ClassVar[str] = "rdkit's smallest set of smallest rings"

    @staticmethod
    def _of(mol: Chem.Mol) -> float:
        return max(map(len, mol.GetRingInfo().AtomRings()), default=0)


class Fsp3(Descriptor):
    """Share of a molecule's carbons that are sp3, in [0, 1]; 0 where there is no carbon. More is better.

    Reference:
        Lovering et al., "Escape from flatland", J. Med. Chem. 52, 6752 (2009), doi:10.1021/jm901241e.
    """

    name: ClassVar[str] = "fsp3"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "rdkit.Chem.rdMolDescriptors.CalcFractionCSP3; Lovering et al. 2009, doi:10.1021/jm901241e"
    _of = staticmethod(rdMolDescriptors.CalcFractionCSP3)


class FormalCharge(Descriptor):
    """Sum of the formal charges, as the molecule is drawn (no pKa); for neutral ones a ``Step`` from 0 to 0."""

    name: ClassVar[str] = "formal_charge"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    source: ClassVar[str] = "rdkit.Chem.GetFormalCharge"
    _of = staticmethod(Chem.GetFormalCharge)


class Stereocentres(Descriptor):
    """Atoms that are stereocentres, assigned or not: a molecule without stereo marks has as many as one with them.

    Double bonds do not count.
    """

    name: ClassVar[str] = "stereocentres"
    source: ClassVar[str] = "rdkit.Chem.FindMolChiralCenters (not the legacy code), unassigned ones included"

    @staticmethod
    def _of(mol: Chem.Mol) -> float:
        # the search writes marks on the molecule that it is given, and oracles must leave theirs alone
        return len(Chem.FindMolChiralCenters(Chem.Mol(mol), includeUnassigned=True, useLegacyImplementation=False))


class HeavyAtoms(Descriptor):
    """Atoms other than hydrogen."""

    name: ClassVar[str] = "heavy_atoms"
    source: ClassVar[str] = "rdkit.Chem.Mol.GetNumHeavyAtoms"

    @staticmethod
    def _of(mol: Chem.Mol) -> float:
        return mol.GetNumHeavyAtoms()
