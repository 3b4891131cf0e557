"""The contract of a selector: which of the candidates of a round make the batch that tells most of the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.models.base import Choice
from molgfn.errors import ConfigError

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Selected:
    """A batch.

    Attributes:
        rows: of the candidates, different ones, int64 [m], in the order in which they were chosen.
        reasons: m texts.
    """

    rows: np.ndarray
    reasons: list[str]


class Selector(ABC):
    """Chooses a batch from what a model believes of all candidates; of acquisitions that have a ``belief``.

    Args:
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.
    """

    def __init__(self, *, shortlist: Count | None = None) -> None:
        self.shortlist = shortlist

    def misfits(self, size: int) -> list[str]:
        """What cannot work with rounds of ``size`` calls, one line each."""
        if self.shortlist is not None and self.shortlist < size:
            return [f"selector.shortlist: {self.shortlist} candidates are fewer than the {size} of a round"]
        return []

    def choose(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Choice, dict[str, float]]:
        """``n`` of the candidates, or all where there are fewer; and the information of the batch in nats, with other
        numbers of the selector's own.

        Args:
            belief: of different candidates, none of them known.
            n: at least 1.
            random: for what is drawn.
        """
        rows = np.arange(len(belief))
        if self.shortlist is not None and self.shortlist < len(belief):
            rows = np.sort(np.argsort(-belief.values, kind="stable")[: self.shortlist])
            belief = belief.among(rows)
        if n < 1:
            raise ConfigError(f"a batch has at least one member, not {n}")
        selected, numbers = self.select(belief, min(n, len(belief)), random)
        told = float(belief.information.of(np.sort(selected.rows)[None])[0]) if len(selected.rows) else 0.0
        choice = Choice(rows[selected.rows], belief.values[selected.rows], selected.reasons)
        return choice, {"information": told, **numbers}

    @abstractmethod
    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        """``n`` of the candidates, at most as many as there are; and numbers for the row of metrics."""

    def state_dict(self) -> dict[str, Any]:
        """What it goes on from in the next round, as plain data and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Go on from ``state_dict``."""
