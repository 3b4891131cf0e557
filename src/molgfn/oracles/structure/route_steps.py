"""In how many known reactions a molecule can be made of blocks that can be bought."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from molgfn.chemistry.reactions.loading import library_files, load_library
from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.oracles.structure.best_route import BestRoute
from molgfn.paths import NamedInput


class RouteSteps(BestRoute):
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
        search = RouteSearch(load_library(library), best="shortest", max_steps=max_steps)
        super().__init__(search, library_files(library))
