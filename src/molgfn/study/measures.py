"""What is measured on one finished run."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from molgfn.evaluation.by_condition.measured import measure_conditions
from molgfn.evaluation.by_condition.readings import condition_readings
from molgfn.evaluation.evaluator import evaluate_policy
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.evaluation.exact.hidden import hidden_numbers
from molgfn.evaluation.log_partition import untargeted
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.top_auc import efficiency, scored_values
from molgfn.experiment import Run, reward_of
from molgfn.study.heldout import heldout_correlation

#: a column that files have in which each value stands where it was measured and nowhere else
ELAPSED = "time/elapsed_seconds"


def measure(run: Run, *, samples: int, heldout: int | str) -> dict[str, float]:
    """Key -> number: cost, exact distances where the space can be listed, sample metrics, held-out correlation.

    ``loss/<name>`` is the median of the last ten that were logged.
    """
    e = run.experiment
    policy = e.policy.eval()
    with (run.folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = {"trajectories": last(rows, "found/trajectories"), "reward_calls": last(rows, "oracle/calls")}
    values["distinct_objects"] = last(rows, "oracle/unique")
    values["gradient_steps"] = last(rows, "train/gradient_steps")
    found = {name: last(rows, name) for name in (rows[0] if rows else ()) if name.startswith("found/")}
    values |= {name: value for name, value in found.items() if not math.isnan(value)}
    if budget := (e.config.get("scoring") or {}).get("budget"):
        found = scored_values(run.folder / "scored.sqlite")["value"].to_numpy()
        values |= efficiency(found, budget=budget, direction=e.reward.scored.direction)
    reward = reward_of(e.config)
    limit = e.evaluation.exact_limit
    if limit and untargeted(e.objective) is None and e.measured.enumeration_unavailable_reason() is None:
        known = e.exact_target() if e.trainer.exact_every or e.hidden else None  # listed once
        exact = exact_distribution(e.measured, policy, reward, target=known)
        values |= {"tv": exact.tv, "jsd": exact.jsd, "kl": exact.kl, "log_z_true": exact.log_z}
        if (part := e.hidden_part()) is not None:
            values |= hidden_numbers(exact.p, e.exact_target(), part)
        values["mean_reward_ratio"] = exact.mean_reward / exact.target_mean_reward
    if samples:
        settings = EvaluationSettings(
            **{**e.evaluation.plain(), "samples": samples, "exact_limit": 0, "conditions": 0},  # type: ignore[arg-type]
            extra=e.evaluation.extra,
        )
        values |= evaluate_policy(e.measured, policy, reward, settings, objective=e.objective, seed=0).values()
        found = measure_conditions(e.measured, policy, reward, e.evaluation, objective=e.objective)
        readings = {} if found is None else condition_readings(found)
        values |= {key: reading.value for key, reading in readings.items() if reading.value is not None}
    if heldout:
        values |= heldout_correlation(e, policy, reward, heldout)
    for name in rows[0] if rows else ():  # of single batches: the median says more than the last
        if name.startswith("train/loss/"):
            recent = [float(row[name]) for row in rows if row.get(name)][-10:]
            values[name.removeprefix("train/")] = float(np.median(recent)) if recent else math.nan
    for name in ("train/log_z", "train/elbo"):
        if rows and name in rows[0]:  # a batch's ELBO only where none was measured with more samples
            values.setdefault(name.removeprefix("train/"), last(rows, name))
    return values


def last(rows: list[dict[str, str]], name: str) -> float:
    """The last value of a column of ``metrics.csv``; NaN where it has none."""
    found = [row[name] for row in rows if row.get(name)]
    return float(found[-1]) if found else float("nan")


def curve(path: Path, x: str, y: str) -> list[list[float]]:
    """[xs, ys] out of a ``metrics.csv``: where ``y`` was measured, with the latest ``x`` up to then.

    In older files the last measurement of the exact distribution stands in the rows after it, too, digit
    for digit; those are left out.
    """
    xs, ys, latest, before = [], [], 0.0, None
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        repeats = y.startswith("exact/") and ELAPSED not in (reader.fieldnames or ())
        for row in reader:
            latest = float(row[x]) if row.get(x) else latest
            if row.get(y) and not (repeats and row[y] == before):
                before = row[y]
                xs.append(latest)
                ys.append(float(f"{float(row[y]):.6g}"))
    return [xs, ys]
