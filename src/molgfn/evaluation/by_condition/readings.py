"""What was measured under several conditions as named readings: means over conditions, and all samples together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molgfn.correlations import spearman, undefined
from molgfn.evaluation.by_condition.measured import GOAL, AtCondition, ByCondition, known_mean
from molgfn.evaluation.metrics.base import Metric, Samples
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.diversity.modes import Circles
from molgfn.evaluation.metrics.diversity.uniqueness import Uniqueness
from molgfn.evaluation.metrics.several_objectives.metric import SeveralObjectives
from molgfn.evaluation.readings import Reading
from molgfn.evaluation.samples import cat_samples

#: the first part of their keys
BY_CONDITION = "by_condition"
#: what these readings are, for reports
DEFINITION = (
    "Under each of n conditions spread over what was trained, a row of conditions.csv each. by_condition/each: the "
    "mean over conditions (its interval too, as if they were drawn anew); tv is from R(x|c)/Z(c), where the space can "
    "be listed, and log_z_error |log Z(c) of the policy - log Z(c)|, the latter exact or by importance sampling. "
    "follows is Spearman's correlation, over conditions, of a number of it with the mean of what it asks for. "
    "by_condition/all is measured on the samples of all conditions together."
)
#: numbers whose mean over conditions is reported; those of single objectives come beside them
EACH = (
    *("mean_value", "mean_log_reward", "internal_diversity", "spearman", "tv", "elbo"),
    *("in_focus", "angle", "focus_diversity"),
)
#: those of them that are of a focus cone, whose cosine is in their keys
OF_A_CONE = ("in_focus", "focus_diversity")
#: first parts of the columns of a preference and of a target
PREFERENCE, TARGET = "preference_", "target_"
#: with fewer conditions nothing is said of whether samples follow them
FEWEST_CONDITIONS = 3


def together(measured: ByCondition) -> Samples:
    """The samples of all conditions, one after the other."""
    return cat_samples([row.samples for row in measured.rows])


def condition_readings(measured: ByCondition) -> dict[str, Reading]:
    """Key -> reading, all below ``by_condition/``."""
    out: dict[str, Reading] = {}
    objectives = [f"mean_{name}" for name in measured.rows[0].samples.objectives]
    for name in (*EACH, *objectives):
        values = measured.column(name)
        key = f"by_condition/each/{name}" + (f"/cosine={measured.cosine:g}" if name in OF_A_CONE else "")
        if not np.isnan(values).all():
            out[key] = Reading.mean(values)
        elif name in measured.why:
            out[key] = Reading.missing(measured.why[name])
    if not np.isnan(tv := measured.column("tv")).all():
        out["by_condition/largest/tv"] = Reading(float(np.nanmax(tv)), count=len(tv))
    out |= _log_z(measured) | _follows(measured)
    samples = together(measured)
    metrics: list[Metric] = [Uniqueness(), InternalDiversity(), Circles(), SeveralObjectives()]
    for metric in metrics:
        if metric.measures(samples.kind):
            out |= {f"by_condition/all/{key}": reading for key, reading in metric(samples).items()}
    return out


def _log_z(measured: ByCondition) -> dict[str, Reading]:
    error = measured.column("log_z_error")
    if np.isnan(error).all():
        return {"by_condition/each/log_z_error": Reading.missing(measured.why.get("log_z_error", "not measured"))}
    exact = bool(measured.column("exact").all())
    note = "" if exact else "against importance sampling, which is too low while its effective share is small"
    mean = Reading.mean(np.abs(error))
    return {
        "by_condition/each/log_z_error": replace(mean, note="; ".join(filter(None, [mean.note, note]))),
        "by_condition/largest/log_z_error": Reading(float(np.nanmax(np.abs(error))), count=len(error), note=note),
    }


def _follows(measured: ByCondition) -> dict[str, Reading]:
    """Spearman's correlation of each number of the condition with what should grow with it."""
    out: dict[str, Reading] = {}
    for column in measured.columns:
        given = measured.column(column)
        found = np.array([_asked_for(column, row) for row in measured.rows])
        known = ~np.isnan(found)
        pair, names = (given[known], found[known]), (column, "what it asks for")
        why = undefined(*pair, fewest=FEWEST_CONDITIONS, what="conditions with a mean", names=names)
        reading = Reading.missing(why) if why else Reading(spearman(*pair), count=int(known.sum()))
        out[f"by_condition/follows/{column}"] = reading
    return out


def _asked_for(column: str, row: AtCondition) -> float:
    """The mean of what a number of the condition asks for: an objective for its weight, its share of the direction for
    a goal's, the property for a target, else the value.
    """
    samples = row.samples
    if column.startswith(PREFERENCE) and (name := column.removeprefix(PREFERENCE)) in samples.objectives:
        return known_mean(samples.objectives[name])
    if column.startswith(GOAL) and (name := column.removeprefix(GOAL)) in samples.objectives:
        length = np.linalg.norm(np.stack(list(samples.objectives.values()), 1), axis=1)
        along = samples.objectives[name]
        return known_mean(np.divide(along, length, out=np.full(len(along), np.nan), where=length > 0))
    if column.startswith(TARGET) and (name := column.removeprefix(TARGET)) in samples.components:
        return known_mean(samples.components[name])
    return row.numbers["mean_value"]
