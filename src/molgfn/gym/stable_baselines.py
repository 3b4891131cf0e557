"""The vectorised environment as Stable-Baselines3 takes one: a step of all episodes is one batch, no loop over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from molgfn.errors import ConfigError
from molgfn.gym.vector import ObjectVectorEnv


class StableBaselinesVecEnv(VecEnv):
    """``ObjectVectorEnv`` for Stable-Baselines3 and sb3-contrib, whose ``MaskablePPO`` finds the action masks.

    An episode begins again in the step in which it ends, as Stable-Baselines3 wants it; its last observation is in
    ``info["terminal_observation"]``, and what the object is worth in the same ``info``, with the return and length of
    the episode in ``info["episode"]``.

    Args:
        env: with ``autoreset_mode="SameStep"``.

    Raises:
        ConfigError: another mode.
    """

    def __init__(self, env: ObjectVectorEnv) -> None:
        if env.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise ConfigError("StableBaselinesVecEnv: takes an environment made with autoreset_mode=SameStep")
        self.env = env
        self.render_mode = env.render_mode
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: Any = None
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)

    def reset(self) -> Any:
        seeds = [seed for seed in self._seeds if seed is not None]
        seen, _ = self.env.reset(seed=seeds[0] if seeds else None)
        self._reset_seeds()
        self._reset_options()
        self._returns[:], self._lengths[:] = 0, 0
        return seen

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        seen, reward, terminated, truncated, infos = self.env.step(self._actions)
        self._returns += reward
        self._lengths += 1
        done = terminated | truncated
        each: list[dict[str, Any]] = [{"TimeLimit.truncated": False} for _ in range(self.num_envs)]
        for place in np.flatnonzero(done).tolist():
            each[place] = {
                **_of(infos["final_info"], place),
                "terminal_observation": infos["final_obs"][place],
                "TimeLimit.truncated": bool(truncated[place]),
                "episode": {"r": float(self._returns[place]), "l": int(self._lengths[place])},
            }
        self._returns[done], self._lengths[done] = 0, 0
        return seen, reward.astype(np.float32), done, each

    def close(self) -> None:
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        frames = self.env.render() if self.render_mode == "rgb_array" else None
        return [None] * self.num_envs if frames is None else list(frames)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        value = getattr(self.env, attr_name)
        return [value for _ in self._places(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise ConfigError(f"{attr_name}: episodes of one batch share what they are; make another environment")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """What a method of the vectorised environment gives for each episode: one with a leading axis of them."""
        answers = getattr(self.env, method_name)(*args, **kwargs)
        return [answers[place] for place in self._places(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False for _ in self._places(indices)]

    def has_attr(self, attr_name: str) -> bool:
        return hasattr(self.env, attr_name)

    def _places(self, indices: Any) -> Iterable[int]:
        if indices is None:
            return range(self.num_envs)
        return [indices] if isinstance(indices, int) else list(indices)


def _of(infos: dict[str, Any], place: int) -> dict[str, Any]:
    """What ``infos`` of a vectorised environment say of one episode."""
    found: dict[str, Any] = {}
    for name, column in infos.items():
        if name.startswith("_") or not infos[f"_{name}"][place]:
            continue
        found[name] = _of(column, place) if isinstance(column, dict) else column[place]
    return found
