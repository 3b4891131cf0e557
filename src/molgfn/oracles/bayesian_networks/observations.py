"""Where the observations of a Bayesian network's variables come from: a file, or a network that is made up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from molgfn.chemistry.files.numbers import number_table
from molgfn.errors import ConfigError
from molgfn.paths import InputFile


class Observations(ABC):
    """Rows of numbers, a column for each variable."""

    @abstractmethod
    def read(self) -> np.ndarray:
        """float64 [N, n]: N observations of n variables."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that they come from."""
        return ()


class Table(Observations):
    """A CSV file with a header, a column for each variable and nothing else.

    Args:
        path: the file.

    Raises:
        ConfigError: it is no such table, or a cell is no finite number (its line is named).
    """

    def __init__(self, *, path: InputFile) -> None:
        self.path = Path(path)
        self._rows = self._read()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self) -> np.ndarray:
        return self._rows

    def _read(self) -> np.ndarray:
        import pandas as pd

        try:
            table = number_table(self.path)
        except (OSError, ValueError) as error:
            raise ConfigError(f"path: {self.path}: {error}") from None
        if not len(table) or len(table.columns) < 2:
            raise ConfigError(f"path: {self.path}: {len(table)} rows of {len(table.columns)} columns; at least 1 and 2")
        numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        bad = ~np.isfinite(numbers)
        if bad.any():
            row, column = (int(k) for k in np.argwhere(bad)[0])
            cell = table.iloc[row, column]
            raise ConfigError(
                f"path: {self.path}, line {row + 2}, column {table.columns[column]}: `{cell}` is no finite number"
            )
        return numbers


class Simulated(Observations):
    """Observations of a linear-Gaussian network with random edges (Erdos-Renyi), as the papers simulate them.

    Each pair of nodes is joined with probability edges / (n (n - 1) / 2), in the direction of a random order; weights
    are N(0, 1), every variable is the weighted sum of its parents plus noise.

    Args:
        nodes: n.
        edges: expected number of edges; None for as many as nodes.
        samples: observations N.
        noise: standard deviation of the noise.
        seed: of numpy's ``default_rng``.

    Reference:
        Deleu et al., "Bayesian structure learning with generative flow networks", arXiv 2202.13903, appendix C.
    """

    def __init__(
        self,
        *,
        nodes: Annotated[int, Field(ge=2)] = 5,
        edges: Annotated[float, Field(ge=0)] | None = None,
        samples: PositiveInt = 100,
        noise: PositiveFloat = 0.1,
        seed: NonNegativeInt = 0,
    ) -> None:
        expected, pairs = float(nodes if edges is None else edges), nodes * (nodes - 1) / 2
        if expected > pairs:
            raise ConfigError(f"edges: {expected:g} expected edges among {nodes} nodes, which have {pairs:g} pairs")
        generator = np.random.default_rng(seed)
        below = np.tril(generator.random((nodes, nodes)) < expected / pairs, -1)
        order = generator.permutation(nodes)
        #: bool [n, n], True at (i, j) where an edge goes from i to j
        self.truth = np.zeros((nodes, nodes), dtype=bool)
        self.truth[np.ix_(order, order)] = below.T
        weights = np.where(self.truth, generator.normal(size=(nodes, nodes)), 0.0)
        self._rows = np.zeros((samples, nodes))
        for node in order:
            self._rows[:, node] = self._rows @ weights[:, node] + generator.normal(scale=noise, size=samples)

    def read(self) -> np.ndarray:
        return self._rows
