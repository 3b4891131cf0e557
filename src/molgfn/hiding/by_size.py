"""Large objects are hidden."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.hiding.base import HiddenObjects
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.string import STRING


class HiddenBySize(HiddenObjects):
    """Hides molecules with more heavy atoms, or strings with more letters, than ``above``; invalid ones stay visible.

    Args:
        above: the largest size that is seen, at least 1.

    Reference: Krichel et al., arXiv 2407.03105 (rewards of large objects hidden in training).
    """

    def __init__(self, *, above: Annotated[int, Field(ge=1)] = 20) -> None:
        self.above = above

    def hides(self, objects: Any, keys: list[str], steps: Tensor) -> Tensor:
        sizes = [len(x) if isinstance(x, str) else x.mol.GetNumHeavyAtoms() if x.valid else 0 for x in objects]
        return torch.tensor(sizes, dtype=torch.int64) > self.above

    def misfit(self, environment: Environment) -> str | None:
        if environment.kind is MOLECULE or environment.kind is STRING:
            return None
        return (
            f"the size of {environment.kind.plural} is not known, only that of molecules and strings; use hidden=length"
        )
