"""Two to five objectives on a two-dimensional hypergrid, whose exact distributions can be listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from molgfn.errors import ConfigError
from molgfn.objects.base import ObjectKind
from molgfn.objects.grid import GRID
from molgfn.oracles.synthetic.grid_function import FunctionName, GridFunction
from molgfn.rewards.aggregations.base import Aggregation
from molgfn.rewards.components import Component
from molgfn.rewards.objectives import Objectives
from molgfn.serving.panel import Panel


class GridObjectives(Objectives):
    """``Objectives`` of ``GridFunction``, each called as its function.

    Args:
        functions: names, each once, in order; the first k for the task of k objectives.
        side: of the grid; equal to that of the environment.
        scalarisation: as of ``Objectives``.

    Raises:
        ConfigError: a function that occurs twice, or a scalarisation that does not fit.

    Reference:
        Jain et al. 2023, arXiv 2210.12765 (side 32).
    """

    kind: ClassVar[ObjectKind] = GRID  # type: ignore[assignment]  # the base's is a property
    name: ClassVar[str] = "grid_objectives"
    source: ClassVar[str] = "test functions as in arXiv 2210.12765"

    def __init__(
        self,
        *,
        functions: Annotated[list[FunctionName], Field(min_length=1)],
        side: Annotated[int, Field(ge=2)] = 32,
        scalarisation: Aggregation | None = None,
    ) -> None:
        if len(set(functions)) < len(functions):
            raise ConfigError(f"functions: each should be there once, not {', '.join(functions)}")
        oracles = {function: GridFunction(function=function, side=side) for function in functions}
        super().__init__(
            components={function: Component(oracle=oracle) for function, oracle in oracles.items()},
            scalarisation=scalarisation,
        )
        self._side = side

    def panel(self, recipe: Any = None) -> Panel:
        if isinstance(recipe, Mapping):
            path = f"{GridFunction.__module__}.{GridFunction.__qualname__}"
            nodes = {name: {"_target_": path, "function": name, "side": self._side} for name in self.components}
            recipe = {"components": {name: {"oracle": node} for name, node in nodes.items()}}
        return super().panel(recipe)
