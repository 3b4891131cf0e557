"""How like a lead an object is, and whether it keeps what it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.scaffolds import murcko
from molgfn.chemistry.similarity import References
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE


def similarities(kind: ObjectKind, lead: Any, things: Sequence[Any]) -> list[float]:
    """In [0, 1] for each object: Tanimoto (ECFP4, 2048 bits) of molecules, of others 1 - edit distance / length of the
    longer key.
    """
    if not len(things):
        return []
    if kind is MOLECULE:
        return References([lead.mol], "ecfp4", counts=False).tanimoto([thing.mol for thing in things])[:, 0].tolist()
    (own,) = kind.keys([lead])
    keys = kind.keys(list(things))
    return [1 - edit_distance(own, key) / max(len(own), len(key), 1) for key in keys]


def edit_distance(one: str, other: str) -> int:
    """Levenshtein: fewest symbols put in, taken out or changed that make one text the other."""
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
        before = row
    return before[-1]


@dataclass(frozen=True)
class Kept:
    """What every child of a lead must contain.

    Attributes:
        patterns: of ``keep``, the same for all leads.
        scaffold: the lead's own Murcko scaffold as well.
    """

    patterns: tuple[Chem.Mol, ...] = ()
    scaffold: bool = False

    def of(self, lead: Molecule) -> tuple[Chem.Mol, ...]:
        """What children of this lead must contain; a lead without rings has no scaffold to keep."""
        own = murcko(lead) if self.scaffold else ""
        return (*self.patterns, *([Chem.MolFromSmiles(own)] if own else []))

    def lacking(self, lead: Molecule) -> bool:
        """The lead does not contain the patterns itself."""
        return not all(lead.mol.HasSubstructMatch(pattern) for pattern in self.patterns)  # type: ignore[union-attr]

    def __bool__(self) -> bool:
        return self.scaffold or bool(self.patterns)
