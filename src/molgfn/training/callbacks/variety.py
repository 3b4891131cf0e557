"""How many different objects a run draws now, and a word when it draws the same few again and again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch

from molgfn.objectives.base import Objective
from molgfn.objects.base import ObjectKind
from molgfn.policies.base import Policy
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sources.explored import Explored

logger = logging.getLogger("molgfn")

#: draws in an interval with fewer of which nothing is said about it
FEWEST = 100
#: a share of different objects below this, and below half of the best share so far, is called a collapse
LOW = 0.25


class Variety:
    """The share of different objects among those that P_F drew since the last row of metrics.

    ``found/unique`` counts over the whole run and goes on rising when P_F has collapsed; this falls at once.

    Args:
        remedy: what the warning of a collapse says can be done.
    """

    def __init__(self, remedy: str = "") -> None:
        self.remedy = remedy
        self.warned = False
        self.best = 0.0
        self._closed = float("nan")
        self._interval: list[int] = []  # numbers of the objects since the last row
        self._recent: list[int] = []  # and since the last look for a collapse

    def add(self, numbers: Sequence[int]) -> None:
        """Take up what was drawn; equal numbers are the same object."""
        self._interval += numbers
        self._recent += numbers

    @property
    def share(self) -> float:
        """Different objects over draws since the last row, in (0, 1]; NaN before the first draw."""
        return len(set(self._interval)) / len(self._interval) if self._interval else float("nan")

    @property
    def latest(self) -> float:
        """``share``, or that of the interval before where the present one has as yet no draw."""
        return self.share if self._interval else self._closed

    def close(self, kind: ObjectKind) -> None:
        """Begin a new interval; warn once where the old one shows that P_F has collapsed, of a kind without number."""
        self._closed, self._interval = self.latest, []
        if len(self._recent) < FEWEST:
            return
        drawn, different = len(self._recent), len(set(self._recent))
        share, self._recent = different / drawn, []
        self.best = max(self.best, share)
        if kind.countless and not self.warned and share < min(LOW, self.best / 2):
            self.warned = True
            logger.warning(
                "only %d different %s among the last %d drawn (%.1f %%; before up to %.0f %%): the policy has "
                "collapsed onto a few. %s",
                different,
                kind.plural,
                drawn,
                100 * share,
                100 * self.best,
                self.remedy,
            )

    def state_dict(self) -> dict[str, Any]:
        return {
            "warned": self.warned,
            "best": self.best,
            "interval": torch.tensor(self._interval, dtype=torch.int64),
            "recent": torch.tensor(self._recent, dtype=torch.int64),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``; nothing where an older checkpoint has none."""
        if state:
            self.warned, self.best = state["warned"], state["best"]
            self._interval, self._recent = state["interval"].tolist(), state["recent"].tolist()


def remedy(policy: Policy, objective: Objective, optimizers: Optimizers, sources: Sources) -> str:
    """What may help a run with these parts that has collapsed, in one sentence."""
    ways = ["Lower reward.beta", "lower optimizer.lr"]
    if "log_z" in objective.trains and not (optimizers.catch_up and policy.log_z_start is not None):
        ways.append("leave policy.initial_log_z and optimizer.lr_log_z null")
    if not objective.on_policy and not any(isinstance(s, Explored) for s in sources.by_name.values()):
        ways.append("explore (data=exploration)")
    ways.append("or pay less for what was found often (reward.diversity_filter)")
    return f"{', '.join(ways)}."
