"""From a table to a proxy: split, standardise, train, calibrate, judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from molgfn import __version__
from molgfn.errors import DataError
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.features import VERSION
from molgfn.proxies.kinds import Job, ProcessSettings, ensemble, gaussian_process, masked
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.metrics import measure, std_factor
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.splits import Kind, split
from molgfn.proxies.table import PropertyTable
from molgfn.proxies.training import Epoch, FitSettings


def fit(
    table: PropertyTable,
    settings: FitSettings | None = None,
    *,
    uncertainty: Uncertainty = "ensemble",
    masks: MaskSettings | None = None,
    process: ProcessSettings | None = None,
    kind: Kind = "random",
    validation: float = 0.1,
    test: float = 0.1,
    direction: Literal["maximise", "minimise"] = "maximise",
    units: str = "1",
    fingerprints: bool = True,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> FittedProxy:
    """Fit a proxy to a table.

    The property is standardised over the training part. The raw standard deviation (over the members of an ensemble;
    over masks with the noise; of the process with its noise) is then scaled so that it is right on average on the
    validation part; the test part is for judging only.

    Args:
        table: the molecules and their values.
        settings: of the training of networks (a Gaussian process reads the seed only); None for the defaults.
        uncertainty: where it comes from.
        masks: of mc_dropout and gflowout; None for the defaults.
        process: of gp; None for the defaults.
        kind: of the split, whose seed is that of the settings.
        validation: share of the molecules.
        test: share of the molecules; 0 for none.
        direction: which way of the property is better.
        units: of the property.
        fingerprints: keep those of the training molecules, so that the proxy can say how near a molecule is to them.
        on_epoch: called after each epoch of a network.

    Raises:
        DataError: too few molecules, a value that is not finite (its row is named) or the same for all of them, or too
            many molecules for a Gaussian process.
        TrainingError: training diverged.
    """
    settings = settings or FitSettings()
    table.require_finite()
    parts = split(table.molecules, kind=kind, validation=validation, test=test, seed=settings.seed)
    values = table.values
    mean, scale = float(values[parts.train].mean()), float(values[parts.train].std())
    if not scale > 1e-9 * max(1e-30, float(np.abs(values).max())):
        raise DataError(f"{table.path}: `{table.name}` is {mean:g} for all training molecules: nothing to learn")
    mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
    job = Job(mols, (values - mean) / scale, parts, settings, on_epoch)
    if uncertainty == "ensemble":
        built = ensemble(job)
    elif uncertainty == "gp":
        built = gaussian_process(job, process or ProcessSettings(seed=settings.seed))
    else:
        built = masked(job, masks or MaskSettings(), uncertainty)
    predicted, raw = built.mean * scale + mean, built.deviation * scale
    rows = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    held = rows["validation"]
    factor = std_factor(values[held], predicted[held], raw[held])
    common = {
        "property": table.name,
        "direction": direction,
        "units": units,
        "mean": mean,
        "scale": scale,
        "low": float(values.min()),
        "high": float(values.max()),
        "std_factor": factor,
        "features": VERSION,
        "metrics": {k: measure(values[r], predicted[r], factor * raw[r]) for k, r in rows.items() if len(r)},
        "settings": {**built.settings, "split": kind, "validation": validation, "test": test},
        "data": {
            "file": table.path.name,
            "sha256": table.sha256,
            "rows": table.rows,
            "molecules": len(values),
            "left_out": table.left_out,
            "merged": table.merged,
        },
        "made_by": __version__,
    }
    return built.proxy(common, Neighbours.of([mols[row] for row in parts.train]) if fingerprints else None)
