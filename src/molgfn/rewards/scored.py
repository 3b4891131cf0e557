"""A reward made from one oracle: value, transform, log R and the bookkeeping that power and Boltzmann share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.base import Reward, ScoredProperty, Scores
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.transforms import Transform
from molgfn.serving.counters import Counters
from molgfn.serving.scoring import Scorer
from molgfn.serving.settings import Scoring

#: columns that the table of a run's scored objects has anyway
RESERVED = frozenset({"call", "iteration", "source", "key", "value", "log_reward", "problem", "blocked"})


class OracleReward(Reward):
    """Scores objects by an oracle (through a ``Scorer``) and turns the desirability into log R.

    Args:
        oracle: the property.
        transform: applied to the property before R is made of it; None leaves it as it is.
        scoring: how the oracle is asked; None for the defaults.
        diversity_filter: what gives molecules that are nothing new the least reward; None does not.

    Raises:
        ConfigError: a diversity filter, but no molecules; or a component with a name that the record of a run uses.
    """

    def __init__(
        self,
        *,
        oracle: Oracle,
        transform: Transform | None,
        scoring: Scoring | None,
        diversity_filter: DiversityFilter | None = None,
    ) -> None:
        if diversity_filter is not None and not isinstance(oracle.kind, diversity_filter.judges):
            raise ConfigError(
                f"diversity_filter: it goes by scaffolds, but {oracle.name} scores {oracle.kind.name} objects"
            )
        if taken := _taken((*oracle.component_names, *oracle.remark_names)):
            raise ConfigError(
                f"oracle: {', '.join(taken)}: names of components that the record of a run cannot tell apart; each "
                f"must differ from the others, whatever their case, and from {', '.join(sorted(RESERVED))}"
            )
        self.diversity_filter = diversity_filter
        self.scorer = Scorer(oracle=oracle, scoring=scoring)
        self.transform = transform
        self.kind = oracle.kind

    @abstractmethod
    def _log_reward(self, desirability: np.ndarray) -> np.ndarray:
        """Values of log R [B], not below ``floor``, of finite desirabilities [B]."""

    def __call__(self, objects: Any, keys: list[str]) -> Scores:
        return self._scores(objects, keys, finished=True, further=False)

    def further(self, objects: Any, keys: list[str], *, finished: bool) -> Scores:
        return self._scores(objects, keys, finished=finished, further=True)

    def _scores(self, objects: Any, keys: list[str], *, finished: bool, further: bool) -> Scores:
        answers = self.scorer(objects, keys)
        oracle = self.scorer.oracle
        components = dict(answers.components)
        desirability, raised = answers.value, {}
        if self.transform is not None:
            desirability, raised = _transformed(self.transform, answers.value)
            components[f"{oracle.name}_transformed"] = desirability
        log_reward = np.full(len(keys), self.floor)
        problems = answers.problems
        valued = np.array([problem is None for problem in problems], dtype=bool)
        for row in np.flatnonzero(valued & ~np.isfinite(desirability)):  # a transform of the user's own may do this
            name = type(self.transform).__name__
            problem = f"transform {name} {raised.get(int(row), f'returned {desirability[row]}')}"
            problems[row] = problem
            self.scorer.fail(problem, answered=True)
            valued[row] = False
        if self.diversity_filter is not None:
            judged = np.where(valued, desirability, np.nan)
            blocked = self.diversity_filter(objects, keys, judged, finished=finished, further=further)
            components["blocked"] = blocked.astype(np.float64)
            worth = valued & ~blocked  # the others keep the least reward
        else:
            worth = valued
        log_reward[worth] = self._log_reward(desirability[worth])
        return Scores(
            log_reward=torch.from_numpy(log_reward),
            value=torch.from_numpy(np.where(valued, answers.value, np.nan)),
            components={name: torch.tensor(column) for name, column in components.items()},
            problems=problems,
        )

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        return self.scorer.remarks(objects)

    @property
    def counters(self) -> Counters:
        return self.scorer.counters

    @property
    def oracle(self) -> Oracle:
        return self.scorer.oracle

    @property
    def scored(self) -> ScoredProperty:
        oracle = self.oracle
        return ScoredProperty(oracle.name, oracle.units, oracle.direction, oracle.title)

    @property
    def meaning(self) -> str:
        what = self.oracle.name if self.transform is None else f"{type(self.transform).__name__}({self.oracle.name})"
        bounded = self.transform is not None and self.transform.bounded
        ends = np.array((0.0, 1.0) if bounded else self.oracle.range)
        with np.errstate(invalid="ignore"):  # beta = 0 at an infinite end
            most = float(np.nan_to_num(self._log_reward(ends), nan=0.0, posinf=np.inf, neginf=-np.inf).max())
        span = f"to {most + 0.0:.4g}" if np.isfinite(most) else f"up, since {what} has no bound there"
        formula, steepness = self._in_words(what)
        name, title = self.oracle.name, self.oracle.title
        called = "" if title == name.replace("_", " ") else f" ({name}: {title})"
        return f"{formula}: log R from {self.floor + 0.0:.4g} {span}; {steepness}{called}"

    def _in_words(self, what: str) -> tuple[str, str]:
        """The formula of R, and what a step of ``what`` changes in it."""
        return f"{type(self).__name__} of {what}", "how steep it is, its class says"

    @property
    def recorded(self) -> bool:
        return self.scorer.scoring.record

    @property
    def spent(self) -> bool:
        return self.scorer.spent

    def state_dict(self) -> dict[str, Any]:
        state = self.scorer.state_dict()
        if self.diversity_filter is not None:
            state["diversity_filter"] = self.diversity_filter.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scorer.load_state_dict(state)
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


def _transformed(transform: Transform, value: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """Desirabilities [B]; where one of the user's own raises, NaN for the objects to blame, with what they raised."""
    try:
        return transform(value), {}
    except Exception:
        out, raised = np.full(len(value), np.nan), {}
        for row in np.flatnonzero(np.isfinite(value)).tolist():
            try:
                out[row] = transform(value[row : row + 1])[0]
            except Exception as error:
                raised[row] = f"raised {type(error).__name__}: {error}"
        return out, raised
