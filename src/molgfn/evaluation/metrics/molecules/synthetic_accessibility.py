"""How hard the molecules look to make."""

from __future__ import annotations

from typing import ClassVar

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import Scale, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.oracles.properties.sa import SA


class SyntheticAccessibility(Metric):
    """Mean SA score over the unique valid molecules, with the t interval: 1 is easy to make, 10 is hard.

    It counts common fragments, rings, stereocentres and size; it knows no route.
    """

    name: ClassVar[str] = "synthetic_accessibility"
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Ertl and Schuffenhauer, J. Cheminformatics 1 (2009) 8, doi:10.1186/1758-2946-1-8"
    scales: ClassVar[Scales] = {"synthetic_accessibility": Scale("minimise", worst=10.0, best=1.0)}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        if not len(samples.unique):
            return {self.name: Reading.missing("no valid molecule")}
        return {self.name: Reading.mean(SA().values(samples.different))}
