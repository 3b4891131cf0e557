"""From a table to a proxy: split, standardise, train, calibrate, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

import numpy as np

from molgfn import __version__
from molgfn.errors import DataError
from molgfn.proxies.ensemble import ProxyCard, ProxyEnsemble
from molgfn.proxies.features import VERSION, molecule_graphs
from molgfn.proxies.metrics import measure, std_factor
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.splits import Kind, split
from molgfn.proxies.table import PropertyTable
from molgfn.proxies.training import Epoch, FitSettings, predict, train


def fit(
    table: PropertyTable,
    settings: FitSettings | None = None,
    *,
    kind: Kind = "random",
    validation: float = 0.1,
    test: float = 0.1,
    direction: Literal["maximise", "minimise"] = "maximise",
    units: str = "1",
    fingerprints: bool = True,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> ProxyEnsemble:
    """Fit an ensemble to a table.

    The property is standardised over the training part. The standard deviation over the members is then scaled so that
    it is right on average on the validation part; the test part is for judging only.

    Args:
        table: the molecules and their values.
        settings: of the training; None for the defaults.
        kind: of the split, whose seed is that of the settings.
        validation: share of the molecules.
        test: share of the molecules; 0 for none.
        direction: which way of the property is better.
        units: of the property.
        fingerprints: keep those of the training molecules, so that the proxy can say how near a molecule is to them.
        on_epoch: called after each epoch.

    Raises:
        DataError: too few molecules, or a value that is the same for all of them.
        TrainingError: training diverged.
    """
    settings = settings or FitSettings()
    parts = split(table.molecules, kind=kind, validation=validation, test=test, seed=settings.seed)
    values = table.values
    mean, scale = float(values[parts.train].mean()), float(values[parts.train].std())
    if not scale > 1e-9 * max(1e-30, float(np.abs(values).max())):
        raise DataError(f"{table.path}: `{table.name}` is {mean:g} for all training molecules: nothing to learn")
    mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
    graphs = molecule_graphs(mols)
    network, history = train(graphs, (values - mean) / scale, parts, settings, on_epoch)
    each = predict(network, graphs).double().numpy() * scale + mean
    predicted, raw = each.mean(0), each.std(0, ddof=1)
    rows = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    held = rows["validation"]
    factor = std_factor(values[held], predicted[held], raw[held])
    card = ProxyCard(
        property=table.name,
        direction=direction,
        units=units,
        mean=mean,
        scale=scale,
        low=float(values.min()),
        high=float(values.max()),
        std_factor=factor,
        members=settings.members,
        width=settings.width,
        layers=settings.layers,
        features=VERSION,
        metrics={k: measure(values[r], predicted[r], factor * raw[r]) for k, r in rows.items() if len(r)},
        settings={
            **asdict(settings),
            "split": kind,
            "validation": validation,
            "test": test,
            "epochs_run": len(history),
            "best_epochs": history[-1].best.tolist(),
        },
        data={
            "file": table.path.name,
            "sha256": table.sha256,
            "rows": table.rows,
            "molecules": len(values),
            "left_out": table.left_out,
            "merged": table.merged,
        },
        made_by=__version__,
    )
    training = Neighbours.of([mols[row] for row in parts.train]) if fingerprints else None
    return ProxyEnsemble(card, network, training)
