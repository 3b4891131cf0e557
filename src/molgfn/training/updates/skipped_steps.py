"""Steps that are not taken because a loss or a gradient is not finite: counted, explained, and one day too many."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from molgfn.errors import TrainingError
from molgfn.objectives.base import ObjectiveOutput
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluated import Evaluated

logger = logging.getLogger("molgfn")

#: skipped steps that are explained in the log; later ones are counted
MOST_SAID = 10
#: of a step that is not finite though all that it is made of is
OVERFLOWS = "every number that the loss is made of is finite, so it overflows on the way"


class NotFiniteError(TrainingError):
    """Too many iterations in a row had a step that could not be taken.

    Attributes:
        state: of the learner before the last of them, and its batch, as plain data and tensors; see ``Learner.step``.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.state: dict[str, Any] = {}


class SkippedSteps:
    """Counts them.

    Args:
        give_up: iterations in a row with such a step after which training ends; 1 ends it at the first.

    Attributes:
        steps: in all.
        in_a_row: the latest iterations, each of which had one.
    """

    def __init__(self, give_up: int) -> None:
        self.give_up = give_up
        self.steps = 0
        self.in_a_row = 0
        self._reasons: list[str] = []  # of this iteration

    @property
    def last_chance(self) -> bool:
        """One more iteration like the latest ends training."""
        return self.in_a_row + 1 >= self.give_up

    def add(self, what: str, output: ObjectiveOutput, norm: Tensor, iteration: int, origin: str) -> None:
        """Take note of a step that is not taken.

        Args:
            what: name of the step.
            output: its losses.
            norm: of the gradient.
            iteration: counted from 0.
            origin: of ``origin``.
        """
        losses = ", ".join(f"{name} is {loss.value.item():.4g}" for name, loss in output.losses.items())
        reason = f"step {what} at iteration {iteration}: loss {losses}, gradient {float(norm):.4g}; {origin}"
        self._reasons.append(reason)
        self.steps += 1
        if self.steps <= MOST_SAID:
            more = "; later ones are counted (train/skipped_steps), not logged" if self.steps == MOST_SAID else ""
            logger.warning("not taken, the weights are as they were: %s%s", reason, more)

    def end_iteration(self) -> None:
        """To be called after the steps of an iteration.

        Raises:
            NotFiniteError: that was the last chance.
        """
        reasons, self._reasons = self._reasons, []
        self.in_a_row = self.in_a_row + 1 if reasons else 0
        if self.in_a_row >= self.give_up:
            times = "" if self.in_a_row == 1 else f", the last of {self.in_a_row} iterations in a row with such a step"
            raise NotFiniteError(f"{reasons[0]}{times}; the weights are as they were. Lower optimizer.lr?")

    def state_dict(self) -> dict[str, int]:
        """Plain data."""
        return {"steps": self.steps, "in_a_row": self.in_a_row}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from ``state_dict``."""
        self.steps, self.in_a_row = state["steps"], state["in_a_row"]


def origin(batch: Trajectories, evaluated: Evaluated, rows: Sequence[int]) -> str:
    """Which of the numbers that a loss is made of is the first that is not finite, in words.

    Args:
        batch: the whole one.
        evaluated: [b], what the loss read.
        rows: the trajectories of the batch that these are.
    """
    given = [("log R", batch.log_reward), ("log C", batch.log_symmetry)]
    for name, values in given:
        if values is not None and (bad := [row for row in rows if not bool(values[row].isfinite())]):
            return f"{name} is {float(values[bad[0]]):g} of {_named(batch, bad)}"
    quantities = {"log P_F": evaluated.log_pf.masked_fill(~evaluated.mask, 0.0)}
    quantities |= {quantity.name: values for quantity, values in evaluated.values.items()}
    for name, values in quantities.items():
        # -inf stands for what is illegal in tables over actions
        wrong = ~values.isfinite() if name == "log P_F" else values.isnan() | (values == torch.inf)
        if not bool(wrong.any()):
            continue
        if wrong.dim() == 0 or len(wrong) != len(rows):
            return f"{name} is {float(values[wrong][0]):g}"
        bad = (
            wrong.flatten(1).any(1).nonzero().squeeze(1).tolist() if wrong.dim() > 1 else wrong.nonzero()[:, 0].tolist()
        )
        return f"{name} is {float(values[wrong][0]):g} of {_named(batch, [rows[i] for i in bad])}"
    return OVERFLOWS


def _named(batch: Trajectories, rows: Sequence[int]) -> str:
    first = rows[0]
    key = f" ({batch.keys[first]}, from {batch.source[first]})" if batch.keys and batch.source else ""
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    return f"trajectory {first}{key}{more}"
