"""Points of a grid, known by their coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.errors import DataError
from molgfn.objects.capabilities import HasCoordinates

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class GridKind(HasCoordinates):
    """A batch is an int64 tensor [B, d]; the key of (2, 0) is ``"2 0"``."""

    name: ClassVar[str] = "grid"

    def keys(self, objects: Tensor) -> list[str]:
        return [" ".join(map(str, row)) for row in objects.tolist()]

    def parse(self, keys: Sequence[str]) -> Tensor:
        import torch

        rows = [_point(str(text)) for text in keys]
        if len(sizes := sorted({len(row) for row in rows})) > 1:
            raise DataError(f"points of a grid: some have {sizes[0]} coordinates and some {sizes[-1]}")
        return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), sizes[0] if sizes else 0)

    def take(self, objects: Tensor, rows: Sequence[int]) -> Tensor:
        return objects[list(rows)]

    def cat(self, batches: Sequence[Tensor]) -> Tensor:
        import torch

        return torch.cat(list(batches))

    def plain(self, objects: Tensor) -> np.ndarray:
        """Integers [B, d]."""
        import numpy as np

        return np.asarray(objects)

    def columns(self, objects: Tensor) -> dict[str, list[Any]]:
        """``x0``, ``x1``, ...: a column for each coordinate."""
        rows = objects.tolist()
        return {f"x{i}": [row[i] for row in rows] for i in range(len(rows[0]) if rows else 0)}

    def coordinates(self, objects: Tensor) -> np.ndarray:
        return objects.cpu().numpy()


def _point(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split()]
    except ValueError:
        raise DataError(f"`{text}` is no point of a grid; it takes whole numbers, such as 2 0") from None


#: the only one
GRID = GridKind()
