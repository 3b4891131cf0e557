"""Joint mutual information of sets, whatever the model is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.errors import DataError
from molgfn.information.base import Information
from molgfn.information.pools import Pool
from molgfn.objects.base import ObjectKind
from molgfn.objects.set import SET
from molgfn.oracles.base import Oracle


class SetInformation(Oracle):
    """I(y_B; model) in nats, of sets B of members of a pool.

    Args:
        pool: that of the environment.
    """

    kind: ClassVar[ObjectKind] = SET
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    units: ClassVar[str] = "nat"
    source: ClassVar[str] = "arXiv 2306.15058"

    def __init__(self, *, pool: Pool) -> None:
        self.pool = pool

    @abstractmethod
    def make(self) -> Information:
        """The information of the pool's members."""

    @cached_property
    def information(self) -> Information:
        """What ``make`` makes, once."""
        return self.make()

    def prepare(self) -> None:
        _ = self.information

    @property
    def files(self) -> tuple[Path, ...]:
        return self.pool.files

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Of each set, float64 [B]; ``objects`` is int64 [B, k] (a tensor on the CPU, or an array), -1 for none."""
        sets = np.asarray(objects)
        if sets.ndim != 2:
            raise DataError(f"oracle {self.name}: got sets of shape {sets.shape}; it takes [B, k]")
        if sets.max(initial=-1) >= len(self.information):
            raise DataError(
                f"oracle {self.name}: the pool has no member {sets.max()}; they are 0 to {len(self.information) - 1}"
            )
        ordered = np.sort(np.where(sets < 0, len(self.information), sets), 1)  # empty places last
        return self.information.of(np.where(ordered == len(self.information), -1, ordered))
