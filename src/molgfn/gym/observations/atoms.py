"""Molecules under construction as their atoms and bonds."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from molgfn.environments.atom_graphs import ShowsAtoms
from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import ConditionalStates, without_condition
from molgfn.errors import ConfigError
from molgfn.gym.observations.base import Observation, array

#: the heaviest element and the largest charge that an observation has room for
HEAVIEST, LARGEST_CHARGE = 118, 8


class Atoms(Observation):
    """``environments.atom_graphs``: the molecule that a state is already, whatever it is built from.

    * ``element`` int64 [A], atomic number, 0 for no atom; ``charge`` int64 [A].
    * ``open`` int64 [A]: bonds that actions may still make there.
    * ``bonds`` int64 [M, 2], places of both atoms; ``order`` int64 [M], twice the bond order, 0 for no bond.
    * ``condition`` float32 [c], where there is one.

    Raises:
        ConfigError: the environment cannot show its states so.
    """

    space: spaces.Dict

    def __init__(self, environment: Environment) -> None:
        inner = without_condition(environment)
        if not isinstance(inner, ShowsAtoms):
            raise ConfigError(
                f"observation: atoms shows molecules under construction, which {type(inner).__name__} does not have "
                "(it is no environments.atom_graphs.ShowsAtoms)"
            )
        self._environment, self._inner = environment, inner
        a, m = inner.atom_sizes()
        parts: dict[str, Any] = {
            "element": spaces.Box(0, HEAVIEST, (a,), np.int64),
            "charge": spaces.Box(-LARGEST_CHARGE, LARGEST_CHARGE, (a,), np.int64),
            "open": spaces.Box(0, LARGEST_CHARGE, (a,), np.int64),
            "bonds": spaces.Box(0, max(a - 1, 1), (m, 2), np.int64),
            "order": spaces.Box(0, 6, (m,), np.int64),
        }
        if environment.condition_size:
            parts["condition"] = spaces.Box(-np.inf, np.inf, (environment.condition_size,), np.float32)
        self.space = spaces.Dict(parts)

    def __call__(self, states: States) -> dict[str, np.ndarray]:
        inner = states.inner if isinstance(states, ConditionalStates) else states
        seen = vars(self._inner.atom_graphs(inner))
        if (condition := self._environment.condition(states)) is not None:
            seen = {**seen, "condition": condition}
        return {name: array(value, self.space[name].dtype) for name, value in seen.items()}
