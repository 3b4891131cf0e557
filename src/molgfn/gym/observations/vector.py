"""States as the vectors that a policy reads."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import without_condition
from molgfn.gym.observations.base import Observation, array


class Vector(Observation):
    """``environment.encode``, float32 [F]; the encoded condition stands last where there is one."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        size = environment.encode(environment.initial(1)).shape[1]
        low, high = np.full(size, -np.inf, np.float32), np.full(size, np.inf, np.float32)
        own = size - environment.condition_size
        low[:own], high[:own] = without_condition(environment).encoded_range
        self.space = spaces.Box(low, high, dtype=np.float32)

    def __call__(self, states: States) -> np.ndarray:
        return array(self._environment.encode(states), np.float32)
