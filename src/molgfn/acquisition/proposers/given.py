"""Molecules of a file, none of them labelled: where a loop begins, and random screening where nothing else proposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.reading import AS_IT_IS, open_molecules
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.paths import NamedInput


class MoleculeFile:
    """The molecules of a file or a named set, read when they are first asked for.

    Args:
        molecules: a file, or the name of a set.
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones; None reads all.
    """

    def __init__(self, molecules: str, column: str | None, limit: int | None) -> None:
        self.molecules, self.column, self.limit = molecules, column, limit
        self._read: list[Molecule] | None = None

    @property
    def content(self) -> list[Molecule]:
        """Different valid molecules, in order."""
        if self._read is None:
            found = open_molecules(self.molecules, column=self.column, limit=self.limit, standardise=AS_IT_IS)
            self._read = list({molecule.smiles: molecule for molecule in found.molecules}.values())
        return self._read

    def draw(self, n: int, random: np.random.Generator) -> list[Molecule]:
        """``n`` different ones, or all."""
        count = len(self.content)
        return [self.content[row] for row in random.choice(count, min(n, count), replace=False)]


class GivenMolecules(Proposer):
    """Molecules of a file, drawn at random from those that are not known yet. Their values are not read.

    Args:
        molecules: a file of molecules, or the name of a set (``molgfn data list``), which is fetched if need be.
        count: how many each round.
        first_only: only while nothing is known: a loop begins with them and then does without.
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones; None reads all.
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    begins: ClassVar[bool] = True

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        count: Annotated[int, Field(ge=1)] = 1000,
        first_only: bool = False,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
    ) -> None:
        self.count, self.first_only = count, first_only
        self.file = MoleculeFile(molecules, column, limit)

    def prepare(self) -> None:
        _ = self.file.content

    def propose(self, ask: Ask) -> Sequence[Molecule]:
        if self.first_only and len(ask.known):
            return []
        rows = ask.random.permutation(len(self.file.content)).tolist()
        new = (self.file.content[row] for row in rows if self.file.content[row].smiles not in ask.known)
        return [molecule for molecule, _ in zip(new, range(self.count), strict=False)]
