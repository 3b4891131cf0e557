"""Backward actions of trajectories that were drawn forwards, found when somebody reads them."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States


class Undoing:
    """What undoes each step of trajectories, asked of the environment once, when it is first read.

    To find it can cost as much as the rollout (the reactions of a molecule are run backwards), and who only wants the
    objects never reads it.

    Args:
        environment: that they were drawn in.
        states: S states, flat, trajectory by trajectory, each exactly what ``step`` made of the one before. (One that
            was drawn backwards may have its parts in another order, so there the actions that were drawn are kept.)
        actions: the S forward actions.
        exits: bool [S].
    """

    def __init__(self, environment: Environment, states: States, actions: Tensor, exits: Tensor) -> None:
        self._asked: tuple[Environment, States, Tensor, Tensor] | None = (environment, states, actions, exits)
        self._found: Tensor | None = None

    @torch.no_grad()
    def __call__(self) -> Tensor:
        """int64 [S] or [S, parts], as ``Trajectories.backward_actions``."""
        if self._asked is not None:
            environment, states, actions, exits = self._asked
            following = torch.arange(len(exits), device=exits.device) + (~exits).long()
            self._found, self._asked = environment.backward_action(states, actions, states[following]), None
        assert self._found is not None
        return self._found
