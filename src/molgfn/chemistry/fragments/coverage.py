"""Which molecules a vocabulary can build: cut them into its fragments, put them together again, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.labels import resolve_joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.chemistry.trees.decomposition import Decomposer


@dataclass
class Coverage:
    """How many molecules a vocabulary can rebuild.

    Attributes:
        molecules: number of valid molecules looked at.
        rebuilt: number of those that some fragment tree builds, stereo marks aside.
        missing: positions (from 0) of the others.
    """

    molecules: int = 0
    rebuilt: int = 0
    missing: list[int] = field(default_factory=list, repr=False)

    @property
    def share(self) -> float:
        """``rebuilt / molecules``; 0 where there was no molecule."""
        return self.rebuilt / self.molecules if self.molecules else 0.0


class Rebuilder:
    """Says which molecules trees of fragments build.

    Args:
        vocabulary: the fragments.
        max_fragments: size limit of a tree.
        joins: which points may be joined, see ``resolve_joins``; by default what the vocabulary's labels say.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, max_fragments: int = 9, joins: str | Mapping[str, Any] | None = None
    ) -> None:
        _, types = resolve_joins(joins, vocabulary)
        self._decomposer = Decomposer(vocabulary, max_fragments=max_fragments, joins=types)
        self._assembler = Assembler(vocabulary)

    def __call__(self, molecule: Molecule) -> bool:
        """Whether a valid molecule is cut into fragments that give it again, stereo marks aside."""
        tree = None if molecule.mol is None else self._decomposer.decompose(molecule.mol)
        if tree is None or molecule.mol is None:
            return False
        (again,) = self._assembler.molecules(tree[0][None], tree[1][None])
        return again.smiles == flat_smiles(molecule.mol)


def coverage(
    vocabulary: Vocabulary,
    molecules: Iterable[Molecule],
    *,
    max_fragments: int = 9,
    joins: str | Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Coverage:
    """Share of ``molecules`` that trees of at most ``max_fragments`` fragments build, whatever the way they are cut.

    Args:
        vocabulary: the fragments.
        molecules: invalid ones are passed over.
        max_fragments: size limit.
        joins: which points may be joined, see ``resolve_joins``; by default what the vocabulary's labels say.
        progress: called with the number of molecules done, every 100.
    """
    rebuilds, result = Rebuilder(vocabulary, max_fragments=max_fragments, joins=joins), Coverage()
    for position, molecule in enumerate(molecules):
        if progress is not None and position and position % 100 == 0:
            progress(position)
        if molecule.mol is None:
            continue
        result.molecules += 1
        if rebuilds(molecule):
            result.rebuilt += 1
        else:
            result.missing.append(position)
    return result
