"""How many molecules hold groups of atoms that chemists would not make."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from molgfn.chemistry.motifs import unusual_motifs
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import Scale, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind


class UnusualMotifs(Metric):
    """Share of the unique valid molecules that hold a motif of ``chemistry.motifs``, with the Wilson interval.

    ``unusual_motifs/<name>`` is the share that holds one of them; motifs that no molecule holds are left out. Of 5,000
    molecules of ZINC 4.5 % hold one, most of them N-N.
    """

    name: ClassVar[str] = "unusual_motifs"
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Bruns and Watson, J. Med. Chem. 55 (2012) 9763"
    scales: ClassVar[Scales] = {"unusual_motifs*": Scale("minimise", worst=1.0, best=0.0)}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        found = [unusual_motifs(molecule.mol) for molecule in samples.different]
        out = {self.name: Reading.proportion(sum(map(bool, found)), len(found))}
        for motif, count in Counter(name for names in found for name in names).most_common():
            out[f"{self.name}/{motif}"] = Reading.proportion(count, len(found))
        return out
