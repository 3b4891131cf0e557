"""Predictions of posterior members (networks of an ensemble, masks, draws) for every member of a pool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from molgfn.chemistry.files.numbers import number_table
from molgfn.chemistry.molecules import mols_of
from molgfn.errors import ConfigError, DataError
from molgfn.information.members import Members
from molgfn.paths import InputFile
from molgfn.proxies.base import FittedProxy
from molgfn.proxies.classes.labels import Task
from molgfn.proxies.loading import load


class PosteriorMembers(Protocol):
    """What has predictions of S posterior members, such as every proxy of ``molgfn proxy fit``."""

    def members(self, mols: Sequence[Any]) -> np.ndarray:
        """The prediction of each posterior member for each of n inputs, float64 [S, n] (or [S, n, C] of classes)."""
        ...


class Predictions(ABC):
    """Where the predictions for the members of a pool come from."""

    @abstractmethod
    def of(self, pool: Members) -> np.ndarray:
        """float64 [S, n], or [S, n, C].

        Raises:
            ConfigError: the pool is none that they can be made for.
            DataError: a prediction is missing; the member is named.
        """

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that they depend on."""
        return ()

    @property
    def task(self) -> Task | None:
        """Whether they are numbers, or probabilities of labels; None where they do not say."""
        return None


class PredictionFile(Predictions):
    """Predictions in a file: a CSV file with a column for each member of the pool, by its name, and a row for each
    posterior member; or an npy file [S, n] or [S, n, C], in the order of the pool.

    Args:
        path: the file.
    """

    def __init__(self, *, path: InputFile) -> None:
        self.path = Path(path)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def of(self, pool: Members) -> np.ndarray:
        try:
            found = np.load(self.path, allow_pickle=False) if self.path.suffix == ".npy" else self._table(pool)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path}: {error}") from None
        if found.ndim not in (2, 3) or found.shape[1] != len(pool):
            raise DataError(
                f"{self.path}: has the shape {list(found.shape)}; it takes [S, {len(pool)}], or with classes"
            )
        if (bad := ~np.isfinite(found).reshape(len(found), len(pool), -1).all((0, 2))).any():
            raise DataError(f"{self.path}: member `{pool.names[int(bad.argmax())]}` lacks a prediction")
        return found.astype(np.float64)

    def _table(self, pool: Members) -> np.ndarray:
        import pandas as pd

        table = number_table(self.path)
        if missing := [name for name in pool.names if name not in table.columns]:
            raise DataError(f"{self.path}: has no column for member `{missing[0]}` ({len(missing)} are missing)")
        return table[pool.names].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)


class ProxyPredictions(Predictions):
    """Those of the posterior members of a proxy (``molgfn proxy fit``), in units of its property; of one of labels
    (``--task classification``) the probabilities of label 1.

    Args:
        weights: file of the proxy.
    """

    def __init__(self, *, weights: InputFile) -> None:
        self.path = Path(weights)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def of(self, pool: Members) -> np.ndarray:
        if pool.molecules is None:
            raise ConfigError("predictions: a proxy predicts molecules, and the pool has none")
        return of_model(self._proxy, pool)

    @property
    def task(self) -> Task:
        return self._proxy.card.task

    @cached_property
    def _proxy(self) -> FittedProxy:
        return load(self.path)


def of_model(model: PosteriorMembers, pool: Members) -> np.ndarray:
    """The predictions of a model for the molecules of a pool, float64 [S, n]."""
    return model.members(mols_of(pool.molecules or []))
