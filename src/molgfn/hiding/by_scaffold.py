"""Molecules of a random part of all scaffolds are hidden."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.scaffolds import murcko
from molgfn.environments.base import Environment
from molgfn.hiding.base import HiddenObjects
from molgfn.hiding.drawing import unit_number
from molgfn.objects.molecule import MOLECULE


class HiddenByScaffold(HiddenObjects):
    """Hides each Bemis-Murcko scaffold with all its molecules with the same probability, by a hash of its SMILES.

    Molecules without a ring have no scaffold, and stay visible; so do invalid ones, which have no structure.

    Args:
        share: probability that a scaffold is hidden, in (0, 1).
        salt: another number hides others.

    Reference: Bemis and Murcko, J. Med. Chem. 1996, 39, 2887 (scaffolds); the split is that of MoleculeNet, arXiv
    1703.00564, but random.
    """

    def __init__(self, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.1, salt: int = 0) -> None:
        self.share, self.salt = share, salt

    def hides(self, objects: Any, keys: list[str], steps: Tensor) -> Tensor:
        scaffolds = [murcko(molecule) if molecule.valid else "" for molecule in objects]
        hidden = [bool(text) and unit_number(text, self.salt) < self.share for text in scaffolds]
        return torch.tensor(hidden, dtype=torch.bool)

    def misfit(self, environment: Environment) -> str | None:
        if environment.kind is MOLECULE:
            return None
        return f"only molecules have scaffolds, and {type(environment).__name__} builds {environment.kind.plural}"
