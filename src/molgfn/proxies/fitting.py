"""From a table to a proxy: split, standardise, train, calibrate, judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from molgfn import __version__
from molgfn.errors import ConfigError, DataError
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.classes.labels import Task, require_both
from molgfn.proxies.classes.metrics import measure_classes
from molgfn.proxies.features import VERSION
from molgfn.proxies.kinds import Built, Job, ProcessSettings, ensemble, gaussian_process, masked
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.metrics import measure, std_factor
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.splits import Kind, Parts, split
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

    To a table of labels (``task="classification"``) a classifier is fitted by maximum likelihood: networks say the log
    odds of label 1. Probabilities are not scaled afterwards, but training stops where the validation part is most
    likely. A random split gives each label its share of every part.

    Args:
        table: the molecules and their values, or labels.
        settings: of the training of networks (a Gaussian process reads the seed only); None for the defaults.
        uncertainty: where it comes from.
        masks: of mc_dropout and gflowout; None for the defaults.
        process: of gp; None for the defaults.
        kind: of the split, whose seed is that of the settings.
        validation: share of the molecules.
        test: share of the molecules; 0 for none.
        direction: which way of the property is better; of labels whether 1 is.
        units: of the property; "1" of labels.
        fingerprints: keep those of the training molecules, so that the proxy can say how near a molecule is to them.
        on_epoch: called after each epoch of a network.

    Raises:
        ConfigError: a Gaussian process, or units, of labels.
        DataError: too few molecules, a value that is not finite or no label (its row is named) or the same for all of
            them, or too many molecules for a Gaussian process.
        TrainingError: training diverged.
    """
    settings = settings or FitSettings()
    require_fits(table.task, uncertainty, units)
    parts = parts_to_learn(table, kind=kind, validation=validation, test=test, seed=settings.seed)
    values = table.values
    mean, scale = (0.0, 1.0) if table.task == "classification" else _spread(table, parts)
    mols = [molecule.mol for molecule in table.molecules if molecule.mol is not None]
    job = Job(mols, (values - mean) / scale, parts, settings, on_epoch, table.task)
    if uncertainty == "ensemble":
        built = ensemble(job)
    elif uncertainty == "gp":
        built = gaussian_process(job, process or ProcessSettings(seed=settings.seed))
    else:
        built = masked(job, masks or MaskSettings(), uncertainty)
    common = {
        "property": table.name,
        "direction": direction,
        "units": units,
        "mean": mean,
        "scale": scale,
        "low": float(values.min()),
        "high": float(values.max()),
        "features": VERSION,
        "task": table.task,
        **_judged(table, parts, built, mean, scale),
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


def require_fits(task: Task, uncertainty: Uncertainty, units: str = "1") -> None:
    """Refuse what cannot be fitted to labels.

    Raises:
        ConfigError: a Gaussian process, or units, of labels.
    """
    if task == "classification" and uncertainty == "gp":
        raise ConfigError(
            "uncertainty: gp cannot be fitted to labels, because its posterior is exact for numbers with normal noise "
            "only; use ensemble, mc_dropout or gflowout"
        )
    if task == "classification" and units != "1":
        raise ConfigError(f"units: {units}; labels have none, and the probability of one has none either")


def parts_to_learn(table: PropertyTable, *, kind: Kind, validation: float, test: float, seed: int) -> Parts:
    """The split of a table whose values can be learned.

    Raises:
        DataError: as ``fit``.
    """
    shares: dict[str, Any] = {"validation": validation, "test": test}
    if table.task == "regression":
        table.require_finite()
        return split(table.molecules, kind=kind, seed=seed, **shares)
    table.require_labels()
    where = f"{table.path}: `{table.name}`"
    require_both(table.values, where, "all molecules")
    parts = split(table.molecules, kind=kind, seed=seed, labels=table.values, **shares)
    for part, rows in (("training", parts.train), ("validation", parts.validation)):
        hint = "; take another seed or share" if kind == "scaffold" else ""
        require_both(table.values[rows], where, f"all {part} molecules of the {kind} split{hint}")
    return parts


def _spread(table: PropertyTable, parts: Parts) -> tuple[float, float]:
    """Mean and standard deviation over the training part."""
    own = table.values[parts.train]
    mean, scale = float(own.mean()), float(own.std())
    if not scale > 1e-9 * max(1e-30, float(np.abs(table.values).max())):
        raise DataError(f"{table.path}: `{table.name}` is {mean:g} for all training molecules: nothing to learn")
    return mean, scale


def _judged(table: PropertyTable, parts: Parts, built: Built, mean: float, scale: float) -> dict[str, Any]:
    """What the card says of how good it is."""
    rows = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    values = table.values
    if table.task == "classification":
        classes = {part: measure_classes(values[r], built.mean[r]) for part, r in rows.items() if len(r)}
        return {"std_factor": 1.0, "metrics": {}, "classes": classes}
    predicted, raw = built.mean * scale + mean, built.deviation * scale
    held = parts.validation
    factor = std_factor(values[held], predicted[held], raw[held])
    measured = {part: measure(values[r], predicted[r], factor * raw[r]) for part, r in rows.items() if len(r)}
    return {"std_factor": factor, "metrics": measured}
