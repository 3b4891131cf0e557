"""Whether the molecules are made of the same pieces as the reference."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rdkit import Chem
from rdkit.Chem import BRICS

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.reference import count_similarity
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class FragmentSimilarity(Metric):
    """Cosine of how often each BRICS fragment occurs in the unique molecules and in (a sample of) the reference.

    1 where both are made of the same pieces in the same shares, 0 where they have no piece in common.
    """

    name: ClassVar[str] = "fragment_similarity"
    requires: ClassVar[frozenset[str]] = frozenset({"reference_sample"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Polykovskiy et al., MOSES, Front. Pharmacol. 11 (2020), arXiv 1811.12823"
    scales: ClassVar[Scales] = {"fragment_similarity": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        return {self.name: count_similarity(samples, _fragments)}


def _fragments(samples: Samples) -> Counter[str]:
    found: Counter[str] = Counter()
    for i in samples.unique:
        found.update(Chem.MolToSmiles(BRICS.BreakBRICSBonds(samples.objects[i].mol)).split("."))
    return found
