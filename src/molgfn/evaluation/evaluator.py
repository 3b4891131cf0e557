"""Measure a policy, or a file of molecules, by every metric that applies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from molgfn.environments.base import Environment
from molgfn.environments.conditional import fixed_condition
from molgfn.errors import DataError
from molgfn.evaluation.by_condition.measured import ByCondition, measure_conditions
from molgfn.evaluation.by_condition.readings import condition_readings
from molgfn.evaluation.densities.readings import DensityMap, density_readings
from molgfn.evaluation.exact.answers import ExactResult
from molgfn.evaluation.exact.readings import exact_readings
from molgfn.evaluation.heldout import heldout_probabilities
from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.reference import Reference, read_reference
from molgfn.evaluation.samples import draw_samples, read_samples, with_remarks, with_terminal_probabilities
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.trajectories_shown import ShownTrajectory
from molgfn.hiding.base import HiddenObjects
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward

#: why a field of ``Samples`` may be missing, in words for a reader
WHY_MISSING = {
    "reference": "no reference file was given",
    "reference_sample": "no reference file was given",
    "log_reward": "the objects were not scored: no reward was given",
    "value": "the objects were not scored: no reward was given",
    "log_weight": "the objects come from a file, not from a policy",
    "terminal": "log P_T was not estimated",
    "heldout": "no held-out molecules were given",
}


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on one set of samples.

    Attributes:
        source: what was measured (plain data: kind, seed, file ...).
        samples: the objects themselves.
        readings: key -> reading, missing ones included with their reason.
        metrics: what computed them, for definitions and references.
        settings: plain settings.
        problems: named reason -> how many samples have no value because of it.
        remarks: column -> what the oracle said in words (an alert's name) -> of how many samples.
        oracle: oracle accounting of this evaluation alone.
        reference: key -> the same number measured on the reference; empty without one.
        exact: exact distribution where the space could be listed.
        trajectories: how the best samples were built; empty where nobody asked.
        conditions: what was measured under several conditions; None where there are none.
        density: target and samples of two real coordinates; None where there are none.
    """

    source: dict[str, object]
    samples: Samples
    readings: dict[str, Reading]
    metrics: list[Metric]
    settings: dict[str, object]
    problems: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, dict[str, int]] = field(default_factory=dict)
    oracle: dict[str, float] = field(default_factory=dict)
    reference: dict[str, float] = field(default_factory=dict)
    exact: ExactResult | None = None
    trajectories: list[ShownTrajectory] = field(default_factory=list)
    conditions: ByCondition | None = None
    density: DensityMap | None = None

    def values(self) -> dict[str, float]:
        """Key -> number, of what could be measured."""
        return {key: reading.value for key, reading in self.readings.items() if reading.value is not None}


def evaluate_samples(
    samples: Samples, metrics: Iterable[Metric], why: Mapping[str, str] | None = None
) -> dict[str, Reading]:
    """Every reading of every metric that can be measured on ``samples``; the others as missing, with the reason.

    Args:
        samples: what to measure.
        metrics: how; two metrics must not use one key.
        why: field of ``Samples`` -> why it is None, instead of the usual words.

    Raises:
        ValueError: two metrics use the same key.
    """
    reasons = {**WHY_MISSING, **(why or {})}
    out: dict[str, Reading] = {}
    for metric in metrics:
        if not metric.measures(samples.kind):
            continue
        absent = sorted(name for name in metric.requires if getattr(samples, name) is None)
        if absent:
            found = {metric.name: Reading.missing(reasons.get(absent[0], f"the samples have no {absent[0]}"))}
        else:
            found = metric(samples)
        if doubled := sorted(out.keys() & found.keys()):
            raise ValueError(f"{type(metric).__name__}: another metric already reports {', '.join(doubled)}")
        out |= found
    return out


def evaluate_policy(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    settings: EvaluationSettings | None = None,
    *,
    objective: Objective | type[Objective] | None = None,
    seed: int = 0,
    progress: Progress = silent,
    hidden: HiddenObjects | None = None,
) -> Evaluation:
    """Draw samples from ``policy``, score and measure them, and compare exactly where the space can be listed.

    A policy that was trained under a condition is measured under several conditions, too (see ``by_condition``).

    Args:
        environment: builds the objects.
        policy: what is measured.
        reward: log R(x); its counters go on counting, and the evaluation reports its own share.
        settings: how many samples and which metrics.
        objective: what the policy was trained with, or its class: says where its own log Z of a condition is, and
            whether R / Z is what it leads to. None: it is taken to be, and no log Z is read.
        seed: of every random stream that is used here.
        progress: told what is drawn and how much of it.
        hidden: what was hidden from the policy in training; where the space can be listed, it is measured apart.

    Raises:
        DataError: the reference file or the file of held-out molecules cannot be read.
        ConfigError: held-out molecules for an environment that builds none; or all objects are hidden, or none.
    """
    settings = settings or EvaluationSettings()
    reference = _reference(settings)
    before = _counted(reward)
    samples = draw_samples(
        environment, policy, reward, settings.samples, batch=settings.batch, seed=seed, progress=progress
    )
    samples = _beside(with_remarks(samples, reward), reference)
    why = {}
    if settings.log_pt_objects:
        try:
            samples = with_terminal_probabilities(
                samples,
                environment,
                policy,
                objects=settings.log_pt_objects,
                trajectories=settings.log_pt_samples,
                seed=seed,
                progress=progress,
            )
        except DataError as error:
            why["terminal"] = f"backward sampling is not possible: {error}"
    else:
        why["terminal"] = "not asked for (log_pt_objects=0)"
    if settings.heldout is not None:
        found = heldout_probabilities(
            settings.heldout,
            environment,
            policy,
            reward,
            trajectories=settings.log_pt_samples,
            seed=seed,
            progress=progress,
        )
        samples = replace(samples, heldout=found)
    metrics = settings.metrics()
    readings = evaluate_samples(samples, metrics, why)
    exact, of_exact = exact_readings(
        environment, policy, reward, limit=settings.exact_limit, objective=objective, hidden=hidden
    )
    density, of_density = density_readings(
        environment, policy, reward, samples, limit=settings.exact_limit, objective=objective, seed=seed
    )
    conditions = measure_conditions(
        environment, policy, reward, settings, objective=objective, seed=seed, progress=progress
    )
    of_conditions = {} if conditions is None else condition_readings(conditions)
    after = _counted(reward)
    condition = {"condition": here} if (here := fixed_condition(environment)) else {}
    return Evaluation(
        source={"kind": "policy", "seed": seed, "samples": len(samples), **condition},
        samples=samples,
        readings=readings | of_exact | of_density | of_conditions,
        metrics=metrics,
        settings=settings.plain(),
        problems=_problems(samples),
        remarks=_remarks(samples),
        oracle={name: after[name] - before[name] for name in after},
        reference=_of_reference(reference, metrics, readings),
        exact=exact,
        conditions=conditions,
        density=density,
    )


def evaluate_file(
    path: str | Path, settings: EvaluationSettings | None = None, *, reward: Reward | None = None, jobs: int = 1
) -> Evaluation:
    """Measure the molecules of a file, with a reward where one is given; ``jobs`` worker processes parse them.

    Raises:
        DataError: the file or the reference cannot be read or has no valid molecule.
    """
    settings = settings or EvaluationSettings()
    before = _counted(reward) if reward is not None else {}
    reference = _reference(settings)
    samples = read_samples(path, reward, jobs=jobs)
    samples = _beside(samples if reward is None else with_remarks(samples, reward), reference)
    metrics = settings.metrics()
    readings = evaluate_samples(samples, metrics)
    after = _counted(reward) if reward is not None else {}
    return Evaluation(
        source={"kind": "file", "file": str(path), "samples": len(samples)},
        samples=samples,
        readings=readings,
        metrics=metrics,
        settings=settings.plain(),
        problems=_problems(samples),
        remarks=_remarks(samples),
        oracle={name: after[name] - before[name] for name in after},
        reference=_of_reference(reference, metrics, readings),
    )


def _reference(settings: EvaluationSettings) -> Reference | None:
    if settings.reference is None:
        return None
    return read_reference(settings.reference, sample=settings.reference_sample)


def _beside(samples: Samples, reference: Reference | None) -> Samples:
    if reference is None:
        return samples
    return replace(samples, reference=reference.keys, reference_sample=reference.sample)


def _of_reference(
    reference: Reference | None, metrics: list[Metric], readings: Mapping[str, Reading]
) -> dict[str, float]:
    """The same numbers of the reference itself, as far as they need no reward and no policy."""
    if reference is None:
        return {}
    alone = [m for m in metrics if not m.requires and m.measures(reference.sample.kind)]
    found = evaluate_samples(reference.sample, alone)
    return {key: r.value for key, r in found.items() if r.value is not None and key in readings}


def _problems(samples: Samples) -> dict[str, int]:
    return dict(Counter(problem for problem in samples.located_problems if problem is not None).most_common())


def _remarks(samples: Samples) -> dict[str, dict[str, int]]:
    """How many samples each remark is of; a cell may hold several, with semicolons between them."""
    return {
        name: dict(Counter(part for text in texts for part in text.split("; ") if part).most_common())
        for name, texts in samples.remarks.items()
    }


def _counted(reward: Reward) -> dict[str, float]:
    c = reward.counters
    return {"raw": c.raw, "unique": c.unique, "cached": c.cached, "failed": c.failed, "seconds": c.seconds}
