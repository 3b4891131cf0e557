"""The contract of a reward: finished objects in, log R(x) out, with what it was made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from molgfn.objects.base import ObjectKind
from molgfn.serving.counters import Counters


@dataclass(frozen=True)
class Scores:
    """What a batch of B finished objects is worth. Everything lies on the CPU.

    Attributes:
        log_reward: float64 [B], log R(x), finite everywhere (objects without a value get the declared floor).
        value: float64 [B], the property that R is made of (NaN without a value).
        components: name -> float64 [B], raw values of every oracle that took part (NaN without a value).
        problems: one entry per object: None, or the named reason why it has no value.
    """

    log_reward: Tensor
    value: Tensor
    components: dict[str, Tensor] = field(default_factory=dict)
    problems: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.log_reward)

    @property
    def valid(self) -> Tensor:
        """Whether each object has a value, bool [B]."""
        return torch.tensor([p is None for p in self.problems], dtype=torch.bool)


@dataclass(frozen=True)
class ScoredProperty:
    """What the values of a reward's oracle are."""

    name: str = "property"
    units: str = "1"  #: "1" for none
    direction: Literal["maximise", "minimise"] = "maximise"  #: which way is better
    title: str = ""  #: what people call it; "" where that is the name


class Reward(ABC):
    """log R(x) of finished objects: the one place where clip, power and temperature are applied.

    Constructed with an ``oracle``; ``keys`` (``kind.keys``) identify equal objects for the cache.
    """

    #: as in Environment: which objects it can score
    kind: ObjectKind

    @abstractmethod
    def __call__(self, objects: Any, keys: list[str]) -> Scores:
        """Scores of finished objects [B], the first of a batch; never raises for the sake of one object."""

    def further(self, objects: Any, keys: list[str], *, finished: bool) -> Scores:
        """Scores of more objects [B] of the batch of the last call.

        Within a batch log R is a function of the object. A reward that changes with what was found (a diversity filter)
        keeps to that here; the default is for all others.

        Args:
            objects: as in ``__call__``.
            keys: as in ``__call__``.
            finished: the sampler finished them; otherwise they are states on the way, or molecules that were given:
                they are worth what they would be if they were finished now, and are not found by that.
        """
        return self(objects, keys)

    def remarks(self, objects: Any) -> dict[str, list[str]]:
        """What the oracle says of each valid object in words (``Oracle.remarks``): column -> B texts."""
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
        """The least log R(x) that can come out; what an object without a value gets."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Counters (and cache) as plain data, for resume."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
