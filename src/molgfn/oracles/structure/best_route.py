"""What oracles share that look for the best route to a molecule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.oracles.base import Oracle


class BestRoute(Oracle):
    """The worth of the best of all routes of a library to a molecule, which belongs to the molecule, not to a route.

    Args:
        search: what is best, and among which routes.
        files: that the library was read from.
    """

    def __init__(self, search: RouteSearch, files: tuple[Path, ...]) -> None:
        self._search, self._files = search, files

    @property
    def files(self) -> tuple[Path, ...]:
        return self._files

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Of the best route to each molecule, float64 [B]; NaN where it has none."""
        found = [self._search.value(molecule.smiles) for molecule in objects]
        return np.array([math.nan if worth is None else worth for worth in found], dtype=np.float64)

    @property
    def remark_names(self) -> tuple[str, ...]:
        return (f"{self.name}_route",)

    def remarks(self, objects: Sequence[Molecule]) -> dict[str, list[str]]:
        """The best route in one line."""
        routes = [self._search.route(molecule.smiles) for molecule in objects]
        library = self._search.library
        return {self.remark_names[0]: ["" if route is None else route.text(library) for route in routes]}
