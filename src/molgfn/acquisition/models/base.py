"""The contract of an acquisition: which of many candidates are worth a call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.known import Known
from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind


@dataclass(frozen=True)
class Choice:
    """Which candidates are scored.

    Attributes:
        rows: of the candidates, different ones, int64 [m], in the order in which they were chosen.
        values: of the acquisition for each, float64 [m]; NaN where it has none.
        reasons: in words, m texts.
    """

    rows: np.ndarray
    values: np.ndarray
    reasons: list[str]

    @classmethod
    def plain(cls, rows: Sequence[int] | np.ndarray, reason: str) -> Choice:
        """Chosen without a value, all for one reason."""
        chosen = np.asarray(rows, dtype=np.int64)
        return cls(chosen, np.full(len(chosen), np.nan), [reason] * len(chosen))


@attributes_in_docstring
class Acquisition(ABC):
    """Chooses the candidates that are scored, by what is known.

    ``fit`` is called before each round with all that is known so far; what it makes of that may depend on the order of
    the objects and on their ``rounds``, and on nothing else, so that a loop that goes on chooses what it would have
    chosen. Random numbers come from the generator that is handed in.
    """

    #: kinds of objects that it can read
    kinds: ClassVar[type[ObjectKind]] = ObjectKind
    #: it expects values of objects that nobody has scored (``expect``)
    models: ClassVar[bool] = False
    #: it says how values of several objects hang together (``belief``), which a selector chooses a batch by
    joint: ClassVar[bool] = False

    @property
    def unit_scale(self) -> bool:
        """What it assumes of values holds only where they are in [0, 1] and more is better."""
        return False

    def fit(self, known: Known) -> None:  # noqa: B027
        """Learn from what is known; with nothing known it is not called."""

    @abstractmethod
    def choose(self, objects: Any, n: int, random: np.random.Generator) -> Choice:
        """``n`` of the candidates, or all where there are fewer.

        Args:
            objects: a batch of different objects, none of them known.
            n: at least 1.
            random: for what is drawn.
        """

    def expect(self, objects: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the worth of objects [n], float64 each; only where it ``models``."""
        raise ContractError(f"{type(self).__name__} has no model")

    def hopes(self, random: np.random.Generator) -> Callable[[Any], np.ndarray] | None:
        """An optimistic guess of the worth of objects [n], the same for a whole round; None without a model."""
        return None

    def belief(self, objects: Any, random: np.random.Generator) -> Belief | None:
        """What it believes of all candidates together; None while it has no model yet. Only where it is ``joint``.

        Args:
            objects: as of ``choose``.
            random: for what is drawn.
        """
        raise ContractError(f"{type(self).__name__} does not say how values of several objects hang together")
