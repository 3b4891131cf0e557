"""The results of a study as a tidy table, from which everything else is made again without a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from molgfn import __version__
from molgfn.errors import DataError
from molgfn.study.plan import Study
from molgfn.study.running.results import place_of
from molgfn.study.scales import Known
from molgfn.training.whole_file import whole_file
from molgfn.written_by import check_writer

#: in a study's folder
TIDY, CURVES = "results.parquet", "curves.parquet"
COLUMNS = ("study", "task", "row", "seed", "metric", "value", "units", "direction", "worst", "best", "identity")
CURVE_COLUMNS = ("study", "task", "row", "seed", "x", "y", "at", "value")
#: of the file's metadata: the plan
PLAN = b"molgfn.study"
#: of the file's metadata: the version that wrote it, and its format
VERSION, FORMAT_OF = b"molgfn.version", b"molgfn.format"
#: raised when the meaning of the columns changes
FORMAT = 1


def tidy(
    name: str, study: Study, records: Iterable[dict[str, Any]], scales: Mapping[str, Known] | None = None
) -> pd.DataFrame:
    """One line per run and metric.

    Args:
        name: of the study.
        study: its plan, in whose order tasks and rows are.
        records: of its runs.
        scales: task -> how what is measured there is read; None: nobody knows.

    Returns:
        ``COLUMNS``: ``task`` is "" in a study of one experiment; ``units`` is "1" for none; ``direction`` is
        "maximise", "minimise", or None where neither side is better; ``worst`` and ``best`` are the bounds of the
        metric, or those that the study gives for the task, NaN where there are none.
    """
    lines = []
    for record in ordered(study, records):
        task, row, seed = place_of(record)
        known = (scales or {}).get(task)
        for metric, value in record["values"].items():
            scale = None if known is None else known.of(metric)
            read = (
                (None, None, None, None) if scale is None else (scale.units, scale.direction, scale.worst, scale.best)
            )
            lines.append((name, task, row, seed, metric, value, *read, record["identity"]))
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.astype({"value": float, "worst": float, "best": float, "seed": "int64"})


def tidy_curves(name: str, study: Study, records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One line per point of a curve: column ``y`` of ``metrics.csv`` was ``value`` where ``x`` was ``at``."""
    lines = [
        (name, *place_of(record), *reversed(curve.split(" over ")), at, value)
        for record in ordered(study, records)
        for curve, (xs, ys) in record.get("curves", {}).items()
        for at, value in zip(xs, ys, strict=True)
    ]
    return pd.DataFrame(lines, columns=list(CURVE_COLUMNS)).astype({"at": float, "value": float, "seed": "int64"})


def ordered(study: Study, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the study's tasks and rows, in their order, then by seed."""
    tasks = {task.name: i for i, task in enumerate(study.all_tasks)}
    rows = {row.name: i for i, row in enumerate(study.rows)}
    inside = [r for r in records if r["row"] in rows and r.get("task", "") in tasks]
    return sorted(inside, key=lambda r: (tasks[r.get("task", "")], rows[r["row"]], r["seed"]))


def write_tidy(study: Study, frame: pd.DataFrame, path: Path) -> None:
    """As Parquet, whole or not at all, with the plan in the file's metadata."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    plan = study.model_dump_json(exclude_defaults=True).encode()
    own = {PLAN: plan, VERSION: __version__.encode(), FORMAT_OF: str(FORMAT).encode()}
    with whole_file(path) as file:
        pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **own}), file)


def read_tidy(path: str | Path) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """Plan, results and curves of a finished study; its curves lie beside the file.

    Raises:
        DataError: no such file, none that a study wrote, or of a format that only a later version reads.
    """
    path = Path(path)
    try:
        table = pq.read_table(path)
        own = table.schema.metadata or {}
        plan, version, number = own[PLAN], own.get(VERSION, b"").decode(), int(own.get(FORMAT_OF, b"1"))
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _not_of_a_study(path, error) from None
    check_writer(path, version=version, format=number, reads=FORMAT, error=DataError)
    try:
        study = Study.model_validate(json.loads(plan))
    except ValueError as error:
        raise _not_of_a_study(path, error) from None
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise DataError(f"{path}: the results of a study have a column {missing[0]}, too")
    curves = path.with_name(CURVES)
    beside = pq.read_table(curves).to_pandas() if curves.is_file() else pd.DataFrame(columns=list(CURVE_COLUMNS))
    return study, table.to_pandas(), beside


def _not_of_a_study(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not the results of a study ({str(error).splitlines()[0][:100]})")


def records_of(frame: pd.DataFrame, curves: pd.DataFrame) -> list[dict[str, Any]]:
    """The records that ``tidy`` and ``tidy_curves`` were made of."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for line in frame.to_dict("records"):
        place = (line["task"], line["row"], line["seed"])
        if place not in found:
            task = {"task": line["task"]} if line["task"] else {}
            known = {name: line[name] for name in ("identity", "row", "seed")}
            found[place] = {**known, **task, "values": {}, "curves": {}}
        found[place]["values"][line["metric"]] = line["value"]
    for point in curves.to_dict("records"):
        record = found[point["task"], point["row"], point["seed"]]
        xs, ys = record["curves"].setdefault(f"{point['y']} over {point['x']}", ([], []))
        xs.append(point["at"])
        ys.append(point["value"])
    return list(found.values())
