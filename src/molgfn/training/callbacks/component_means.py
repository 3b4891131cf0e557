"""Means of the components of a reward over the batches since the last row of metrics."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class ComponentMeans:
    """``component/<name>/mean`` over all objects that have the component; NaN where none has."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Tensor]] = {}

    def add(self, components: Mapping[str, Tensor]) -> None:
        """Take up the components [B] of one batch."""
        for name, column in components.items():
            self._columns.setdefault(name, []).append(column.detach())

    def means(self) -> dict[str, Tensor]:
        return {f"component/{name}/mean": torch.cat(parts).nanmean() for name, parts in self._columns.items() if parts}

    def clear(self) -> None:
        """Begin a new row; the names are kept."""
        for parts in self._columns.values():
            parts.clear()

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {name: list(parts) for name, parts in self._columns.items()}

    def load_state_dict(self, state: Mapping[str, list[Tensor]]) -> None:
        self._columns = {name: list(parts) for name, parts in state.items()}
