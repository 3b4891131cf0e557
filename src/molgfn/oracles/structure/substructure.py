"""Whether a molecule contains given substructures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.patterns import patterns
from molgfn.oracles.base import Oracle


class Substructure(Oracle):
    """1 where a molecule contains the substructures (SMARTS), else 0.

    As a constraint it belongs into a ``WeightedMean`` with ``filter: true``.

    Args:
        smarts: the pattern, or a list of them. Chirality in them does not count.
        mode: any: at least one of them is there; all: each of them; none: not one of them.

    Raises:
        ConfigError: no SMARTS, or one that cannot be read; the message says which.
    """

    name: ClassVar[str] = "substructure"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "rdkit's substructure search"

    def __init__(
        self,
        *,
        smarts: str | Annotated[list[str], Field(min_length=1)] | None = None,
        mode: Literal["any", "all", "none"] = "any",
    ) -> None:
        self.mode = mode
        self._patterns = patterns(smarts)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """1 or 0 for each molecule, float64 [B]."""
        enough: Callable[[Iterable[bool]], bool] = all if self.mode == "all" else any  # both stop as soon as they can
        found = [enough(_contains(m, p) for p in self._patterns) for m in objects]
        return np.array([f is (self.mode != "none") for f in found], dtype=np.float64)


def _contains(molecule: Molecule, pattern: Chem.Mol) -> bool:
    if molecule.mol is None:
        raise ValueError(f"substructure: the molecule is not valid ({molecule.problem}); leave invalid ones out")
    return molecule.mol.HasSubstructMatch(pattern)
