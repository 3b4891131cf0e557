"""The files of an evaluation: a table of samples and the metrics as JSON, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import platform
import tempfile
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import molgfn
from molgfn.datasets.given import GivenFile
from molgfn.evaluation.by_condition.readings import BY_CONDITION, DEFINITION
from molgfn.evaluation.by_condition.tables import condition_table, object_table
from molgfn.evaluation.evaluator import Evaluation
from molgfn.evaluation.metrics.base import Samples

#: raised when the meaning of ``metrics.json`` changes
FORMAT = 1


def write_evaluation(evaluation: Evaluation, folder: str | Path) -> Path:
    """Write ``samples.csv`` and ``metrics.json`` into ``folder`` (made when missing); returns the folder.

    Where there is a reference, its molecules that were compared with go to ``reference.csv``. What was measured under
    several conditions goes to ``conditions.csv``, a row for each, and their objects to ``condition_samples.csv``; how
    the best samples were built to ``trajectories.json``; shares of bins of two real coordinates to ``density.json``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_samples(evaluation.samples, folder / "samples.csv")
    known = evaluation.samples.reference_sample
    if known is None:
        (folder / "reference.csv").unlink(missing_ok=True)  # an earlier evaluation's
    else:
        write_samples(known, folder / "reference.csv")
    tables = (
        {}
        if (found := evaluation.conditions) is None
        else {
            "conditions.csv": condition_table(found),
            "condition_samples.csv": object_table(found),
        }
    )
    if evaluation.trajectories:
        plain = [shown.plain() for shown in evaluation.trajectories]
        tables["trajectories.json"] = json.dumps(plain, indent=1, allow_nan=False) + "\n"
    if evaluation.density is not None:
        tables["density.json"] = json.dumps(evaluation.density.plain(), allow_nan=False) + "\n"
    for name in ("conditions.csv", "condition_samples.csv", "trajectories.json", "density.json"):
        if name in tables:
            write_whole(folder / name, tables[name])
        else:
            (folder / name).unlink(missing_ok=True)
    write_whole(folder / "metrics.json", json.dumps(plain_evaluation(evaluation), indent=2, allow_nan=False) + "\n")
    return folder


def plain_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """Everything but the samples as plain data for JSON."""
    exact = evaluation.exact
    return {
        "format": FORMAT,
        "molgfn": molgfn.__version__,
        "versions": _versions(),
        "source": evaluation.source,
        "settings": evaluation.settings,
        "kind": evaluation.samples.kind.name,
        "property": None if evaluation.samples.value is None else asdict(evaluation.samples.scored),
        "metrics": {key: reading.plain() for key, reading in evaluation.readings.items()},
        "reference": evaluation.reference,
        "definitions": {
            metric.name: {"definition": metric.definition(), "reference": metric.reference}
            for metric in evaluation.metrics
            if metric.measures(evaluation.samples.kind)
        }
        | ({} if evaluation.conditions is None else {BY_CONDITION: {"definition": DEFINITION, "reference": ""}}),
        "objectives": evaluation.samples.objective_names,
        "problems": evaluation.problems,
        "remarks": evaluation.remarks,
        "oracle": evaluation.oracle,
        "exact": None if exact is None else {"objects": len(exact.keys), "tv": exact.tv, "log_z": exact.log_z},
    }


def _versions() -> dict[str, str]:
    """What numbers may differ by."""
    packages = {name: metadata.version(name) for name in ("torch", "rdkit", "numpy")}
    return {"python": platform.python_version(), **packages, "on": platform.platform(aliased=True, terse=True)}


def write_samples(samples: Samples, path: str | Path) -> None:
    """One row per different object, best first: its key, how often it was drawn, log R, value, components and remarks.

    Samples without an object come last, one row per reason, with the reason under ``problem``.
    """
    names, remarks = list(samples.components), list(samples.remarks)
    scored = samples.log_reward is not None and samples.value is not None
    header = [samples.kind.key_column, "count"]
    header += ["log_reward", "value", *names, *remarks] if scored else []
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*header, "problem"])
    problems = samples.located_problems
    for i in samples.unique.tolist():
        row: list[Any] = [samples.keys[i], samples.counts[samples.keys[i]]]
        if samples.log_reward is not None and samples.value is not None:
            columns = [samples.log_reward, samples.value, *(samples.components[name] for name in names)]
            row += [_number(float(column[i])) for column in columns]
            row += [samples.remarks[name][i] for name in remarks]
        table.writerow([*row, problems[i] or ""])
    invalid: dict[str, int] = {}
    for valid, problem in zip(samples.valid.tolist(), problems, strict=True):
        if not valid:
            invalid[problem or "invalid"] = invalid.get(problem or "invalid", 0) + 1
    for problem, count in invalid.items():
        table.writerow(["", count, *[""] * (len(header) - 2), problem])
    write_whole(Path(path), text.getvalue())


def write_scored(given: GivenFile, samples: Samples, path: str | Path) -> None:
    """One row per entry of a file, in its order: SMILES, log R, value and raw components, its other columns, problem.

    Args:
        given: the file.
        samples: its entries, scored.
        path: the table to be.
    """
    if samples.log_reward is None or samples.value is None:
        raise ValueError("samples without log R(x) cannot be written as scored ones")
    names = ["smiles", "log_reward", "value", *samples.components]
    columns = [samples.log_reward, samples.value, *samples.components.values()]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*names, *given.free([*names, "problem"]), "problem"])
    problems = samples.problems or [None] * len(samples)
    for i, record in enumerate(given.records()):
        smiles = samples.objects[i].smiles if record.block else record.text
        numbers = [_number(float(column[i])) for column in columns] if problems[i] is None else [""] * len(columns)
        beside = [cells[0] for cells in given.beside([record]).values()]
        table.writerow([smiles, *numbers, *beside, problems[i] or ""])
    write_whole(Path(path), text.getvalue())


def _number(x: float) -> str:
    return "" if math.isnan(x) else repr(x)


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` beside ``path`` and move it there, so that a reader or a crash never sees half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
