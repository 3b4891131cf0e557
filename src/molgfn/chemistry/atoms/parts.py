"""Parts that every molecule has: a scaffold that is grown from, or a second one that is linked to it, as arrays.

A part is kept as it is. Only its atoms with a star take further bonds, single ones, one for each star. A star that
nothing is bonded to is a hydrogen, or has to be filled; those at atoms without hydrogens (sulfonyl) always have to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import arrays_of
from molgfn.chemistry.atoms.rules import AtomRules, AtomType, known_types
from molgfn.chemistry.fragments.fragment import give_up_hydrogen
from molgfn.chemistry.fragments.growing import Scaffold
from molgfn.errors import ConfigError

#: names of stars that have to be filled
Fill = Literal["all"] | Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Part:
    """A part of molecules, in one Kekule form, m atoms.

    Attributes:
        smiles: as it was given.
        types: what its atoms are.
        bonds: int8 [m, m], symmetric; orders.
        stars: int64 [m], stars at each atom.
        filled: bool [m], its stars have to be filled.
    """

    smiles: str
    types: tuple[AtomType, ...]
    bonds: np.ndarray
    stars: np.ndarray
    filled: np.ndarray

    @classmethod
    def parse(cls, smiles: str, key: str = "scaffold", fill: Fill = None) -> Part:
        """``c1ccc(*)cc1*``, ``Cc1ccn([*:1])n1``: stars are named by their numbers, else 1, 2 ... as they are written.

        Args:
            smiles: of the part.
            key: what messages call it.
            fill: names of the stars that have to be filled, or "all".

        Raises:
            ConfigError: not a SMILES, no star, stereo marks and so on (see ``Scaffold.parse``); an atom of a type that
                is not known; a star to be filled that is not there, or at an atom with another one that is not.
        """
        try:
            scaffold = Scaffold.parse(smiles)
        except ConfigError as error:
            raise ConfigError([problem.replace("scaffold:", f"{key}:", 1) for problem in error.problems]) from error
        known = AtomRules.from_names(known_types())
        found = arrays_of(_methylated(scaffold), known)
        if isinstance(found, str):
            raise ConfigError(f"{key}: '{smiles}' cannot be built of atoms: {found}")
        m = scaffold.fragment.mol().GetNumAtoms()
        numbers, bonds = found[0][:m], found[1][:m, :m]
        types = tuple(known.types[number] for number in numbers.tolist())
        names = scaffold.names
        wanted = set(names) if fill == "all" else set(fill or ())
        if unknown := sorted(wanted - set(names)):
            points = ", ".join(map(str, dict.fromkeys(names)))
            raise ConfigError(f"fill: '{smiles}' has no point {unknown[0]}; its points are {points}")
        stars, filled = np.zeros(len(numbers), dtype=np.int64), np.zeros(len(numbers), dtype=bool)
        for atom, count in Counter(scaffold.fragment.points).items():
            at = [name in wanted for name, a in zip(names, scaffold.fragment.points, strict=True) if a == atom]
            if any(at) and not all(at):
                raise ConfigError(
                    f"fill: of the points of one atom of '{smiles}' some have to be filled and others not; no molecule "
                    "tells which is which, so name all of them, or none"
                )
            stars[atom], filled[atom] = count, all(at) or types[atom].saturated
        return cls(smiles, types, bonds, stars, filled)

    def __len__(self) -> int:
        return len(self.types)

    def marked_types(self) -> tuple[tuple[AtomType, ...], np.ndarray]:
        """Types that tell an atom of the part from others, and how much it may still be bonded to.

        Returns:
            The different types, whose valence is the orders of bonds inside the part and one for each star; and int64
            [m], the number of that of each atom.
        """
        inside = self.bonds.sum(1)
        found: dict[AtomType, int] = {}
        numbers = np.empty(len(self), dtype=np.int64)
        for i, type_ in enumerate(self.types):
            valence = int(inside[i] + self.stars[i])
            marks = "*" * int(self.stars[i]) + ("!" if self.filled[i] else "")
            marked = AtomType(
                f"{type_.name}({valence}{marks})", type_.atomic_number, type_.charge, valence, bool(self.filled[i])
            )
            numbers[i] = found.setdefault(marked, len(found))
        return tuple(found), numbers


def linked_part(smiles: str) -> Part:
    """A part that is linked: it has one star, which has to be filled.

    Raises:
        ConfigError: see ``Part.parse``; another number of stars.
    """
    part = Part.parse(smiles, "link", "all")
    if part.stars.sum() != 1:
        raise ConfigError(
            f"link: '{smiles}' has {part.stars.sum()} points, but it should have the one by which it is linked"
        )
    return part


def _methylated(scaffold: Scaffold) -> Chem.Mol:
    """With methyl groups in the place of stars, whose carbons come last."""
    mol = Chem.RWMol(scaffold.fragment.mol())
    for atom in scaffold.fragment.points:
        give_up_hydrogen(mol.GetAtomWithIdx(atom))
        mol.AddBond(atom, mol.AddAtom(Chem.Atom(6)), Chem.BondType.SINGLE)
    Chem.SanitizeMol(mol)
    return mol.GetMol()
