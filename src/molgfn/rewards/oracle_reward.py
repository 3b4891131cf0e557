"""A reward made of what oracles measure: value, desirability, log R, and the words that power and Boltzmann share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.base import ORDERED_BY, ConditionValues, Reward, ScoredProperty, Scores
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.objectives import Objectives
from molgfn.rewards.readings import Reading, Readings, one_by_one, read
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.rewards.transforms import Transform
from molgfn.serving.counters import Counters
from molgfn.serving.measurements import Measurements
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring

#: columns that the table of a run's scored objects has anyway
RESERVED = frozenset({"call", "iteration", "source", "key", "value", "log_reward", "problem", "blocked"})
#: in measurements: 1 where the diversity filter gave the object the least reward, else 0
BLOCKED = "blocked"


class OracleReward(Reward):
    """Measures objects by the one door to oracles and turns what they are worth into log R.

    Args:
        oracle: the property, or what is made of several.
        transform: applied to the value before R is made of it; None leaves it as it is.
        scoring: how oracles are asked; None for the defaults.
        diversity_filter: what gives molecules that are nothing new the least reward; None does not.

    Raises:
        ConfigError: a diversity filter, but no molecules; or a component with a name that the record of a run uses.
    """

    def __init__(
        self,
        *,
        oracle: Oracle | Scalarisation,
        transform: Transform | None,
        scoring: Scoring | None,
        diversity_filter: DiversityFilter | None = None,
    ) -> None:
        if diversity_filter is not None and not isinstance(oracle.kind, diversity_filter.judges):
            raise ConfigError(
                f"diversity_filter: it goes by scaffolds, but {oracle.name} measures {oracle.kind.name} objects"
            )
        if taken := _taken((*oracle.component_names, *oracle.remark_names)):
            raise ConfigError(
                f"oracle: {', '.join(taken)}: names of components that the record of a run cannot tell apart; each "
                f"must differ from the others, whatever their case, and from {', '.join(sorted(RESERVED))}"
            )
        self.diversity_filter = diversity_filter
        self.readings = Readings(oracle=oracle, scoring=scoring)
        self.transform = transform
        self.kind, self.ranks = oracle.kind, self.service.ranks
        #: what desirability depends on; ``reads`` has that too, and what a class makes log R depend on beside it
        self.read_before = self.readings.scalarisation.reads | (transform.reads if transform else frozenset())
        self.reads = self.reads | self.read_before
        self.orders = isinstance(oracle, Objectives) and oracle.orders

    @abstractmethod
    def log_reward_of(self, desirability: np.ndarray, condition: dict[str, np.ndarray]) -> np.ndarray:
        """Values of log R [n], not below the floor, of finite desirabilities [n] under ``reads`` -> float64 [n].

        What oracle and transform read has been read already; a class adds its own to ``reads`` (``self.reads |= ...``).
        """

    @abstractmethod
    def least_log_reward(self, condition: dict[str, np.ndarray]) -> np.ndarray | float:
        """The least log R, [n] or one number, under ``reads`` -> float64 [n]."""

    def log_reward(self, measurements: Measurements, condition: ConditionValues | None = None) -> Tensor:
        given = self._given(condition)
        reading = read(self.readings.scalarisation, measurements, given)
        desirability, _ = self._desirability(reading, given)
        return self._made(desirability, measurements, given)

    def achieved(self, measurements: Measurements) -> dict[str, Tensor]:
        of, arrays, n = self.readings.scalarisation, measurements.arrays, len(measurements)
        names = list(of.achieved({name: column[:0] for name, column in arrays.items()}))

        def columns(rows: slice) -> list[np.ndarray]:
            found = of.achieved({name: column[rows] for name, column in arrays.items()})
            if self.transform is not None and set(names) == {of.name, f"{of.name}_raw"}:
                raw, nothing = found[f"{of.name}_raw"], np.full_like(found[of.name], np.nan)
                told = self.transform.bounded and not self.transform.reads
                found[of.name] = self.transform(raw) if told else nothing
            return [found[name] for name in names]

        values, _ = one_by_one(columns, n, len(names))
        return {name: torch.from_numpy(np.array(column)) for name, column in zip(names, values, strict=True)}

    def __call__(self, objects: Any, keys: list[str], condition: ConditionValues | None = None) -> Scores:
        return self._scores(objects, keys, condition, finished=True, further=False)

    def further(
        self, objects: Any, keys: list[str], condition: ConditionValues | None = None, *, finished: bool
    ) -> Scores:
        return self._scores(objects, keys, condition, finished=finished, further=True)

    def _scores(
        self, objects: Any, keys: list[str], condition: ConditionValues | None, *, finished: bool, further: bool
    ) -> Scores:
        given = self._given(condition)
        measurements, reading = self.readings(objects, keys, given)
        components, problems = dict(reading.components), reading.problems
        desirability, late = self._desirability(reading, given)
        if self.transform is not None:
            components[f"{self.oracle.name}_transformed"] = desirability
        for row, problem in late.items():
            problems[row] = problem
            self.service.fail(problem, answered=True)
        value = reading.value
        if late:
            value = value.copy()
            value[list(late)] = np.nan
        if isinstance(self.oracle, Objectives) and self.orders:
            worth = self.oracle.ordered_by(reading.components)
            measurements = measurements.with_values({ORDERED_BY + n: torch.from_numpy(y) for n, y in worth.items()})
        if self.diversity_filter is not None:
            judged = np.where(np.isfinite(desirability), desirability, np.nan)
            blocked = self.diversity_filter(objects, keys, judged, finished=finished, further=further, ranks=self.ranks)
            components[BLOCKED] = blocked.astype(np.float64)
            measurements = measurements.with_values({BLOCKED: torch.from_numpy(components[BLOCKED])})
        shown = torch.from_numpy(np.array([value, *components.values()], dtype=np.float64))
        return Scores(
            log_reward=self._made(desirability, measurements, given),
            value=shown[0],
            components=dict(zip(components, shown[1:].unbind(), strict=True)),
            problems=problems,
            measurements=measurements,
        )

    def _given(self, condition: ConditionValues | None) -> dict[str, np.ndarray]:
        """What is read of the condition, float64 [B] each."""
        return {name: self.required(condition, name).numpy() for name in sorted(self.reads | self.read_before)}

    def _desirability(self, reading: Reading, given: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[int, str]]:
        """What each value is worth, float64 [B]; and row -> reason where a transform of the user's has no number."""
        if self.transform is None:
            return reading.value, {}
        transform = self.transform

        def worth_of(rows: slice) -> list[np.ndarray]:
            value = reading.value[rows]
            here = {name: column[rows] for name, column in given.items()}
            return [transform.under(value, here) if transform.reads else transform(value)]

        (worth,), raised = one_by_one(worth_of, len(reading.value), 1)
        wrong = [row for row in np.flatnonzero(~np.isfinite(worth)).tolist() if reading.problems[row] is None]
        words = {row: raised.get(row, f"returned {worth[row]}") for row in wrong}
        return worth, {row: f"transform {type(transform).__name__} {text}" for row, text in words.items()}

    def _made(self, desirability: np.ndarray, measurements: Measurements, given: dict[str, np.ndarray]) -> Tensor:
        """log R, float64 [B]: of the desirability where there is one and nothing blocks it, else the least."""
        worth = np.isfinite(desirability)  # an object with a problem has none
        if BLOCKED in measurements.values:
            worth &= measurements.values[BLOCKED].numpy() == 0
        if worth.all():
            return torch.from_numpy(np.array(self.log_reward_of(desirability, given), dtype=np.float64))
        out = np.empty(len(desirability))
        out[:] = self.least_log_reward(given)
        out[worth] = self.log_reward_of(desirability[worth], {name: column[worth] for name, column in given.items()})
        return torch.from_numpy(out)

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        return self.service.remarks(objects)

    @property
    def service(self) -> Service:
        """The one door to its oracles."""
        return self.readings.service

    @property
    def counters(self) -> Counters:
        return self.service.counters

    @property
    def oracle(self) -> Oracle | Scalarisation:
        """What it was constructed with."""
        return self.readings.oracle

    @property
    def floor(self) -> float:
        return -math.inf if self.reads - self.read_before else float(self.least_log_reward({}))

    @property
    def scored(self) -> ScoredProperty:
        oracle = self.oracle
        return ScoredProperty(oracle.name, oracle.units, oracle.direction, oracle.title)

    @property
    def meaning(self) -> str:
        what = self.oracle.name if self.transform is None else f"{type(self.transform).__name__}({self.oracle.name})"
        name, title = self.oracle.name, self.oracle.title
        called = "" if title == name.replace("_", " ") else f" ({name}: {title})"
        formula, steepness = self.in_words(what)
        if self.reads:
            return f"{formula}, with {' and '.join(sorted(self.reads))} of the object's condition{called}"
        bounded = self.transform is not None and self.transform.bounded
        ends = np.array((0.0, 1.0) if bounded else self.oracle.range)
        with np.errstate(invalid="ignore"):  # beta = 0 at an infinite end
            most = float(np.nan_to_num(self.log_reward_of(ends, {}), nan=0.0, posinf=np.inf, neginf=-np.inf).max())
        span = f"to {most + 0.0:.4g}" if np.isfinite(most) else f"up, since {what} has no bound there"
        return f"{formula}: log R from {self.floor + 0.0:.4g} {span}; {steepness}{called}"

    def in_words(self, what: str) -> tuple[str, str]:
        """The formula of R, and what a step of ``what`` changes in it (which is not asked where R has conditions)."""
        return f"{type(self).__name__} of {what}", "how steep it is, its class says"

    @property
    def recorded(self) -> bool:
        return self.service.scoring.record

    @property
    def spent(self) -> bool:
        return self.service.spent

    def state_dict(self) -> dict[str, Any]:
        state = self.service.state_dict()
        if self.diversity_filter is not None:
            state["diversity_filter"] = self.diversity_filter.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.service.load_state_dict(state)
        if self.diversity_filter is not None and "diversity_filter" in state:
            self.diversity_filter.load_state_dict(state["diversity_filter"])


def times(log_ratio: float) -> str:
    """A ratio of probabilities in words, from its logarithm."""
    ratio = f"{math.exp(log_ratio):.3g}" if log_ratio < 13 else f"e^{log_ratio:.3g}"
    return f"{ratio} times as likely"


def _taken(names: Sequence[str]) -> list[str]:
    """Those that are reserved, or that occur twice (a column of SQLite has no case)."""
    lower = [name.lower() for name in names]
    return [name for name, plain in zip(names, lower, strict=True) if plain in RESERVED or lower.count(plain) > 1]
