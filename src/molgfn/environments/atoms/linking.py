"""What keeps a part that has still to be linked possible; see ``link_costs``."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.atoms.growth import GrowthTables


class Linking:
    """Where B graphs stand with the part that is linked.

    Args:
        tables: with a linked part.
        types, free: int64 [B, N], types (from 1) and free valences.
        room: int64 [B], atoms that may still be added and are not kept for what has to be filled.

    Attributes:
        pending: bool [B], the part has still to be linked.
    """

    def __init__(self, tables: GrowthTables, types: Tensor, free: Tensor, room: Tensor) -> None:
        self._tables, self._types, self._free, self._room = tables, types, free.clamp(min=0), room[:, None, None]
        self._own = tables.link_cost[types, self._free]
        self.pending = ~(types == tables.linked).any(1)

    def adds(self, cost: Tensor) -> Tensor:
        """bool [B, N, K_a]: atoms that may be added; ``cost`` int64 [B, N, K_a] as of ``GrowthTables.add_cost``."""
        tables, own = self._tables, self._own
        kind, order = tables.option_type[: tables.n_adds], tables.option_order[: tables.n_adds]
        others = _least_but(own, torch.arange(own.shape[1], device=own.device)[:, None])
        after = tables.link_cost[self._types[:, :, None], (self._free[:, :, None] - order).clamp(min=0)]
        by_new = tables.link_cost[kind, (tables.valence[kind] - order).clamp(min=0)]
        least = torch.minimum(torch.minimum(others[:, :, None], after), by_new)
        pending = self.pending[:, None, None]
        return torch.where(kind == tables.linked, pending, ~pending | (cost + least <= self._room))

    def closures(self, pairs: Tensor, cost: Tensor) -> Tensor:
        """bool [B, P, 4]: ring bonds that may be closed between ``pairs`` [2, P]; ``cost`` int64 [B, P, 4] of room."""
        orders = torch.arange(4, device=cost.device)
        after = self._tables.link_cost[self._types[:, :, None], (self._free[:, :, None] - orders).clamp(min=0)]
        least = torch.minimum(after[:, pairs[0]], after[:, pairs[1]])
        least = torch.minimum(least, _least_but(self._own, pairs.T)[:, :, None])
        return ~self.pending[:, None, None] | (cost + least <= self._room)


def _least_but(values: Tensor, left_out: Tensor) -> Tensor:
    """The least of ``values`` [B, N] but for the slots ``left_out`` [M, c], as [B, M]; very large where none is."""
    large = torch.full((len(values), left_out.shape[1] + 1), 1 << 30, dtype=values.dtype, device=values.device)
    few = torch.cat([values, large], 1).topk(left_out.shape[1] + 1, dim=1, largest=False)
    least = large[:, :1].expand(-1, len(left_out))
    for value, slot in zip(few.values.unbind(1), few.indices.unbind(1), strict=True):
        usable = (slot[:, None, None] != left_out).all(2)
        least = torch.where(usable, torch.minimum(least, value[:, None]), least)
    return least
