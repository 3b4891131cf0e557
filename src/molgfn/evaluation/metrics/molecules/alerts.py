"""How many molecules have no structural alert."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind
from molgfn.oracles.structure.alerts import Alerts, Catalog


class AlertsPassRate(Metric):
    """Share of the unique valid molecules in which RDKit's catalogue of that name finds nothing, and of those that
    pass all catalogues (``alerts/all``), with the Wilson interval.

    Approved drugs have alerts, too: compare with a reference.

    Args:
        catalogs: names of catalogues, as of the oracle ``alerts``.
    """

    name: ClassVar[str] = "alerts"
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Baell and Holloway, doi:10.1021/jm901137j; Brenk et al., doi:10.1002/cmdc.200700139"
    scales: ClassVar[Scales] = {"alerts/*": SHARE}

    def __init__(self, *, catalogs: Sequence[Catalog] = ("PAINS", "BRENK")) -> None:
        self.catalogs = tuple(catalogs)

    @cached_property
    def _oracles(self) -> dict[Catalog, Alerts]:
        """Read at the first measurement: a run that is not measured need not wait for them."""
        return {name: Alerts(catalogs=(name,)) for name in self.catalogs}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        count = len(samples.unique)
        passed = {name: oracle.values(samples.different) > 0 for name, oracle in self._oracles.items()}
        passed_all = np.all(list(passed.values()), axis=0) if passed else np.ones(count, dtype=bool)
        return {
            f"{self.name}/{name}": Reading.proportion(int(ok.sum()), count)
            for name, ok in {**passed, "all": passed_all}.items()
        }
