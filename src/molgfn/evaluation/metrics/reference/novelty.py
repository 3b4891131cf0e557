"""How many molecules are not in the reference."""

from __future__ import annotations

from typing import ClassVar

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class Novelty(Metric):
    """Share of the unique valid molecules that are not in the reference set, with Wilson interval.

    By canonical SMILES; a molecule of the reference counts as it is, and without its stereo marks, isotopes and those
    charges that protons explain, which is how a fragment environment builds it.
    """

    name: ClassVar[str] = "novelty"
    requires: ClassVar[frozenset[str]] = frozenset({"reference"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Brown et al., GuacaMol, J. Chem. Inf. Model. 59 (2019), arXiv 1811.09621"
    scales: ClassVar[Scales] = {"novelty": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        known = samples.reference or frozenset()
        new = sum(samples.keys[i] not in known for i in samples.unique)
        return {"novelty": Reading.proportion(new, len(samples.unique))}
