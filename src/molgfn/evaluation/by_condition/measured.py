"""A policy that was trained under a condition, measured under several values of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from molgfn.environments.base import Environment
from molgfn.environments.conditional import Conditional
from molgfn.errors import DataError, NotEnumerableError
from molgfn.evaluation.by_condition.targets import Targets
from molgfn.evaluation.log_partition import Predicted, prediction, untargeted
from molgfn.evaluation.metrics.base import Metric, Samples
from molgfn.evaluation.metrics.correlation import rank_correlation
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.elbo import ELBO
from molgfn.evaluation.metrics.reward import MeanReward
from molgfn.evaluation.metrics.several_objectives.indicators import cosines
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.samples import draw_samples, with_terminal_probabilities
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.rewards.aggregations.goal import Goal
from molgfn.rewards.base import Reward

#: conditions that are measured where nobody says how many: of one number, of several
ONE_NUMBER, SEVERAL_NUMBERS = 5, 15
#: objects under each, those whose log P_T is estimated, and the cosine of a focus cone, where nobody else says
SAMPLES, LOG_PT_OBJECTS, FOCUS_COSINE = 128, 16, 0.98
#: first part of the columns of a goal
GOAL = "goal_"


@dataclass(frozen=True)
class AtCondition:
    """What was measured under one condition.

    Attributes:
        condition: raw numbers by column.
        samples: what was drawn under it.
        numbers: name -> number; NaN where it could not be measured. ``log_z`` is exact where the space can be listed
            (``exact`` is 1), else estimated by importance sampling.
    """

    condition: dict[str, float]
    samples: Samples
    numbers: dict[str, float]


@dataclass(frozen=True)
class ByCondition:
    """What was measured under each of several conditions.

    Attributes:
        columns: names of the raw numbers of a condition.
        rows: one for each condition.
        cosine: that of the focus cone.
        why: number -> why it is missing everywhere.
    """

    columns: tuple[str, ...]
    rows: list[AtCondition]
    cosine: float = FOCUS_COSINE
    why: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> np.ndarray:
        """A number, or a number of the condition, under every condition, float64 [N]."""
        return np.array([{**row.numbers, **row.condition}.get(name, np.nan) for row in self.rows], dtype=np.float64)


def measure_conditions(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    settings: EvaluationSettings,
    *,
    objective: Objective | type[Objective] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> ByCondition | None:
    """Draw and measure samples under conditions that are spread over what the policy was trained on.

    It costs ``conditions`` x ``condition_samples`` trajectories and as many questions to the reward (which has most of
    the answers in its cache where objects come again), and ``conditions`` x ``condition_log_pt_objects`` x
    ``log_pt_samples`` backward trajectories; a space that can be listed is listed and scored once.

    Args:
        environment: with the condition, drawn or fixed.
        policy: what is measured.
        reward: log R(x | c).
        settings: how many conditions and samples.
        objective: what the policy was trained with, or its class, which says where its log Z(c) is and whether R / Z is
            what it leads to; None: it predicts none.
        seed: of conditions and samples.
        progress: told of conditions that are done.

    Returns:
        None where there is no condition, or none were asked for.
    """
    if not isinstance(environment, Conditional) or settings.conditions == 0:
        return None
    condition = environment.trained
    n = settings.conditions or (ONE_NUMBER if len(condition.columns) == 1 else SEVERAL_NUMBERS)
    values = [condition.by_column(row) for row in condition.validation(n, seed)]
    why: dict[str, str] = {}
    targets, predicted = None, None
    if reason := untargeted(objective):
        why |= {"tv": reason, "log_z_error": reason}
    else:
        if (predicted := prediction(policy, objective)) is None:
            why["log_z_error"] = "the objective teaches the policy no log Z of its own"
        targets = _targets(environment.at(values[0]), reward, settings, why)
    cosine, rows = _focus_cosine(reward, settings), []
    training = policy.training
    policy.eval()
    try:
        for i, value in enumerate(values):
            progress("conditions", i, len(values))
            own = int(np.random.SeedSequence((seed, i)).generate_state(1)[0])
            here = environment.at(value)
            row = _measure(here, policy, reward, settings, targets, predicted, own, why)
            row.numbers.update(focus(row.samples, row.condition, cosine))
            rows.append(row)
    finally:
        policy.train(training)
    progress("conditions", len(values), len(values))
    return ByCondition(condition.columns, rows, cosine, why)


def _focus_cosine(reward: Reward, settings: EvaluationSettings) -> float:
    """That of the settings, else that of the goal which the reward asks for."""
    goal = getattr(getattr(reward, "oracle", None), "scalarisation", None)
    return settings.focus_cosine or (goal.cosine if isinstance(goal, Goal) else FOCUS_COSINE)


def _targets(
    environment: Conditional, reward: Reward, settings: EvaluationSettings, why: dict[str, str]
) -> Targets | None:
    if not settings.exact_limit:
        why["tv"] = "not asked for (exact_limit=0)"
        return None
    try:
        return Targets(environment, reward, limit=settings.exact_limit)
    except NotEnumerableError as error:
        why["tv"] = str(error)
        return None


def _measure(
    environment: Conditional,
    policy: Policy,
    reward: Reward,
    settings: EvaluationSettings,
    targets: Targets | None,
    predicted: Predicted | None,
    seed: int,
    why: dict[str, str],
) -> AtCondition:
    condition = environment.given.reference
    n = settings.condition_samples or SAMPLES
    samples = draw_samples(environment, policy, reward, n, batch=settings.batch, seed=seed)
    samples = _with_log_pt(samples, environment, policy, settings, seed, why)
    numbers = {"objects": float(n), "different": float(len(samples.unique)), **_readings(samples)}
    if targets is not None:
        result, log_z = targets.compare(environment, policy)
        numbers |= {"tv": result.tv, "log_z": log_z, "exact": 1.0}
    else:
        numbers |= {"log_z": numbers["log_z_importance"], "exact": 0.0}
    if predicted is not None:
        numbers["log_z_predicted"] = predicted(environment)
        numbers["log_z_error"] = numbers["log_z_predicted"] - numbers["log_z"]
    return AtCondition(condition, samples, numbers)


def _with_log_pt(
    samples: Samples,
    environment: Conditional,
    policy: Policy,
    settings: EvaluationSettings,
    seed: int,
    why: dict[str, str],
) -> Samples:
    objects = settings.condition_log_pt_objects
    objects = min(LOG_PT_OBJECTS, settings.log_pt_objects) if objects is None else objects
    if not objects:
        why["spearman"] = "not asked for (condition_log_pt_objects=0)"
        return samples
    try:
        return with_terminal_probabilities(
            samples, environment, policy, objects=objects, trajectories=settings.log_pt_samples, seed=seed
        )
    except DataError as error:
        why["spearman"] = f"backward sampling is not possible: {error}"
        return samples


def _readings(samples: Samples) -> dict[str, float]:
    """By the metrics of an evaluation, under the names of the columns of a table."""
    metrics: list[Metric] = [MeanReward(), ELBO()]
    if InternalDiversity.measures(samples.kind):
        metrics.append(InternalDiversity())
    found = {key: reading.value for metric in metrics for key, reading in metric(samples).items()}
    numbers = {
        "mean_value": found.get("mean/value"),
        "mean_log_reward": found.get("mean/log_reward"),
        **{f"mean_{name}": known_mean(column) for name, column in samples.objectives.items()},
        "internal_diversity": found.get("internal_diversity"),
        "spearman": None if samples.terminal is None else rank_correlation(samples.terminal),
        "elbo": found.get("elbo"),
        "log_z_importance": found.get("log_z/importance"),
        "effective_share": found.get("log_z/effective_share"),
    }
    return {name: np.nan if value is None else float(value) for name, value in numbers.items()}


def focus(samples: Samples, condition: dict[str, float], cosine: float) -> dict[str, float]:
    """The share of all samples inside the focus cone of a goal, their mean angle to it in degrees, and how far apart
    the different ones inside are (IntDiv1), where there are two and they have fingerprints.
    """
    goal = {name.removeprefix(GOAL): value for name, value in condition.items() if name.startswith(GOAL)}
    if not goal or not goal.keys() <= samples.objectives.keys():
        return {}
    points = np.stack([samples.objectives[name] for name in goal], 1)
    along = cosines(points, np.array(list(goal.values())))
    inside = np.where(np.isnan(along), False, along >= cosine)
    numbers = {"in_focus": float(inside.mean()), "angle": known_mean(np.degrees(np.arccos(along)))}
    if InternalDiversity.measures(samples.kind):
        numbers["focus_diversity"] = _diversity(samples, np.flatnonzero(inside).tolist())
    return numbers


def _diversity(samples: Samples, rows: list[int]) -> float:
    """IntDiv1 of the different ones among those at ``rows``; NaN where there are not two."""
    if len(rows) < 2:
        return float("nan")
    some = Samples(samples.kind, samples.kind.take(samples.objects, rows), [samples.keys[i] for i in rows])
    value = InternalDiversity()(some)["internal_diversity"].value
    return float("nan") if value is None else value


def known_mean(values: np.ndarray) -> float:
    """Of ``values`` [N] without the NaN; NaN where there is no other."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
