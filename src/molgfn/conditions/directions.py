"""How directions in the space of objectives, unit vectors that are not negative, are drawn for each condition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import CheckpointError, ConfigError

#: cells of a table that a machine can hold and go through for each batch
MOST_CELLS = 2_000_000


@attributes_in_docstring
class Directions(ABC):
    """A distribution over directions in K dimensions; letters: n draws."""

    #: it changes with what a run finds
    learns: bool = False
    #: K, once ``begin`` was told
    count: int

    def begin(self, count: int) -> None:
        """Directions of ``count`` objectives will be drawn.

        Raises:
            ConfigError: it cannot be had for so many.
        """
        self.count = count

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """float64 [n, K]; the generator is on the device."""

    def observe(self, asked: Tensor, reached: Tensor, progress: float) -> None:  # noqa: B027
        """Take note of what a batch was asked for and what it reached.

        Args:
            asked: directions, float64 [B, K].
            reached: those of the objects that came out, float64 [B', K].
            progress: as of ``Condition.observe``.
        """

    def state_dict(self) -> dict[str, Any]:
        """What was learned, as plain data and tensors; empty for nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Go on from ``state_dict``; not called where it was empty."""


class UniformDirections(Directions):
    """Every direction equally often: the positive part of the sphere, uniformly."""

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return _uniform(n, self.count, generator, device)


class LearnedDirections(Directions):
    """Fewer directions in which nothing was found, by a table that a run fills.

    The largest coordinate of a direction is made 1, the others are put on a grid: each point of it is a cell. From
    ``start`` to ``end`` of the training, it is counted for each cell how often it was asked for and how often objects
    lay in it, whatever these were asked for. Until ``start`` directions are drawn uniformly. Then cells are: those
    that were asked for and in which no object lay are drawn less often than the others, by the factor ``unreached``;
    the direction is that of the cell's point.

    Args:
        resolution: points of the grid in each dimension; there are resolution^K - (resolution - 1)^K cells.
        start: share of the training from which the table is filled and drawn from, in [0, 1].
        end: share of the training after which it is not filled any more, at least ``start``.
        unreached: weight of a cell that was never reached, in (0, 1].

    Reference: Roy et al. 2023, arXiv 2306.04620, section 3.3 (tabular goal sampler).
    """

    learns = True

    def __init__(
        self,
        *,
        resolution: Annotated[int, Field(ge=2)] = 30,
        start: Annotated[float, Field(ge=0, le=1)] = 0.25,
        end: Annotated[float, Field(ge=0, le=1)] = 0.75,
        unreached: Annotated[float, Field(gt=0, le=1)] = 0.1,
    ) -> None:
        if end < start:
            raise ConfigError(f"end ({end:g}) should not lie before start ({start:g})")
        self.resolution, self.start, self.end, self.unreached = resolution, start, end, unreached
        self._drawn_from = False

    def begin(self, count: int) -> None:
        super().begin(count)
        cells = self.resolution**count - (self.resolution - 1) ** count
        if cells > MOST_CELLS:
            raise ConfigError(
                f"resolution: {self.resolution} in {count} dimensions makes a table of {cells:,} cells, and "
                f"{MOST_CELLS:,} are the most; take fewer"
            )
        points = _far_faces(self.resolution, count)
        self._powers = self.resolution ** torch.arange(count)
        self._codes, order = (points * self._powers).sum(1).sort()
        self._cells = _unit(points[order].double())
        self.asked = torch.zeros(cells, dtype=torch.int64)
        self.reached = torch.zeros(cells, dtype=torch.int64)

    @property
    def weights(self) -> Tensor:
        """How often each cell is drawn beside the others, float64 [cells]."""
        never = (self.asked > 0) & (self.reached == 0)
        return torch.ones(len(never), dtype=torch.float64).masked_fill(never, self.unreached)

    @property
    def cells(self) -> Tensor:
        """The direction of each cell, float64 [cells, K]."""
        return self._cells

    def draw(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        if not self._drawn_from:
            return _uniform(n, self.count, generator, device)
        upto = self.weights.cumsum(0).to(device)
        share = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
        place = torch.searchsorted(upto, share * upto[-1], right=True).clamp(max=len(upto) - 1)
        return self._cells.to(device)[place]

    def cell_of(self, directions: Tensor) -> Tensor:
        """In which cell each of float64 [B, K], not negative and not 0, lies: int64 [B]."""
        largest = directions.amax(1, keepdim=True)
        points = (directions / largest * (self.resolution - 1)).round().long()
        return torch.searchsorted(self._codes, (points * self._powers).sum(1))

    def observe(self, asked: Tensor, reached: Tensor, progress: float) -> None:
        if progress < self.start:
            return
        self._drawn_from = True
        if progress < self.end:
            self.asked += torch.bincount(self.cell_of(asked), minlength=len(self.asked))
            self.reached += torch.bincount(self.cell_of(reached), minlength=len(self.reached))

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked.clone(), "reached": self.reached.clone(), "drawn_from": self._drawn_from}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state["asked"].shape != self.asked.shape:
            raise CheckpointError(
                f"a table of {len(state['asked'])} directions, where there should be {len(self.asked)}"
            )
        self.asked, self.reached = state["asked"].cpu().clone(), state["reached"].cpu().clone()
        self._drawn_from = bool(state["drawn_from"])


def _uniform(n: int, count: int, generator: torch.Generator | None, device: torch.device | str) -> Tensor:
    """float64 [n, count], uniform on the positive part of the sphere."""
    return _unit(torch.randn(n, count, generator=generator, device=device, dtype=torch.float64).abs())


def _unit(vectors: Tensor) -> Tensor:
    """Of length 1; a vector of zeros (which a random one is with probability 0) points the same way everywhere."""
    length = vectors.norm(dim=1, keepdim=True)
    return torch.where(length > 0, vectors / length, vectors.shape[1] ** -0.5)


def _far_faces(resolution: int, count: int) -> Tensor:
    """The points of the grid {0, ..., resolution - 1}^count with a coordinate that is the largest: int64 [cells, K]."""
    top, parts = resolution - 1, []
    for first in range(count):  # the first coordinate that is the largest one
        axes = [torch.arange(top) if i < first else torch.arange(resolution) for i in range(count)]
        axes[first] = torch.tensor([top])
        parts.append(torch.cartesian_prod(*axes).reshape(-1, count))
    return torch.cat(parts)
