"""A classifier judged on a table of labels: on what it did not see, or on molecules that came later."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

from molgfn.chemistry.molecules import mols_of
from molgfn.proxies.base import FittedProxy
from molgfn.proxies.classes.metrics import ClassCalibration, judge_classes
from molgfn.proxies.evaluating import require_task, rows_of
from molgfn.proxies.table import PropertyTable


def evaluate_classes(
    proxy: FittedProxy, table: PropertyTable, outside: Sequence[Chem.Mol] | None = None
) -> dict[str, ClassCalibration]:
    """Metrics by part: train, validation and test where ``table`` is that which the proxy was fitted to; else of
    ``all`` its molecules.

    Args:
        proxy: fitted to labels.
        table: molecules and their labels, read with ``task="classification"``.
        outside: molecules unlike those of training; the proxy should be less sure of their labels.

    Raises:
        ConfigError: the proxy was fitted to numbers, or the table holds some.
        DataError: a value is no label; its row is named.
    """
    require_task(proxy, table, "classification")
    table.require_labels()
    members = proxy.members(mols_of(table.molecules))
    away = None if outside is None else proxy.members(outside)
    rows = rows_of(proxy, table)
    return {name: judge_classes(table.values[own], members[:, own], away) for name, own in rows.items() if len(own)}
