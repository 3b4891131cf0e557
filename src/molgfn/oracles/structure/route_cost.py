"""What a molecule costs when it is made by known reactions of blocks that can be bought."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from molgfn.chemistry.reactions.loading import library_files, load_library
from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.oracles.structure.best_route import BestRoute
from molgfn.paths import NamedInput


class RouteCost(BestRoute):
    """Cost of the cheapest route to a molecule, in the unit of the library's prices; no value where it has no route.

    c(x_0) is the price of the first block, and c(x_k) = (c(x_{k-1}) + prices of the partners) / yield. It belongs to
    the molecule, whatever route it was built by: the least over all routes of the library, by dynamic programming.

    Args:
        library: name or folder of a reaction library.
        max_steps: most reactions.
        unknown_price: of a block that has none; null refuses a library with such blocks. With 1 and a library without
            prices the cost is the number of blocks, raised by yields.
        unknown_yield: of a reaction that has none.

    Raises:
        ConfigError: a block has no price, and ``unknown_price`` is null.
        DataError: the library cannot be used; names the line.

    Reference:
        Gaiński et al. 2025 (SCENT), arXiv 2506.19865.
    """

    name: ClassVar[str] = "route_cost"
    range: ClassVar[tuple[float, float]] = (0.0, math.inf)
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    source: ClassVar[str] = "recursive cost of SCENT, arXiv 2506.19865; over all routes of the library"

    def __init__(
        self,
        *,
        library: NamedInput = "textbook",
        max_steps: Annotated[int, Field(ge=0, le=6)] = 4,
        unknown_price: Annotated[float, Field(gt=0)] | None = 1.0,
        unknown_yield: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        search = RouteSearch(
            load_library(library),
            best="cheapest",
            max_steps=max_steps,
            unknown_price=unknown_price,
            unknown_yield=unknown_yield,
        )
        super().__init__(search, library_files(library))
