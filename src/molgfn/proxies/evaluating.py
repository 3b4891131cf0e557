"""A fitted proxy judged on a table: on what it did not see, or on molecules that came later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from rdkit import Chem

from molgfn.errors import ConfigError, DataError
from molgfn.proxies.base import FittedProxy
from molgfn.proxies.calibration import Calibration, judge
from molgfn.proxies.classes.labels import Task
from molgfn.proxies.splits import Parts, split
from molgfn.proxies.table import PropertyTable

PartName = Literal["train", "validation", "test"]


def parts_of(proxy: FittedProxy, table: PropertyTable) -> Parts | None:
    """The rows of the parts into which ``fit`` had split this very table; None where it is another file."""
    made, labels = proxy.card.settings, table.values if proxy.card.task == "classification" else None
    if proxy.card.data.get("sha256") != table.sha256 or table.name != proxy.card.property:
        return None
    own = {name: made[name] for name in ("validation", "test", "seed")}
    return split(table.molecules, kind=made["split"], labels=labels, **own)


def rows_of(proxy: FittedProxy, table: PropertyTable) -> dict[str, np.ndarray]:
    """Part -> its rows: train, validation and test (which may be empty) as of ``parts_of``, or ``all`` of them."""
    parts = parts_of(proxy, table)
    if parts is None:
        return {"all": np.arange(len(table.molecules))}
    return {"train": parts.train, "validation": parts.validation, "test": parts.test}


def require_task(proxy: FittedProxy, table: PropertyTable, task: Task) -> None:
    """Refuse a proxy or a table of the other task, for their rows are not the same either.

    Raises:
        ConfigError: it is.
    """
    if proxy.card.task != task:
        other = "evaluating.evaluate" if task == "classification" else "classes.evaluating.evaluate_classes"
        raise ConfigError(f"the proxy was fitted by task {proxy.card.task}: `molgfn.proxies.{other}` judges it")
    if table.task != task:
        raise ConfigError(f"{table.path}: was read for task {table.task}, the proxy is of task {task}")


def evaluate(
    proxy: FittedProxy, table: PropertyTable, outside: Sequence[Chem.Mol] | None = None
) -> dict[str, Calibration]:
    """Calibration by part: train, validation and test where ``table`` is that which the proxy was fitted to; else of
    ``all`` its molecules.

    Args:
        proxy: the proxy.
        table: molecules and their values, which are those of the proxy's property.
        outside: molecules unlike those of training; their stated standard deviations should be larger.

    Raises:
        ConfigError: the proxy was fitted to labels, or the table holds some.
        DataError: a value is not finite; its row is named.
    """
    require_task(proxy, table, "regression")
    table.require_finite()
    mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
    mean, std = proxy.predict(mols)
    if (std <= 0).any():
        row = int((std <= 0).argmax())
        raise DataError(
            f"{table.path}: row {row + 1} ({table.molecules[row].smiles}): the proxy states a standard deviation of 0, "
            "so that no likelihood can be told"
        )
    rows = rows_of(proxy, table)
    away = None if outside is None else proxy.predict(outside)[1]
    return {name: judge(table.values[own], mean[own], std[own], away) for name, own in rows.items() if len(own)}
