"""An environment as a Gymnasium environment: one object is built in an episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from molgfn.errors import ConfigError
from molgfn.gym.episodes import Episodes, Illegal
from molgfn.gym.observations.base import Arrays, row
from molgfn.gym.pictures import picture, text
from molgfn.gym.returns import Returns
from molgfn.gym.settings import parts


class ObjectEnv(gymnasium.Env[Any, Any]):
    """Builds one object in an episode, which ends (``terminated``) with the exit and pays what the object is worth.

    The action space is ``Discrete``: every forward action of the environment by its number. ``info["action_mask"]``
    (int8, after ``reset`` and each ``step``) and ``action_masks()`` (bool) say which are legal. An illegal action
    leaves the state as it is, pays nothing and is marked (``info["illegal"]``); an episode with so many of them that it
    is longer than any object needs is ``truncated``. At the end ``info`` has the ``object`` (SMILES of a molecule), its
    ``log_reward``, ``value`` and ``components``, and the ``problem`` of one without a value, which is paid the reward's
    declared floor.

    Args:
        environment: name of a shipped environment config; an id of Gymnasium gives its own.
        observation: "vector", "graph" (on fragments also called "fragments"), "atoms", "fingerprint" or "state"; None:
            what policies of the environment read.
        returns: "log_reward", "reward" or "soft" (see ``gym.returns``).
        illegal: what an illegal action does: "stay" or "raise".
        render_mode: "rgb_array", "ansi" or None.
        words: as overrides on the command line, such as "oracle=seh_proxy" or "reward.beta=8".
        settings: further ones as keyword arguments (see ``gym.settings.parts``), such as ``max_fragments=4``,
            ``oracle="qed"`` or ``reward={"beta": 8}``.

    Raises:
        ConfigError: with every problem that was found.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 2}  # type: ignore[misc]

    def __init__(
        self,
        environment: str,
        *,
        observation: str | None = None,
        returns: Returns = "log_reward",
        illegal: Illegal = "stay",
        render_mode: str | None = None,
        words: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        require_render_mode(render_mode, self.metadata)
        made = parts(environment, words, **settings)
        self.episodes = Episodes(made, 1, observation=observation, returns=returns, illegal=illegal)
        self.observation_space = self.episodes.observe.space
        self.action_space = spaces.Discrete(self.episodes.actions.count)
        self.render_mode = render_mode
        self._over = True

    @property
    def environment(self) -> Any:
        """The molgfn environment."""
        return self.episodes.environment

    @property
    def reward(self) -> Any:
        """The molgfn reward, with its counters and budget."""
        return self.episodes.reward

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.episodes.seed(seed)
        self.episodes.begin()
        self._over = False
        return self._seen(), {"action_mask": self.episodes.mask()[0]}

    def step(self, action: Any) -> tuple[Arrays, float, bool, bool, dict[str, Any]]:
        if self._over:
            raise gymnasium.error.ResetNeeded("the episode is over; call reset() first")
        outcome = self.episodes.step(np.array([action]))
        terminated, truncated = bool(outcome.terminated[0]), bool(outcome.truncated[0])
        self._over = terminated or truncated
        info: dict[str, Any] = {"action_mask": self.episodes.mask()[0]}
        if outcome.illegal[0]:
            info["illegal"] = True
        if outcome.finished is not None:
            info |= outcome.finished.of(0)
        return self._seen(), float(outcome.reward[0]), terminated, truncated, info

    def action_masks(self) -> np.ndarray:
        """bool [A], the legal actions now, as sb3-contrib's MaskablePPO asks for them."""
        return self.episodes.mask()[0].astype(bool)

    def render(self) -> Any:
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode; give one to gymnasium.make")
            return None
        draw = picture if self.render_mode == "rgb_array" else text
        return draw(self.episodes.environment, self.episodes.states)

    def _seen(self) -> Arrays:
        return row(self.episodes.seen(), 0)


def require_render_mode(mode: str | None, metadata: dict[str, Any]) -> None:
    """Refuse a render mode that there is not."""
    if mode is not None and mode not in metadata["render_modes"]:
        raise ConfigError(f"render_mode: should be {', '.join(metadata['render_modes'])} or None, got {mode!r}")
