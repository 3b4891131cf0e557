"""Points with real coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.errors import DataError
from molgfn.objects.capabilities import HasPoints

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class PointKind(HasPoints):
    """A batch is a float64 tensor [B, d]; the key of a point is its coordinates, each as the shortest text that reads
    back as the same number.
    """

    name: ClassVar[str] = "point"
    countless: ClassVar[bool] = True

    def keys(self, objects: Tensor) -> list[str]:
        return [" ".join(map(repr, row)) for row in objects.tolist()]

    def parse(self, keys: Sequence[str]) -> Tensor:
        import torch

        rows = [_point(str(text)) for text in keys]
        if len(sizes := sorted({len(row) for row in rows})) > 1:
            raise DataError(f"points: some have {sizes[0]} coordinates and some {sizes[-1]}")
        return torch.tensor(rows, dtype=torch.float64).reshape(len(rows), sizes[0] if sizes else 0)

    def take(self, objects: Tensor, rows: Sequence[int]) -> Tensor:
        return objects[list(rows)]

    def cat(self, batches: Sequence[Tensor]) -> Tensor:
        import torch

        return torch.cat(list(batches))

    def plain(self, objects: Tensor) -> np.ndarray:
        """Float64 [B, d]."""
        return self.points(objects)

    def columns(self, objects: Tensor) -> dict[str, list[Any]]:
        """``x0``, ``x1``, ...: a column for each coordinate."""
        rows = objects.tolist()
        return {f"x{i}": [row[i] for row in rows] for i in range(len(rows[0]) if rows else 0)}

    def points(self, objects: Tensor) -> np.ndarray:
        return objects.cpu().numpy()


def _point(text: str) -> list[float]:
    try:
        row = [float(word) for word in text.split()]
    except ValueError:
        raise DataError(f"`{text}` is no point; it takes numbers, such as .5 -1.25") from None
    if not all(map(math.isfinite, row)):
        raise DataError(f"`{text}` is no point; its coordinates must be finite")
    return row


#: the only one
POINT = PointKind()
