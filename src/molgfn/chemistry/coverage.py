"""Which molecules a vocabulary can build: cut them into its fragments, put them together again, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from molgfn.chemistry.assembly import Assembler
from molgfn.chemistry.decomposition import Decomposer
from molgfn.chemistry.identity import flat_smiles
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.vocabulary import Vocabulary


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


def coverage(
    vocabulary: Vocabulary,
    molecules: Iterable[Molecule],
    *,
    max_fragments: int = 9,
    progress: Callable[[int], None] | None = None,
) -> Coverage:
    """Share of ``molecules`` that trees of at most ``max_fragments`` fragments build, whatever the way they are cut.

    Args:
        vocabulary: the fragments.
        molecules: invalid ones are passed over.
        max_fragments: size limit.
        progress: called with the number of molecules done, every 100.
    """
    decomposer = Decomposer(vocabulary, max_fragments=max_fragments)
    assembler = Assembler(vocabulary)
    result = Coverage()
    for position, molecule in enumerate(molecules):
        if progress is not None and position and position % 100 == 0:
            progress(position)
        if molecule.mol is None:
            continue
        result.molecules += 1
        tree = decomposer.decompose(molecule.mol)
        if tree is not None:
            (again,) = assembler.molecules(tree[0][None], tree[1][None])
            if again.smiles == flat_smiles(molecule.mol):
                result.rebuilt += 1
                continue
        result.missing.append(position)
    return result
