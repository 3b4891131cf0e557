"""Where the members of a pool come from: a file of vectors, a file of molecules, or points that are made up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveFloat

from molgfn.chemistry.files.numbers import number_table
from molgfn.datasets.reading import AS_IT_IS, open_molecules
from molgfn.errors import DataError
from molgfn.information.members import Members, checked, of_molecules
from molgfn.paths import InputFile, NamedInput

Count = Annotated[int, Field(ge=1)]


class Pool(ABC):
    """A finite pool, read when it is first asked for."""

    @cached_property
    def members(self) -> Members:
        """What it holds.

        Raises:
            DataError: as of ``members.checked``, or of what is read.
        """
        return checked(self.read(), self.where)

    @abstractmethod
    def read(self) -> Members:
        """The members, not checked yet."""

    @property
    def where(self) -> str:
        """What a message calls it."""
        return type(self).__name__

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that it comes from."""
        return ()


class NormalPool(Pool):
    """Points of a normal distribution N(0, scale^2) in each dimension, named by their numbers.

    Args:
        size: how many.
        dimensions: features of each.
        scale: standard deviation.
        seed: of numpy's ``default_rng``.
    """

    def __init__(
        self,
        *,
        size: Count = 20,
        dimensions: Count = 2,
        scale: PositiveFloat = 1.0,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.size, self.dimensions, self.scale, self.seed = size, dimensions, scale, seed

    def read(self) -> Members:
        points = np.random.default_rng(self.seed).normal(scale=self.scale, size=(self.size, self.dimensions))
        return Members([str(row) for row in range(self.size)], points)


class VectorPool(Pool):
    """Rows of numbers in a file: a CSV file with a header, or an npz file with ``features`` [n, F].

    Args:
        path: the file. Of an npz file ``names`` [n] and ``labels`` [n] are read where they are there.
        name: column of names in a CSV file; None: members are named by their numbers, from 0.
        label: column of labels in a CSV file; None for none. All other columns are features.

    Raises:
        DataError: the file cannot be read, or is no such table.
    """

    def __init__(self, *, path: InputFile, name: str | None = None, label: str | None = None) -> None:
        self.path, self.name, self.label = Path(path), name, label

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self) -> Members:
        try:
            return self._arrays() if self.path.suffix == ".npz" else self._table()
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path}: {error}") from None

    def _arrays(self) -> Members:
        if self.name is not None or self.label is not None:
            raise DataError(f"{self.path}: `name` and `label` are columns of a CSV file; leave them null")
        with np.load(self.path, allow_pickle=False) as file:
            content: dict[str, Any] = {key: file[key] for key in file.files}
        features = content.get("features")
        if features is None or features.ndim != 2:
            raise DataError(f"{self.path}: has no `features` [n, F]; it holds {', '.join(content) or 'nothing'}")
        for key in ("names", "labels"):
            if key in content and content[key].shape != (len(features),):
                raise DataError(f"{self.path}: `{key}` has the shape {list(content[key].shape)}, not [{len(features)}]")
        names = [str(x) for x in content.get("names", range(len(features)))]
        labels = content.get("labels")
        return Members(names, features.astype(np.float64), labels=None if labels is None else labels.astype(np.float64))

    def _table(self) -> Members:
        import pandas as pd

        table = number_table(self.path)
        for column in (self.name, self.label):
            if column is not None and column not in table.columns:
                raise DataError(f"{self.path}: has no column `{column}`; it has {', '.join(map(str, table.columns))}")
        names = [str(x) for x in (range(len(table)) if self.name is None else table[self.name])]
        own = table.drop(columns=[c for c in (self.name, self.label) if c is not None])
        if not len(own.columns):
            raise DataError(f"{self.path}: has no column of features")
        features = own.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        labels = None
        if self.label is not None:
            labels = np.asarray(pd.to_numeric(table[self.label], errors="coerce"), dtype=np.float64)
        return Members(names, features, labels=labels)


class MoleculePool(Pool):
    """Different molecules of a file or a named set, in order, with folded Morgan counts as features.

    Args:
        molecules: a file of molecules, or the name of a set (``molgfn data list``).
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones; None reads all.
        radius: of the Morgan environments.
        features: numbers that the counts are folded to.
    """

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        column: str | None = None,
        limit: Count | None = None,
        radius: Annotated[int, Field(ge=0, le=6)] = 2,
        features: Count = 256,
    ) -> None:
        self.molecules, self.column, self.limit = molecules, column, limit
        self.radius, self.size = radius, features

    @property
    def where(self) -> str:
        return str(self.molecules)

    @property
    def files(self) -> tuple[Path, ...]:
        path = Path(self.molecules)
        return (path,) if path.is_file() else ()

    def read(self) -> Members:
        found = open_molecules(self.molecules, column=self.column, limit=self.limit, standardise=AS_IT_IS)
        return of_molecules(found.molecules, self.radius, self.size)
