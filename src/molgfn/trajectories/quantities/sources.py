"""Where trajectories of a batch come from."""

from __future__ import annotations

import zlib
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation


class SourceCode(Quantity):
    """[B], int64, a number for the source of each trajectory (``code_of`` its name in ``data.sources``)."""

    name: ClassVar[str] = "source_code"
    per_step: ClassVar[bool] = False

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        t = evaluation.trajectories
        return torch.tensor([code_of(name) for name in t.source or [""] * len(t)], device=t.lengths.device)


def code_of(source: str) -> int:
    """The number of a source, the same in every process and run."""
    return zlib.crc32(source.encode())
