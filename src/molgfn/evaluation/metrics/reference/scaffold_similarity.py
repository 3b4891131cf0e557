"""Whether the molecules are built around the same scaffolds as the reference."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.scaffolds import murcko
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.reference import count_similarity
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind

#: smaller scaffolds are single rings, which all molecules share
RINGS = 2


class ScaffoldSimilarity(Metric):
    """Cosine of how often each scaffold (Bemis and Murcko) occurs in the unique molecules and in the reference.

    Scaffolds of two or more rings only, because single rings are everybody's. The reference is a sample of it where it
    is large.
    """

    name: ClassVar[str] = "scaffold_similarity"
    requires: ClassVar[frozenset[str]] = frozenset({"reference_sample"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Polykovskiy et al., MOSES, Front. Pharmacol. 11 (2020), arXiv 1811.12823"
    scales: ClassVar[Scales] = {"scaffold_similarity": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        return {self.name: count_similarity(samples, _scaffolds)}


def _scaffolds(samples: Samples) -> Counter[str]:
    molecules: list[Molecule] = samples.different
    return Counter(
        murcko(molecule)
        for molecule in molecules
        if molecule.mol is not None and molecule.mol.GetRingInfo().NumRings() >= RINGS
    )
