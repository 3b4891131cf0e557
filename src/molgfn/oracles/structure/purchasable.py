"""Whether a molecule is on sale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile

CATALOG = "zinc-instock-mini"


class Purchasable(Oracle):
    """1 where the molecule is probably in a catalogue, 0 where it is certainly not (a Bloom filter).

    The catalogue that molbloom carries has the 9.2 million molecules in stock of ZINC20 (October 2021) and takes about
    7 % of all others for its own: a molecule that nobody sells has the value 1 with that probability. molbloom's short
    list of common reagents counts as on sale, too. Stereochemistry, charge and tautomer must be those of the catalogue.
    Needs ``pip install -c constraints.txt '.[purchasable]'`` (in the clone). About 8,000 molecules a second.

    Args:
        path: a filter file made with ``molbloom.CustomFilter`` from SMILES in molbloom's own form (``molbloom.canon``),
            such as your supplier's list; None for the one that molbloom carries.

    Raises:
        ConfigError: molbloom is not installed, or there is no such file.
        DataError: the file is no filter.

    Reference:
        Medina and White, "Bloom filters for molecules", J. Cheminformatics 15, 95 (2023),
        doi:10.1186/s13321-023-00765-1. ZINC20: Irwin et al. 2020, doi:10.1021/acs.jcim.0c00675.
    """

    name: ClassVar[str] = "purchasable"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = f"molbloom, catalogue {CATALOG}; doi:10.1186/s13321-023-00765-1"

    def __init__(self, *, path: InputFile | None = None) -> None:
        if path is not None and not Path(path).is_file():
            raise ConfigError(f"path: {path}: there is no such file; it should be a filter of molbloom")
        try:
            import molbloom  # type: ignore[import-not-found]  # an optional extra
        except ImportError as error:
            install = "pip install -c constraints.txt '.[purchasable]' (in the clone)"
            raise ConfigError(f"purchasable: needs molbloom ({error}): {install}") from None
        self.path = path
        self._buy = molbloom.buy
        self._filter = None
        if path is not None:
            try:
                self._filter = molbloom.BloomFilter(path)
            except Exception as error:
                raise DataError(f"{path}: is no filter of molbloom ({error})") from error

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.path is None else (Path(self.path),)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """1 or 0 for each molecule, float64 [B]."""
        return np.array([self._found(_kekule(molecule)) for molecule in objects], dtype=np.float64)

    def _found(self, smiles: str) -> bool:
        if self._filter is not None:
            return smiles in self._filter
        return self._buy(smiles, catalog=CATALOG, canonicalize=False)


def _kekule(molecule: Molecule) -> str:
    """The form that molbloom's filters hold, as ``molbloom.canon(molecule.smiles)`` makes it with one more parse."""
    mol = molecule.mol
    if mol is None:
        raise ValueError("Purchasable: the molecule has no mol; only valid molecules can be looked up")
    if "[H]" in molecule.smiles:  # hydrogens that are atoms of their own
        mol = Chem.MolFromSmiles(molecule.smiles)
    return Chem.MolToSmiles(mol, kekuleSmiles=True)
