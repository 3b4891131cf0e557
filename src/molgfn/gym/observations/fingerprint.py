"""Objects under construction as their fingerprints."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError
from molgfn.gym.observations.base import Observation
from molgfn.objects.capabilities import HasFingerprints


class Fingerprint(Observation):
    """Bits of the object that a state stands for (of molecules Morgan, radius 2), all 0 where it stands for none (yet),
    or for one with a problem; float32 [F], after them the encoded condition where there is one.

    It is no whole view: different states of one molecule look the same. Each step builds the molecules, so it is slower
    than the other observations.

    Raises:
        ConfigError: objects of the environment have no fingerprints.
    """

    space: spaces.Box

    def __init__(self, environment: Environment) -> None:
        kind = environment.kind
        if not isinstance(kind, HasFingerprints):
            raise ConfigError(f"observation: {kind.plural} of {type(environment).__name__} have no fingerprints")
        self._environment, self._kind = environment, kind
        self._bits = kind.fingerprints(kind.take(environment.objects(environment.initial(0)), [])).shape[1]
        c = environment.condition_size
        low = np.concatenate([np.zeros(self._bits), np.full(c, -np.inf)]).astype(np.float32)
        high = np.concatenate([np.ones(self._bits), np.full(c, np.inf)]).astype(np.float32)
        self.space = spaces.Box(low, high, dtype=np.float32)

    def __call__(self, states: States) -> np.ndarray:
        seen = np.zeros((len(states), *self.space.shape), np.float32)
        rows = self._environment.has_object(states).nonzero().squeeze(1)
        if len(rows):
            objects = self._environment.objects(states[rows])
            sound = [i for i, problem in enumerate(self._kind.problems(objects)) if problem is None]
            if sound:
                seen[rows[sound].numpy(), : self._bits] = self._kind.fingerprints(self._kind.take(objects, sound))
        if (condition := self._environment.condition(states)) is not None:
            seen[:, self._bits :] = condition.numpy()
        return seen
