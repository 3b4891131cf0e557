"""Rules that bring molecules of many sources into one form, each of which may say that a molecule is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field
from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import canonical_smiles, implicit_hydrogens
from molgfn.errors import ConfigError

_ISOTOPE = re.compile(r"\[\d")
_STEREO = re.compile(r"[@/\\]")


@dataclass(frozen=True, kw_only=True)
class Standardisation:
    """What is done to each molecule, in this order; a molecule that a rule leaves out keeps the named reason.

    Args:
        salts: what becomes of a molecule of several parts. largest: its largest part with carbon stays (reason
            ``no organic part`` where there is none); drop: it is left out (``salt``); keep: it stays as it is.
        isotopes: keep labels as they are, or remove them.
        charges: neutralise: protons are taken off and put on where that makes atoms neutral, and what cannot be
            neutralised stays (quaternary nitrogen, and an anion that balances it); drop: molecules with a net charge
            are left out (``charged``); keep: they stay.
        stereo: keep the marks at atoms and double bonds, or remove them.
        elements: symbols that are allowed beside hydrogen, such as [C, N, O]; None allows all (reason ``element``).
        min_atoms: fewest heavy atoms (reason ``too small``).
        max_atoms: most heavy atoms; None for no limit (reason ``too large``).
        duplicates: drop what has been seen already, by the canonical SMILES after all other rules (reason
            ``duplicate``); applied where a whole set is read, not to a single molecule.

    Raises:
        ConfigError: ``min_atoms`` above ``max_atoms``, or a symbol that is no element.

    Reference:
        rdkit.Chem.MolStandardize.rdMolStandardize, ``LargestFragmentChooser`` and ``Uncharger``.
    """

    salts: Literal["keep", "largest", "drop"] = "largest"
    isotopes: Literal["keep", "remove"] = "keep"
    charges: Literal["keep", "neutralise", "drop"] = "keep"
    stereo: Literal["keep", "remove"] = "keep"
    elements: list[str] | None = None
    min_atoms: Annotated[int, Field(ge=1)] = 1
    max_atoms: Annotated[int, Field(ge=1)] | None = None
    duplicates: Literal["keep", "drop"] = "drop"

    def __post_init__(self) -> None:
        if self.max_atoms is not None and self.min_atoms > self.max_atoms:
            raise ConfigError(f"min_atoms ({self.min_atoms}) is above max_atoms ({self.max_atoms})")
        known = _elements()
        if unknown := [symbol for symbol in self.elements or () if symbol not in known]:
            raise ConfigError(f"elements: {', '.join(map(repr, unknown))} is no element; write symbols such as C or Cl")

    def __call__(self, molecule: Molecule) -> Molecule:
        """The molecule in standard form, or a failed one whose ``problem`` is the reason; never raises.

        A molecule to which nothing has to be done is returned as it is. One that has failed stays so.
        """
        if molecule.mol is None:
            return molecule
        try:
            return self._apply(molecule)
        except (RuntimeError, ValueError) as error:  # what RDKit's C++ raises
            return Molecule.failed(f"standardisation: {molecule.smiles}: {' '.join(str(error).split())[:100]}")

    def _apply(self, molecule: Molecule) -> Molecule:
        # the canonical SMILES says at once what a molecule has none of: most drug-like molecules pass untouched
        smiles, mol = molecule.smiles, molecule.mol
        if mol is None:
            return molecule
        several, bracket = "." in smiles, "[" in smiles
        if several and self.salts == "drop":
            return _left_out("salt", molecule)
        if several and self.salts == "largest":
            mol = _largest().choose(mol)
            if not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()):
                return _left_out("no organic part", molecule)
        if bracket and self.isotopes == "remove" and _ISOTOPE.search(smiles):
            mol = _without_isotopes(mol)
        if bracket and self.charges == "neutralise" and _has_charge(mol):
            mol = _uncharger().uncharge(mol)
        if bracket and self.charges == "drop" and Chem.GetFormalCharge(mol):
            return _left_out("charged", molecule)
        rebuilt = mol is not molecule.mol
        if self.stereo == "remove" and _STEREO.search(smiles):
            mol = mol if rebuilt else Chem.Mol(mol)
            Chem.RemoveStereochemistry(mol)
        if self.elements is not None:
            foreign = {atom.GetSymbol() for atom in mol.GetAtoms()} - {*self.elements, "H"}
            if foreign:
                return _left_out("element", molecule, ", ".join(sorted(foreign)))
        size = mol.GetNumHeavyAtoms()
        if size < self.min_atoms:
            return _left_out("too small", molecule, f"{size} heavy atoms")
        if self.max_atoms is not None and size > self.max_atoms:
            return _left_out("too large", molecule, f"{size} heavy atoms")
        if rebuilt:
            return Molecule.from_mol(mol)
        # marks that are taken off leave nothing to sanitise
        return molecule if mol is molecule.mol else Molecule(mol, canonical_smiles(mol))


def _left_out(reason: str, molecule: Molecule, detail: str = "") -> Molecule:
    return Molecule.failed(f"{reason}: {molecule.smiles[:80]}" + (f" ({detail})" if detail else ""))


def _has_charge(mol: Chem.Mol) -> bool:
    return any(atom.GetFormalCharge() for atom in mol.GetAtoms())


def _without_isotopes(mol: Chem.Mol) -> Chem.Mol:
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    mol = implicit_hydrogens(mol)  # deuterium is an atom of its own until it is plain hydrogen
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)  # a centre may have been one by its isotopes alone
    return mol


@cache
def _elements() -> frozenset[str]:
    table = Chem.GetPeriodicTable()
    return frozenset(table.GetElementSymbol(number) for number in range(1, 119))


@cache
def _largest() -> Any:
    return rdMolStandardize.LargestFragmentChooser(preferOrganic=True)


@cache
def _uncharger() -> Any:
    return rdMolStandardize.Uncharger()
