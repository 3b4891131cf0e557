"""States with a clock: a fixed number of moves, the exit after the last, or wherever one may stop."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.real_actions import RealActions


class Clocked(RealActions):
    """Choice 0 moves, choice 1 stops; ``clock`` of a state (int64 [B]) counts its moves, and is 0 at the source alone.

    The clock makes one point at two times two states, so that the graph has no circles. With ``stops`` the exit is
    legal after every move, and an object is one of ``moves`` states: each gets an equal share of R, by
    ``log_symmetry``. Otherwise it is legal after the last alone, and nothing else is.
    """

    n_choices = 2
    n_backward_choices = 1
    stop_choice = 1

    def __init__(self, moves: int, stops: bool) -> None:
        self.moves = moves
        self.stops = stops
        self.max_steps = moves + 1

    def clock(self, states: States) -> Tensor:
        """Moves that led there, int64 [B]."""
        return states.clock  # type: ignore[attr-defined]

    def is_initial(self, states: States) -> Tensor:
        return self.clock(states) == 0

    def choice_mask(self, states: States) -> Tensor:
        last = self.clock(states) == self.moves
        stop = self.clock(states) > 0 if self.stops else last
        return torch.stack([~last, stop], 1)

    def backward_choice_mask(self, states: States) -> Tensor:
        return (self.clock(states) > 0)[:, None]

    def advanced(self, states: States, choice: Tensor) -> Tensor:
        """The clock after ``choice``."""
        return self.clock(states) + (choice != self.stop_choice)

    def log_symmetry(self, states: States, objects: object) -> Tensor:
        copies = self.moves if self.stops else 1
        return torch.full((len(states),), float(copies), dtype=torch.float64).log()

    def drawn_clock(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """When n objects are finished: a clock int64 [n], each as likely, and the log weight of the draw."""
        if not self.stops:
            return torch.full((n,), self.moves), torch.zeros(n, dtype=torch.float64)
        clock = torch.randint(1, self.moves + 1, (n,), generator=torch.Generator().manual_seed(seed))
        return clock, torch.full((n,), float(self.moves), dtype=torch.float64).log()
