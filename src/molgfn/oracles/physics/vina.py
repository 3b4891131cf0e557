"""Docking into a receptor with AutoDock Vina."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from rdkit import Chem, RDLogger, rdBase

from molgfn.chemistry.conformers import conformer
from molgfn.chemistry.files.receptors import receptor_file
from molgfn.chemistry.files.structure_files import box_around, read_positions
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError, MolgfnError
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile, NamedInput, OutputPlace

_INSTALL = "pip install -c constraints.txt '.[docking]' (in the clone)"
#: edge of the box and room around a ligand where the config gives none, in angstrom
SIZE, PADDING = 20.0, 5.0

Triple = tuple[float, float, float]
#: in angstrom; maps of larger boxes take gigabytes
Edge = Annotated[float, Field(gt=0, le=100)]
Edges = tuple[Edge, Edge, Edge]


class DockingError(MolgfnError, RuntimeError):
    """A molecule that could not be docked; the message names it and says why."""


class Vina(Oracle):
    """Affinity to a receptor by docking with AutoDock Vina, in kcal/mol; lower is better.

    The ligand is one conformer (``chemistry.conformers``) in the charge state and tautomer of its SMILES: there is no
    pKa model, so give molecules as they are at your pH. Meeko sets its torsions and the rings that may open. The
    receptor is rigid. The value of a molecule depends on its SMILES and ``seed`` alone, and is cut off at +10: what
    does not fit has huge positive energies. The component ``affinity`` is not cut off; ``ligand_efficiency`` is
    -affinity per heavy atom; ``poses`` counts the poses found within 3 kcal/mol of the best, at most ``poses``.

    Needs ``pip install -c constraints.txt '.[docking]'`` (in the clone; vina, meeko). The affinity maps (2-10 s, one
    CPU) are computed once. Then 16 molecules of ZINC in the pocket of sEH took 1.1 s each at ``exhaustiveness`` 8 with
    10,000 evaluations, mean -8.5; 4: 0.6 s, -7.7, one of them missed the pocket; 1: 0.4 s, -5.5. Without a limit, as on
    Vina's command line, they take minutes. Atoms that AutoDock has no type for (boron, arsenic) and salts raise.

    Args:
        receptor: ``.pdbqt`` file with hydrogens, such as Meeko's ``mk_prepare_receptor.py`` writes; or ``4jnc``, the
            soluble epoxide hydrolase that Bengio et al. 2021 docked into, which is fetched.
        center: of the box, x, y and z in angstrom, in the receptor's frame; or give ``ligand``.
        size: edges of the box in angstrom; null: 20 each, or with ``ligand`` as large as it and the padding.
        ligand: file of a ligand in its place (.pdb, .pdbqt, .sdf, .mol, .mol2); the box is around it.
        padding: room on every side of ``ligand`` in angstrom; null: 5.
        scoring: the scoring function.
        exhaustiveness: independent searches.
        max_evals: evaluations in each search; 0: Vina's own rule, which is slow and thorough.
        poses: poses kept.
        seed: of conformers and searches.
        poses_folder: where each molecule's poses go, best first, as ``<InChIKey>_<8 digits>.sdf`` (the digits come
            from the SMILES); null: nowhere.

    Raises:
        ConfigError: vina or meeko is not installed; no receptor, no box, two boxes, or a box without receptor atoms.
        DataError: the receptor or the ligand holds no atoms, or (with the maps) Vina cannot read the receptor.

    Reference:
        Eberhardt et al., "AutoDock Vina 1.2.0", J. Chem. Inf. Model. 2021, 61, 3891, doi:10.1021/acs.jcim.1c00203.
        Trott and Olson 2010, doi:10.1002/jcc.21334. Vinardo: Quiroga and Villarreal 2016,
        doi:10.1371/journal.pone.0155183.
    """

    name: ClassVar[str] = "vina"
    range: ClassVar[tuple[float, float]] = (-30.0, 10.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    units: ClassVar[str] = "kcal/mol"
    source: ClassVar[str] = "AutoDock Vina 1.2; Eberhardt et al. 2021, doi:10.1021/acs.jcim.1c00203"

    def __init__(
        self,
        *,
        receptor: NamedInput | None = None,
        center: Triple | None = None,
        size: Edges | None = None,
        ligand: InputFile | None = None,
        padding: Annotated[float, Field(ge=0)] | None = None,
        scoring: Literal["vina", "vinardo"] = "vina",
        exhaustiveness: Annotated[int, Field(ge=1)] = 8,
        max_evals: Annotated[int, Field(ge=0)] = 10_000,
        poses: Annotated[int, Field(ge=1)] = 1,
        seed: Annotated[int, Field(ge=0, lt=2**31 - 1)] = 0,
        poses_folder: OutputPlace | None = None,
    ) -> None:
        if receptor is None:
            raise ConfigError("receptor: give the .pdbqt file of a receptor")
        self.receptor = receptor_file(receptor)
        self.center, self.size = _box(center, size, ligand, padding)
        _require_overlap(self.receptor, self.center, self.size)
        self.scoring = scoring
        self.exhaustiveness = exhaustiveness
        self.max_evals = max_evals
        self.poses = poses
        self.seed = seed
        self.poses_folder = None if poses_folder is None else Path(poses_folder)
        _require_packages()
        self._docker: Any = None
        self._ligand_file = ligand

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.receptor, *(() if self._ligand_file is None else (Path(self._ligand_file),)))

    def prepare(self) -> None:
        """Compute the affinity maps."""
        if self._docker is not None:
            return
        self._vina, self._meeko = _packages()
        self._preparation = self._meeko.MoleculePreparation()
        # to Vina the seed 0 means a random one
        docker = self._vina.Vina(sf_name=self.scoring, cpu=1, seed=self.seed + 1, verbosity=0)
        try:
            docker.set_receptor(str(self.receptor))
            docker.compute_vina_maps(center=list(self.center), box_size=list(self.size))
        except Exception as error:
            raise DataError(f"{self.receptor}: Vina refuses it: {_one_line(error)}") from error
        self._docker = docker

    @property
    def component_names(self) -> tuple[str, ...]:
        return ("affinity", "ligand_efficiency", "poses")

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Affinity of each molecule in kcal/mol, float64 [B], at most 10."""
        return self.measure(objects)[0]

    def measure(self, objects: Sequence[Molecule]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Affinities [B], and the components ``affinity``, ``ligand_efficiency`` and ``poses``."""
        self.prepare()
        rows = [self._dock(molecule) for molecule in objects]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(self.component_names))
        columns = {name: table[:, i] for i, name in enumerate(self.component_names)}
        return np.minimum(columns["affinity"], self.range[1]), columns

    def _dock(self, molecule: Molecule) -> tuple[float, float, float]:
        """Affinity, ligand efficiency and number of poses."""
        mol = conformer(molecule, seed=self.seed)
        ligand = self._prepare(mol, molecule.smiles)
        docker = self._docker
        try:
            docker.set_ligand_from_string(ligand)
            docker.dock(exhaustiveness=self.exhaustiveness, n_poses=self.poses, max_evals=self.max_evals)
            energies = np.asarray(docker.energies(n_poses=self.poses))
        except Exception as error:
            raise DockingError(f"{molecule.smiles}: Vina refuses it: {_one_line(error)}") from error
        if energies.ndim != 2 or not len(energies) or not np.isfinite(energies[0, 0]):
            raise DockingError(f"{molecule.smiles}: Vina found no pose in the box")
        affinity = float(energies[0, 0])
        if self.poses_folder is not None:
            self._write(molecule, docker.poses(n_poses=self.poses), energies[:, 0])
        return affinity, -affinity / mol.GetNumHeavyAtoms(), float(len(energies))

    def _prepare(self, mol: Chem.Mol, smiles: str) -> str:
        """The ligand as PDBQT."""
        try:
            setups = self._preparation.prepare(mol)
            text, good, problem = self._meeko.PDBQTWriterLegacy.write_string(setups[0])
        except Exception as error:
            raise DockingError(f"{smiles}: Meeko cannot prepare it: {_one_line(error)}") from error
        # Vina ends the whole process when it gets an empty ligand
        if not good or not text.strip():
            raise DockingError(f"{smiles}: Meeko cannot prepare it: {_one_line(problem) or 'nothing came out'}")
        return text

    def _write(self, molecule: Molecule, poses: str, affinities: np.ndarray) -> None:
        """The poses as one SDF file, whole or not at all: other processes may write the same one."""
        assert self.poses_folder is not None
        read = self._meeko.PDBQTMolecule(poses, skip_typing=True)
        mol = self._meeko.RDKitMolCreate.from_pdbqt_mol(read)[0]
        mol.ClearProp("meeko")
        mol.SetProp("_Name", molecule.smiles)
        blocks = []
        for pose, affinity in zip(mol.GetConformers(), affinities, strict=True):
            mol.SetProp("affinity", f"{affinity:.3f}")  # kcal/mol
            blocks.append(Chem.SDWriter.GetText(mol, confId=pose.GetId()))
        self.poses_folder.mkdir(parents=True, exist_ok=True)
        path = self.poses_folder / pose_file(molecule)
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text("".join(blocks), encoding="utf-8")
        unfinished.replace(path)


def pose_file(molecule: Molecule) -> str:
    """Name of the molecule's file of poses; tautomers, which share an InChIKey, have files of their own."""
    key = Chem.MolToInchiKey(molecule.mol) or "no_inchi"
    return f"{key}_{hashlib.sha256(molecule.smiles.encode()).hexdigest()[:8]}.sdf"


def _require_packages() -> None:
    """Raise where vina or meeko is not installed; their import takes seconds and waits for the first molecule."""
    if missing := [name for name in ("vina", "meeko") if find_spec(name) is None]:
        raise ConfigError(f"vina: needs {' and '.join(missing)}: {_INSTALL}")


def _packages() -> tuple[Any, Any]:
    """The modules vina and meeko; Meeko's settings for warnings and for RDKit's log are undone."""
    try:
        with warnings.catch_warnings():
            import meeko  # type: ignore[import-not-found]  # optional extras
            import vina  # type: ignore[import-not-found]
    except ImportError as error:
        raise ConfigError(f"vina: vina or meeko cannot be imported ({error}): {_INSTALL}") from error
    rdBase.LogToCppStreams()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # as chemistry.molecules has it
    return vina, meeko


def _box(center: Triple | None, size: Edges | None, ligand: str | None, padding: float | None) -> tuple[Triple, Triple]:
    """Centre and edges of the box."""
    if (center is None) == (ligand is None):
        raise ConfigError("give the box by either `center` or `ligand`, one of the two")
    if padding is not None and (ligand is None or size is not None):
        raise ConfigError("padding: belongs to a box around `ligand` without a `size`; leave it out")
    if center is not None:
        return center, size or (SIZE, SIZE, SIZE)
    middle, edges = box_around(read_positions(str(ligand)), PADDING if padding is None else padding)
    if size is None and not np.all(edges > 0):
        raise ConfigError(f"ligand: {ligand}: is flat, so the box around it needs a `padding` above 0")
    return _triple(middle), size or _triple(edges)


def _require_overlap(receptor: Path, center: Triple, size: Triple) -> None:
    """A box without receptor atoms is in another frame, or misspelt."""
    positions = read_positions(receptor)
    if not np.any(np.all(np.abs(positions - np.array(center)) <= np.array(size) / 2, axis=1)):
        low, high = (" ".join(f"{x:.0f}" for x in edge) for edge in (positions.min(axis=0), positions.max(axis=0)))
        raise ConfigError(
            f"the box at {' '.join(f'{x:g}' for x in center)} holds no atom of {receptor}, which lies between "
            f"({low}) and ({high}); box and receptor should be in one frame"
        )


def _triple(values: np.ndarray) -> Triple:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _one_line(problem: object) -> str:
    text = " ".join(str(problem).split())[:200]
    return text or (type(problem).__name__ if isinstance(problem, Exception) else "")
