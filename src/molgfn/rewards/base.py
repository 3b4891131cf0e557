"""The contract of a reward: what was measured of finished objects in, log R(x) out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind, OfAKind
from molgfn.ranks import ALONE, Ranks
from molgfn.serving.counters import Counters
from molgfn.serving.measurements import Measurements, cat_columns

#: name -> float [B]: the raw values of the conditions that B objects were made under; empty where there are none
ConditionValues = Mapping[str, Tensor]

#: in measurements: how the columns of what objects are worth in each objective begin, where only their order counts
ORDERED_BY = "ordered_by_"


@dataclass(frozen=True)
class Scores:
    """What a batch of B finished objects is worth. Everything lies on the CPU.

    Attributes:
        log_reward: float64 [B], log R(x), finite everywhere (objects without a value get the declared floor).
        value: float64 [B], the property that R is made of (NaN without a value).
        components: name -> float64 [B], the columns that are shown beside it (NaN without a value).
        problems: one entry per object: None, or the named reason why it has no value.
        measurements: what log R was made of, and can be made of anew; None for a reward that measures nothing.
    """

    log_reward: Tensor
    value: Tensor
    components: dict[str, Tensor] = field(default_factory=dict)
    problems: list[str | None] = field(default_factory=list)
    measurements: Measurements | None = None

    def __len__(self) -> int:
        return len(self.log_reward)

    @property
    def valid(self) -> Tensor:
        """Whether each object has a value, bool [B]."""
        return torch.from_numpy(np.array([p is None for p in self.problems], dtype=bool))

    def index(self, rows: Tensor) -> Self:
        """The objects at ``rows``, int64 [n]; one may be taken several times."""
        return type(self)(
            log_reward=self.log_reward[rows],
            value=self.value[rows],
            components={name: column[rows] for name, column in self.components.items()},
            problems=[self.problems[row] for row in rows.tolist()],
            measurements=None if self.measurements is None else self.measurements.index(rows),
        )

    @classmethod
    def cat(cls, parts: Iterable[Self]) -> Self:
        """Several batches (at least one) of the same reward as one, in order."""
        parts = list(parts)
        measured = [p.measurements for p in parts if p.measurements is not None]
        return cls(
            log_reward=torch.cat([s.log_reward for s in parts]),
            value=torch.cat([s.value for s in parts]),
            components=cat_columns([s.components for s in parts]),
            problems=[p for s in parts for p in s.problems],
            measurements=Measurements.cat(measured) if len(measured) == len(parts) else None,
        )


@attributes_in_docstring
@dataclass(frozen=True)
class ScoredProperty:
    """What the values of a reward are."""

    name: str = "property"
    units: str = "1"  #: "1" for none
    direction: Literal["maximise", "minimise"] = "maximise"  #: which way is better
    title: str = ""  #: what people call it; "" where that is the name


@attributes_in_docstring
class Reward(OfAKind, ABC):
    """log R(x) of finished objects: the one place where clip, power and temperature are applied.

    Measuring and making R of it are two things. ``log_reward`` is the mathematics: a function of what was measured (and
    of the condition), which asks nobody and remembers nothing. Calling the reward measures as well.

    Constructed with an ``oracle``; ``keys`` (``kind.keys``) identify equal objects for the cache.
    """

    #: as in Environment: of which objects it is
    kind: ObjectKind
    #: names of the conditions that R depends on; each must be carried by the environment's states
    reads: frozenset[str] = frozenset()
    #: it stands for an order of objects, by several objectives; log R is a number for tables
    orders: bool = False
    #: the processes that measure together: where there are several they all call, one that has nothing to ask without
    #: objects
    ranks: Ranks = ALONE

    @abstractmethod
    def log_reward(self, measurements: Measurements, condition: ConditionValues | None = None) -> Tensor:
        """log R of B measured objects, float64 [B], on the CPU; the floor for those without a value.

        Args:
            measurements: as ``Scores.measurements`` has them.
            condition: name -> float [B]; at least all of ``reads``.

        Raises:
            ContractError: a condition that R depends on is missing.
        """

    @abstractmethod
    def __call__(self, objects: Any, keys: list[str], condition: ConditionValues | None = None) -> Scores:
        """Scores of finished objects [B], the first of a batch; never raises for the sake of one object.

        Args:
            objects: as the environment makes them.
            keys: one per object.
            condition: as in ``log_reward``.
        """

    def further(
        self, objects: Any, keys: list[str], condition: ConditionValues | None = None, *, finished: bool
    ) -> Scores:
        """Scores of more objects [B] of the batch of the last call.

        Within a batch log R is a function of the object (and its condition). A reward that changes with what was found
        (a diversity filter) keeps to that here; the default is for all others.

        Args:
            objects: as in ``__call__``.
            keys: as in ``__call__``.
            condition: as in ``__call__``.
            finished: the sampler finished them; otherwise they are states on the way, or molecules that were given:
                they are worth what they would be if they were finished now, and are not found by that.
        """
        return self(objects, keys, condition)

    def revalue(self, measurements: Measurements, condition: ConditionValues | None = None) -> Tensor:
        """log R of stored objects under another condition, float64 [B], with no call of an oracle."""
        return self.log_reward(measurements, condition)

    def achieved(self, measurements: Measurements) -> dict[str, Tensor]:
        """What B measured objects have, whatever they were built for: for each objective its desirability in [0, 1]
        under NAME, NaN where there is none (or where it depends on a condition), and its raw value under NAME_raw,
        float64 [B] each, on the CPU. A condition that was missed is found by it (``Condition.hindsight``).

        Objectives are the components of the oracle that are no filter, or its one property; a reward that does not say
        has none.
        """
        return {}

    def required(self, condition: ConditionValues | None, name: str) -> Tensor:
        """A condition that R depends on, float64 [B], on the CPU.

        Raises:
            ContractError: it is not there.
        """
        if condition is None or name not in condition:
            there = ", ".join(condition or {}) or "none"
            raise ContractError(
                f"{type(self).__name__}: R depends on the condition `{name}`, which these objects do not carry "
                f"(they have {there})"
            )
        return condition[name].detach().cpu().double()

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        """What the oracles say of each valid object in words (``Oracle.remarks``): column -> B texts."""
        return {}

    @property
    @abstractmethod
    def counters(self) -> Counters:
        """Accounting so far."""

    @property
    def scored(self) -> ScoredProperty:
        """What ``Scores.value`` is."""
        return ScoredProperty()

    @property
    def meaning(self) -> str:
        """R in words, for whoever starts a run: its formula, the span of log R, how steep it is; "" where unknown."""
        return ""

    @property
    def recorded(self) -> bool:
        """Whether a run keeps a file of every object that it scored."""
        return True

    @property
    def spent(self) -> bool:
        """Whether a budget of oracle calls is used up, so that no new object gets a value."""
        return False

    @property
    @abstractmethod
    def floor(self) -> float:
        """The least log R(x) that can come out; what an object without a value gets. Where it depends on a condition,
        -inf: no number holds for all.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Counters (and cache) as plain data, for resume."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
