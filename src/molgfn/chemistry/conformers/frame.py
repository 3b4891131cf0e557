"""A molecule with one geometry and its rotors: all conformations that its torsions allow, the rest held rigid."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
from rdkit import Chem

from molgfn.chemistry.conformers.one_shape import ConformerError, conformer
from molgfn.chemistry.conformers.rotors import HydrogenRotors, Rotor, rotors
from molgfn.chemistry.conformers.turning import dihedrals, turned, wrapped
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

#: digits after the point, in angstrom, of what tells one seed geometry from another
_DIGITS = 2


@dataclass(frozen=True, eq=False)
class Frame:
    """The conformations of one molecule that differ in their torsions: D angles each, in radians.

    Bond lengths, bond angles, rings and what no rotor turns are those of the *seed geometry*, one conformer by ETKDGv3
    and MMFF94 (``conformer``), which a frame never changes. A torsion is the dihedral angle of its rotor's four atoms;
    one whose rotor has a symmetry order n is known up to 2 pi / n, and lies in [-pi / n, pi / n) after ``reduced``.

    Attributes:
        smiles: canonical.
        mol: with hydrogens and the seed geometry.
        rotors: D of them, in the order of their bonds.
        settings: seed and choices that the frame was made with, as words.
    """

    smiles: str
    mol: Chem.Mol
    rotors: tuple[Rotor, ...]
    settings: str

    @property
    def torsions(self) -> int:
        """D."""
        return len(self.rotors)

    @cached_property
    def seed_positions(self) -> np.ndarray:
        """The seed geometry, angstrom [N, 3]."""
        return self.mol.GetConformer().GetPositions()

    @cached_property
    def atoms(self) -> np.ndarray:
        """a, b, c, d of each torsion, int64 [D, 4]."""
        return np.array([rotor.atoms for rotor in self.rotors], dtype=np.int64).reshape(-1, 4)

    @cached_property
    def orders(self) -> np.ndarray:
        """The symmetry order of each rotor, int64 [D]."""
        return np.array([rotor.order for rotor in self.rotors], dtype=np.int64)

    @property
    def periods(self) -> np.ndarray:
        """After which angle each torsion repeats, radians [D]."""
        return 2 * np.pi / self.orders

    @cached_property
    def numbers(self) -> np.ndarray:
        """Atomic numbers, int64 [N]."""
        return np.array([atom.GetAtomicNum() for atom in self.mol.GetAtoms()], dtype=np.int64)

    @cached_property
    def seed_angles(self) -> np.ndarray:
        """Torsions of the seed geometry, radians [D], reduced."""
        return self.angles(self.seed_positions[None])[0]

    @cached_property
    def name(self) -> str:
        """SMILES, settings and a digest of the seed geometry: what a frame is known by."""
        place = np.round(self.seed_positions - self.seed_positions.mean(0), _DIGITS) + 0.0  # no minus zero
        digest = hashlib.blake2b(place.tobytes(), digest_size=4).hexdigest()
        return f"{self.smiles} {self.settings} {digest}"

    def reduced(self, angles: np.ndarray) -> np.ndarray:
        """Angles [B, D] in [-pi / n, pi / n) of each rotor's symmetry order n."""
        return wrapped(angles, self.periods)

    def positions(self, angles: np.ndarray) -> np.ndarray:
        """Positions of all atoms, angstrom [B, N, 3], at torsions [B, D] (radians, any multiple of their period away).

        The parts that no rotor moves are where the seed geometry has them.
        """
        return turned(self.seed_positions, self.rotors, np.asarray(angles, dtype=np.float64) - self._measured[None])

    def angles(self, positions: np.ndarray) -> np.ndarray:
        """The torsions [B, D] of positions [B, N, 3] in the frame's order of atoms, reduced."""
        return self.reduced(dihedrals(positions, self.atoms))

    @cached_property
    def _measured(self) -> np.ndarray:
        """Torsions of the seed geometry as they are measured, not reduced."""
        return dihedrals(self.seed_positions[None], self.atoms)[0]

    def plain(self) -> dict[str, Any]:
        """As plain data, which ``from_plain`` makes the same frame of, whatever another machine would embed."""
        return {"smiles": self.smiles, "settings": self.settings, "positions": self.seed_positions.tolist()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Frame:
        """The frame that ``plain`` gave.

        Raises:
            DataError: it is none.
        """
        try:
            smiles, settings = str(plain["smiles"]), str(plain["settings"])
            place = np.array(plain["positions"], dtype=np.float64)
            _, hydrogen_rotors, symmetric = settings.split(",")
            mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
            if place.shape != (mol.GetNumAtoms(), 3):
                raise ValueError(f"positions of {len(place)} atoms for {mol.GetNumAtoms()}")
            mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
            mol.GetConformer().SetPositions(place)
            found = rotors(mol, hydrogen_rotors=hydrogen_rotors, symmetric=symmetric == "reduced")  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a kept seed geometry cannot be read: {error}") from error
        return cls(smiles, mol, tuple(found), settings)

    def mols(self, angles: np.ndarray) -> list[Chem.Mol]:
        """A molecule with one conformer for each row of angles [B, D]."""
        found = []
        for place in self.positions(angles):
            mol = Chem.Mol(self.mol)
            mol.GetConformer().SetPositions(np.ascontiguousarray(place))
            found.append(mol)
        return found


def frame(
    molecule: Molecule,
    *,
    seed: int = 0,
    hydrogen_rotors: HydrogenRotors = "none",
    symmetric: bool = True,
    most: int | None = None,
) -> Frame:
    """The frame of a molecule; the same arguments give the same.

    Args:
        molecule: a valid one, of one piece.
        seed: of the seed geometry (``conformer``), with the SMILES.
        hydrogen_rotors: as of ``rotors``.
        symmetric: rotors have the order of their symmetry; otherwise every torsion goes once round.
        most: how many torsions are allowed; None for any number.

    Raises:
        ConformerError: it has no geometry, no rotor, or more than ``most``.
    """
    mol = conformer(molecule, seed=seed)
    found = rotors(mol, hydrogen_rotors=hydrogen_rotors, symmetric=symmetric)
    if not found:
        raise ConformerError(f"{molecule.smiles}: no torsions: it has no rotatable bond", "no torsions")
    if most is not None and len(found) > most:
        raise ConformerError(
            f"{molecule.smiles}: {len(found)} torsions, more than the {most} that are allowed", "too many torsions"
        )
    settings = f"{seed},{hydrogen_rotors},{'reduced' if symmetric else 'whole'}"
    return Frame(molecule.smiles, mol, tuple(found), settings)


#: frames of this process by their names
_KNOWN: dict[str, Frame] = {}


def remember(one: Frame) -> Frame:
    """Note a frame, so that ``frame_named`` finds this one by its name; returns the one that is noted."""
    return _KNOWN.setdefault(one.name, one)


def frame_named(name: str) -> Frame:
    """The frame with a name: one that was noted, or made anew from SMILES and settings, with the same geometry.

    Raises:
        DataError: it is no name of a frame, or the geometry that this machine makes is not the one that was named.
    """
    if (known := _KNOWN.get(name)) is not None:
        return known
    words = name.split()
    settings = words[1].split(",") if len(words) == 3 else []
    wrong = len(settings) != 3 or not settings[0].isdigit() or settings[1] not in get_args(HydrogenRotors)
    if wrong or settings[2] not in ("reduced", "whole"):
        raise DataError(
            f"`{name}` is no frame; one is written as SMILES, settings and digest: CCCO 0,none,reduced 12ab34cd"
        )
    made = frame(
        Molecule.from_smiles(words[0]),
        seed=int(settings[0]),
        hydrogen_rotors=settings[1],  # type: ignore[arg-type]
        symmetric=settings[2] == "reduced",
    )
    if made.name != name:
        raise DataError(
            f"{words[0]}: the seed geometry made here is another one ({made.name.split()[2]} for {words[2]})"
        )
    return remember(made)
