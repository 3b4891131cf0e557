"""How often given substructures occur in a molecule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.patterns import patterns
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.oracles.base import Oracle


class SubstructureCount(Oracle):
    """Number of matches of given substructures (SMARTS), or of those of them that are there at all.

    Matches on the same atoms count once. Fewer is declared better, as of groups to be avoided; a transform in a
    ``WeightedMean`` says what is wanted (``RightStep`` with ``high: 2``: at least two).

    Args:
        smarts: the pattern, or a list of them. Chirality in them does not count.
        count: matches: of all patterns together; patterns: how many of the patterns match at least once.

    Raises:
        ConfigError: no SMARTS, or one that cannot be read; the message says which.
    """

    name: ClassVar[str] = "substructure_count"
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    source: ClassVar[str] = "rdkit's substructure search"

    def __init__(
        self,
        *,
        smarts: str | Annotated[list[str], Field(min_length=1)] | None = None,
        count: Literal["matches", "patterns"] = "matches",
    ) -> None:
        self._patterns = patterns(smarts)
        self.count = count

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """The number for each molecule, float64 [B]."""
        mols = without_hydrogens(objects)
        if self.count == "patterns":
            return np.array([sum(mol.HasSubstructMatch(p) for p in self._patterns) for mol in mols], dtype=np.float64)
        # rdkit stops at 1,000 matches unless it is told otherwise
        return np.array(
            [sum(len(mol.GetSubstructMatches(p, maxMatches=2**31 - 1)) for p in self._patterns) for mol in mols],
            dtype=np.float64,
        )
