"""Sets of members of a pool, known by the members' numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.errors import DataError
from molgfn.objects.capabilities import HasDescriptors

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class SetKind(HasDescriptors):
    """A batch is an int64 tensor [B, k]: the numbers of the members of each set, rising, then -1. The key of {7, 2} is
    ``"2 7"``, that of the empty set ``"none"``.
    """

    name: ClassVar[str] = "set"
    descriptors: ClassVar[dict[str, str]] = {"members": "members"}

    def keys(self, objects: Tensor) -> list[str]:
        return [" ".join(str(member) for member in row if member >= 0) or "none" for row in objects.tolist()]

    def parse(self, keys: Sequence[str]) -> Tensor:
        import torch

        rows = [_members(str(text)) for text in keys]
        width = max(map(len, rows), default=0)
        wide = [row + [-1] * (width - len(row)) for row in rows]
        return torch.tensor(wide, dtype=torch.int64).reshape(len(rows), width)

    def take(self, objects: Tensor, rows: Sequence[int]) -> Tensor:
        return objects[list(rows)]

    def cat(self, batches: Sequence[Tensor]) -> Tensor:
        import torch

        width = max(batch.shape[1] for batch in batches)
        wide = [torch.constant_pad_nd(batch, (0, width - batch.shape[1]), -1) for batch in batches]
        return torch.cat(wide)

    def plain(self, objects: Tensor) -> np.ndarray:
        """Integers [B, k], -1 after the members."""
        import numpy as np

        return np.asarray(objects)

    def columns(self, objects: Tensor) -> dict[str, list[Any]]:
        return {"set": self.keys(objects)}

    def describe(self, objects: Tensor) -> dict[str, np.ndarray]:
        """Numbers of members."""
        return {"members": (self.plain(objects.cpu()) >= 0).sum(1).astype(float)}


def _members(text: str) -> list[int]:
    try:
        members = [] if text.strip() == "none" else [int(word) for word in text.split()]
    except ValueError:
        raise DataError(f"`{text}` is no set; it takes numbers of members, such as 2 7") from None
    if min(members, default=0) < 0:
        raise DataError(f"`{text}` is no set: members are numbered from 0")
    if len(set(members)) < len(members):
        twice = next(member for member in members if members.count(member) > 1)
        raise DataError(f"`{text}` is no set: member {twice} is there twice")
    return sorted(members)


#: the only one
SET = SetKind()
