"""In how many known reactions a molecule can be made of blocks that can be bought."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reactions.loading import library_files, load_library
from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.oracles.base import Oracle
from molgfn.paths import NamedInput


class RouteSteps(Oracle):
    """Number of reactions of the shortest route to a molecule; 0 for a block, no value where it has no route.

    It is that of the molecule, whatever route it was built by: the shortest one over all routes of the library.

    Args:
        library: name or folder of a reaction library.
        max_steps: most reactions.

    Raises:
        DataError: the library cannot be used; names the line.
    """

    name: ClassVar[str] = "route_steps"
    range: ClassVar[tuple[float, float]] = (0.0, 6.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    source: ClassVar[str] = "shortest route of the library, by dynamic programming"

    def __init__(self, *, library: NamedInput = "textbook", max_steps: Annotated[int, Field(ge=0, le=6)] = 4) -> None:
        self._search = RouteSearch(load_library(library), best="shortest", max_steps=max_steps)
        self._files = library_files(library)

    @property
    def files(self) -> tuple[Path, ...]:
        return self._files

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Reactions of each molecule, float64 [B]; NaN where it has no route."""
        found = [self._search.value(molecule.smiles) for molecule in objects]
        return np.array([math.nan if steps is None else steps for steps in found], dtype=np.float64)

    @property
    def remark_names(self) -> tuple[str, ...]:
        return ("route_steps_route",)

    def remarks(self, objects: Sequence[Molecule]) -> dict[str, list[str]]:
        """The shortest route in one line."""
        routes = [self._search.route(molecule.smiles) for molecule in objects]
        library = self._search.library
        return {"route_steps_route": ["" if route is None else route.text(library) for route in routes]}
