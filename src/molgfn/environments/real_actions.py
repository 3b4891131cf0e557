"""The layer of environments whose actions hold real numbers: a choice out of few, then coordinates with a density."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment, States

#: what a place is: a number in [0, 1], an angle in [-pi, pi), or any real number
Space = Literal["interval", "circle", "line"]


class Chart(ABC):
    """How the real coordinates of an action at each of B states stand for *places*, which densities are over.

    A place is d numbers in a fixed space (``RealActions.space``), whatever the state; where a state leaves an arc to
    move on, the place 0 is one end of it and 1 the other. ``log_volume`` is the log of what a unit of places is worth
    in the reference measure of the step, so that a density p over places is p / volume over actions.
    """

    @abstractmethod
    def active(self, choice: Tensor) -> Tensor:
        """bool [B, d]: the coordinate has a density after ``choice`` int64 [B]; the others are point masses."""

    @abstractmethod
    def move(self, choice: Tensor, place: Tensor) -> Tensor:
        """The coordinates of the action, float64 [B, d], from places float64 [B, d]; 0 where nothing moves."""

    @abstractmethod
    def place(self, choice: Tensor, move: Tensor) -> tuple[Tensor, Tensor]:
        """(places float64 [B, d], which ``move`` takes back; log_volume [B] of the active coordinates).

        A place outside the space (beyond rounding) says that the move is impossible. What it says of coordinates that
        are not active has no meaning, but is finite.
        """


@attributes_in_docstring
class RealActions(Environment):
    """Actions are float64 [B, 1 + d]: a choice, a whole number, then the d coordinates of a move.

    P_F and P_B are products of a probability (of the choice: the exit, or which coordinate moves) and a density (of the
    coordinates that are active after it) over one reference measure, which the environment's docstring names. Where a
    step can come from one place only (the first one, from the source), it is a point mass: no coordinate is active. The
    exit is a choice without a move. States hold float64, as arcs can be narrow.

    Reference: Lahlou et al. 2023, arXiv 2301.12594 (losses hold with densities, if P_F and P_B are absolutely
    continuous with respect to the same measures).
    """

    #: what places are, forward and backward
    space: ClassVar[Space]
    #: d, coordinates of a move
    n_coordinates: int
    #: number of forward choices, with the exit
    n_choices: int
    #: number of backward choices
    n_backward_choices: int
    #: the exit's place among the forward choices
    stop_choice: int
    #: where finished objects lie, (low, high) of each of their coordinates; None where they are not bounded
    bounds: tuple[tuple[float, float], ...] | None

    @abstractmethod
    def choice_mask(self, states: States) -> Tensor:
        """Legal forward choices, bool [B, n_choices]; at least one in every state."""

    @abstractmethod
    def backward_choice_mask(self, states: States) -> Tensor:
        """Legal backward choices, bool [B, n_backward_choices]; none exactly at the source."""

    @abstractmethod
    def chart(self, states: States) -> Chart:
        """Of forward actions at ``states`` [B]."""

    @abstractmethod
    def backward_chart(self, states: States) -> Chart:
        """Of backward actions at ``states`` [B]."""

    def is_exit(self, states: States, actions: Tensor) -> Tensor:
        return actions[:, 0] == self.stop_choice

    def exit_action(self, states: States) -> Tensor:
        shape = len(states), 1 + self.n_coordinates
        out = torch.zeros(shape, dtype=torch.float64, device=states.device)
        out[:, 0] = self.stop_choice
        return out

    def stop_mask(self, states: States) -> Tensor:
        return self.choice_mask(states)[:, self.stop_choice]


def action(choice: Tensor, move: Tensor) -> Tensor:
    """float64 [B, 1 + d] of a choice [B] and a move [B, d]."""
    return torch.cat([choice.to(move.dtype)[:, None], move], 1)


def split(actions: Tensor) -> tuple[Tensor, Tensor]:
    """(choice int64 [B], move [B, d]) of actions [B, 1 + d]."""
    return actions[:, 0].long(), actions[:, 1:]
