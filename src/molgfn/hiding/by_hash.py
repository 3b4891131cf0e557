"""A random part of all objects is hidden."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.hiding.base import HiddenObjects
from molgfn.hiding.drawing import unit_number


class HiddenByHash(HiddenObjects):
    """Hides each object with the same probability, by a hash of its key: neighbours of what is hidden are seen.

    Args:
        share: probability that an object is hidden, in (0, 1).
        salt: another number hides another part.

    Reference: Atanackovic and Bengio, arXiv 2402.05309 (a held-out set of objects that no training trajectory ends in).
    """

    def __init__(self, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.1, salt: int = 0) -> None:
        self.share, self.salt = share, salt

    def hides(self, objects: Any, keys: list[str], steps: Tensor) -> Tensor:
        return torch.tensor([unit_number(key, self.salt) < self.share for key in keys], dtype=torch.bool)
