"""A fitted proxy judged on a table: on what it did not see, or on molecules that came later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from rdkit import Chem

from molgfn.errors import DataError
from molgfn.proxies.base import FittedProxy
from molgfn.proxies.calibration import Calibration, judge
from molgfn.proxies.splits import Parts, split
from molgfn.proxies.table import PropertyTable

PartName = Literal["train", "validation", "test"]


def parts_of(proxy: FittedProxy, table: PropertyTable) -> Parts | None:
    """The rows of the parts into which ``fit`` had split this very table; None where it is another file."""
    made = proxy.card.settings
    if proxy.card.data.get("sha256") != table.sha256 or table.name != proxy.card.property:
        return None
    own = {name: made[name] for name in ("validation", "test", "seed")}
    return split(table.molecules, kind=made["split"], **own)


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
        DataError: a value is not finite; its row is named.
    """
    table.require_finite()
    mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
    mean, std = proxy.predict(mols)
    if (std <= 0).any():
        row = int((std <= 0).argmax())
        raise DataError(
            f"{table.path}: row {row + 1} ({table.molecules[row].smiles}): the proxy states a standard deviation of 0, "
            "so that no likelihood can be told"
        )
    parts = parts_of(proxy, table)
    rows = (
        {"all": np.arange(len(mols))}
        if parts is None
        else {name: getattr(parts, name) for name in ("train", "validation", "test")}
    )
    away = None if outside is None else proxy.predict(outside)[1]
    return {name: judge(table.values[own], mean[own], std[own], away) for name, own in rows.items() if len(own)}
