"""A genetic algorithm on molecular graphs, whose inner generations are judged by the model of the acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.acquisition.proposers.genetic import child, mutant, of_size
from molgfn.acquisition.proposers.given import MoleculeFile
from molgfn.acquisition.ranking import rank_weights
from molgfn.chemistry.molecules import Molecule
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.paths import NamedInput

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class GraphGA(Proposer):
    """Offspring of the best known molecules, over several generations that cost no call.

    The population is the best known molecules. Parents are drawn with rank weights 1 / (k N + rank); offspring are
    crossovers (half of them through a ring), or mutants. Where the acquisition has a model, each generation's offspring
    join the population by what the model hopes of them and may be parents of the next; without one nobody could say
    which are good, and all generations have the known ones as parents. All offspring are candidates.

    Args:
        offspring: tried in each generation; some come to nothing.
        generations: of each round.
        population: the best molecules that may be parents.
        rank_weight: k; small takes the best almost alone.
        mutants: share of the offspring that is a mutant of one parent.
        mutation_rate: probability that a crossover is mutated as well.
        max_atoms: heavy atoms of an offspring, at most.
        molecules: a file or named set of which some join the population each round, judged by the model; None for none.
        joining: how many of them.
        limit: entries of it that are read, the first ones; None reads all.

    Reference: Jensen 2019, doi:10.1039/C8SC05372C (graph GA); Tripp and Hernández-Lobato 2023, arXiv 2310.09267
    (``mol_ga``, whose operators these are); the inner generations as in arXiv 2406.07721.
    """

    kinds: ClassVar[type[ObjectKind]] = MoleculeKind

    def __init__(
        self,
        *,
        offspring: Count = 200,
        generations: Count = 5,
        population: Annotated[int, Field(ge=2)] = 1000,
        rank_weight: Annotated[float, Field(gt=0)] = 0.01,
        mutants: Share = 0.1,
        mutation_rate: Share = 0.01,
        max_atoms: Annotated[int, Field(ge=2)] = 60,
        molecules: NamedInput | None = None,
        joining: Count = 200,
        limit: Count | None = 10_000,
    ) -> None:
        self.offspring, self.generations, self.population = offspring, generations, population
        self.rank_weight, self.mutants, self.mutation_rate = rank_weight, mutants, mutation_rate
        self.max_atoms, self.joining = max_atoms, joining
        self.file = None if molecules is None else MoleculeFile(molecules, None, limit)

    def prepare(self) -> None:
        if self.file is not None:
            _ = self.file.content

    def propose(self, ask: Ask) -> Sequence[Molecule]:
        rows = ask.known.best(self.population)
        parents: list[Molecule] = ask.known.take(rows)
        fitness = ask.known.worth[rows]
        random = Random(int(ask.random.integers(2**63)))  # mol_ga draws from Python's own
        seen = {molecule.smiles for molecule in parents}
        found: list[Molecule] = []
        if self.file is not None and ask.hopes is not None and len(parents):
            joining = _new(self.file.draw(self.joining, ask.random), seen)
            parents, fitness = self._joined(parents, fitness, joining, ask)
            found += joining
        for _ in range(self.generations):
            if len(parents) < 2:
                return found
            born = _new(self._born(parents, fitness, ask.random, random), seen)
            found += born
            parents, fitness = self._joined(parents, fitness, born, ask)
        return found

    def _born(
        self, parents: list[Molecule], fitness: np.ndarray, draws: np.random.Generator, random: Random
    ) -> list[Molecule]:
        """What comes of one generation."""
        weights = rank_weights(fitness, self.rank_weight)
        pairs = draws.choice(len(parents), (self.offspring, 2), p=weights).tolist()
        alone = (draws.random(self.offspring) < self.mutants).tolist()
        made = [
            mutant(parents[one], random) if single else child(parents[one], parents[two], self.mutation_rate, random)
            for (one, two), single in zip(pairs, alone, strict=True)
        ]
        return of_size(made, self.max_atoms)

    def _joined(
        self, parents: list[Molecule], fitness: np.ndarray, more: list[Molecule], ask: Ask
    ) -> tuple[list[Molecule], np.ndarray]:
        """The best of the population and of ``more``, by value where it is known and by hope where it is not."""
        if ask.hopes is None or not more:
            return parents, fitness
        together, worth = [*parents, *more], np.concatenate([fitness, ask.hopes(more)])
        order = np.argsort(-worth, kind="stable")[: self.population]
        return [together[row] for row in order.tolist()], worth[order]


def _new(molecules: list[Molecule], seen: set[str]) -> list[Molecule]:
    """Those that were not seen, each once; they are seen then."""
    out = []
    for molecule in molecules:
        if molecule.smiles not in seen:
            seen.add(molecule.smiles)
            out.append(molecule)
    return out
