"""Mutants of given molecules, such as a series that is to be varied."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.acquisition.proposers.genetic import mutant, of_size
from molgfn.acquisition.proposers.given import MoleculeFile
from molgfn.chemistry.molecules import Molecule
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.paths import NamedInput

Count = Annotated[int, Field(ge=1)]


class Mutations(Proposer):
    """Mutants of the molecules of a file, one to several steps away; whatever is known of others does not matter.

    Args:
        molecules: a file of molecules, or the name of a set.
        count: tried each round; some come to nothing.
        steps: most mutations one after the other; how many is drawn for each, every number equally likely.
        max_atoms: heavy atoms of a mutant, at most.
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones; None reads all.
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    begins: ClassVar[bool] = True

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        count: Count = 200,
        steps: Count = 3,
        max_atoms: Annotated[int, Field(ge=2)] = 60,
        column: str | None = None,
        limit: Count | None = 10_000,
    ) -> None:
        self.count, self.steps, self.max_atoms = count, steps, max_atoms
        self.file = MoleculeFile(molecules, column, limit)

    def prepare(self) -> None:
        _ = self.file.content

    def propose(self, ask: Ask) -> Sequence[Molecule]:
        random = Random(int(ask.random.integers(2**63)))
        given = self.file.content
        out: list[Molecule | None] = []
        for row in ask.random.integers(len(given), size=self.count).tolist():
            made: Molecule | None = given[row]
            for _ in range(random.randint(1, self.steps)):
                made = None if made is None else mutant(made, random)
            out.append(made)
        return of_size(out, self.max_atoms)
