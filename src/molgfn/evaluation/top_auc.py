"""Sample efficiency by the protocol of PMO: the area under the mean of the best n against oracle calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.integrate import cumulative_trapezoid, trapezoid

from molgfn.errors import DataError
from molgfn.evaluation.thresholds import Direction
from molgfn.paths import sqlite_uri

#: the means that PMO reports
TOP = (1, 10, 100)


def top_means(values: Sequence[float] | np.ndarray, n: int, calls: Sequence[int] | np.ndarray) -> np.ndarray:
    """Mean of the best ``n`` (or as many as there are) of the first ``c`` values, for each c of ``calls``; float64.

    Args:
        values: one per oracle call, in order; an object without a value counts as 0, as in PMO.
        n: how many are averaged.
        calls: rising counts, each at least 1.
    """
    worth = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
    best = np.empty(0)
    means, before = np.empty(len(calls)), 0
    for place, count in enumerate(calls):
        best = np.sort(np.concatenate([best, worth[before:count]]))[-n:]
        means[place], before = best.mean(), count
    return means


def top_auc(values: Sequence[float] | np.ndarray, n: int, *, budget: int, every: int = 100) -> float:
    """Area under the mean of the best ``n`` against oracle calls, over the budget: in [0, 1] for values in [0, 1].

    Trapezes between counts that are multiples of ``every``, from 0 at no call; a run that ended before its budget goes
    on at its last mean.

    Args:
        values: as in ``top_means``; what comes after the budget is not looked at.
        n: how many are averaged.
        budget: oracle calls that the run had.
        every: calls between two readings.

    Reference:
        Gao et al., arXiv 2206.12411, and ``top_auc`` of its code.
    """
    values = np.asarray(values, dtype=np.float64)[:budget]
    if len(values) == 0:
        return 0.0
    calls = np.append(np.arange(every, len(values), every), len(values))
    means = np.append(0.0, top_means(values, n, calls))
    area = trapezoid(means, np.append(0, calls))
    return float(area + (budget - len(values)) * means[-1]) / budget


def scored_values(path: Path) -> pd.DataFrame:
    """``call``, ``key`` and ``value`` of what a run scored (``scored.sqlite``), in order of the calls.

    Raises:
        DataError: no such file, or not one that a run wrote.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; runs write it unless scoring.record is false")
    try:
        with closing(sqlite3.connect(sqlite_uri(path), uri=True)) as connection:
            return pd.read_sql("SELECT call, key, value FROM scored ORDER BY call", connection)
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise DataError(f"{path}: not the record of a run ({error})") from error


def efficiency(
    values: Sequence[float] | np.ndarray, *, budget: int, direction: Direction = "maximise"
) -> dict[str, float]:
    """``avg_top1`` ... and ``auc_top1`` ... of a finished run.

    PMO's areas are of properties to be maximised, from 0 on. Of one to be minimised there are the means of the lowest
    values alone, and an object without a value is left out.
    """
    values = np.asarray(values, dtype=np.float64)[:budget]
    if direction == "minimise":
        known = np.sort(values[np.isfinite(values)])
        return {f"avg_top{n}": float(known[:n].mean()) for n in TOP} if len(known) else {}
    if len(values) == 0:
        return {}
    means = {f"avg_top{n}": float(top_means(values, n, [len(values)])[0]) for n in TOP}
    return means | {f"auc_top{n}": top_auc(values, n, budget=budget) for n in TOP}


def write_pmo(folder: Path, *, budget: int, every: int = 100, direction: Direction = "maximise") -> dict[str, float]:
    """Write ``top_auc.csv`` (a row per ``every`` calls) and ``results.yaml`` ({SMILES: [score, call]}) of a run.

    Args:
        folder: of the run; its ``scored.sqlite`` is read.
        budget: oracle calls that it had.
        every: calls between two rows.
        direction: which way of the property is better; nothing is written of one to be minimised.

    Returns:
        ``efficiency`` of the run.
    """
    table = scored_values(folder / "scored.sqlite")
    values = table["value"].to_numpy(dtype=np.float64)[:budget]
    if direction == "minimise" or not len(values):
        return efficiency(values, budget=budget, direction=direction)
    calls = np.minimum(np.arange(every, len(values) + every, every), len(values))
    means = {n: top_means(values, n, calls) for n in TOP}
    areas = {n: cumulative_trapezoid(np.append(0.0, means[n]), np.append(0, calls)) / calls for n in TOP}
    columns = {f"avg_top{n}": means[n] for n in TOP} | {f"auc_top{n}": areas[n] for n in TOP}
    pd.DataFrame({"calls": calls, **columns}).to_csv(folder / "top_auc.csv", index=False)
    scores = np.nan_to_num(values, nan=0.0).tolist()
    results = {key: [score, int(call)] for key, score, call in zip(table["key"], scores, table["call"], strict=False)}
    (folder / "results.yaml").write_text(yaml.safe_dump(results, sort_keys=False))
    return efficiency(values, budget=budget)
