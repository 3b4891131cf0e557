"""An environment as a natively vectorised Gymnasium environment: all episodes step as one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from molgfn.errors import ConfigError
from molgfn.gym.episodes import Episodes, Illegal, Outcome
from molgfn.gym.observations.base import Arrays, put, row
from molgfn.gym.pictures import picture, text
from molgfn.gym.returns import Returns
from molgfn.gym.settings import parts
from molgfn.gym.single import ObjectEnv, require_render_mode


class ObjectVectorEnv(VectorEnv[Any, Any, Any]):
    """``num_envs`` episodes side by side (``gymnasium.make_vec``), with the spaces, rewards and infos of ``ObjectEnv``.

    One step is one call of the environment and one of the reward for all episodes, whose finished objects are scored
    together. ``infos["action_mask"]`` is int8 [num_envs, A]; what only some episodes have stands beside a mask of the
    same name with an underscore, such as ``infos["object"]`` and ``infos["_object"]``.

    Args:
        environment: as of ``ObjectEnv``.
        num_envs: episodes.
        autoreset_mode: "NextStep": the step after an episode's end ignores its action, pays nothing and begins the next
            one; "SameStep": it begins at once, and what was seen and said last is in ``infos["final_obs"]`` and
            ``infos["final_info"]``; "Disabled": it waits for ``reset(options={"reset_mask": ...})``. The mode stands in
            ``metadata``.
        observation: as of ``ObjectEnv``.
        returns: as of ``ObjectEnv``.
        illegal: as of ``ObjectEnv``.
        render_mode: as of ``ObjectEnv``; ``render`` gives a frame or a text of each.
        words: as of ``ObjectEnv``.
        settings: as of ``ObjectEnv``.

    Raises:
        ConfigError: with every problem that was found.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        **ObjectEnv.metadata,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        environment: str,
        *,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | Literal["NextStep", "SameStep", "Disabled"] = AutoresetMode.NEXT_STEP,
        observation: str | None = None,
        returns: Returns = "log_reward",
        illegal: Illegal = "stay",
        render_mode: str | None = None,
        words: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        require_render_mode(render_mode, self.metadata)
        if num_envs < 1:
            raise ConfigError(f"num_envs: should be at least 1, got {num_envs}")
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(mode.value for mode in AutoresetMode)
            raise ConfigError(f"autoreset_mode: should be one of {modes}, got {autoreset_mode!r}") from None
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        made = parts(environment, words, **settings)
        self.episodes = Episodes(made, num_envs, observation=observation, returns=returns, illegal=illegal)
        self.num_envs = num_envs
        self.single_observation_space = self.episodes.observe.space
        self.single_action_space = spaces.Discrete(self.episodes.actions.count)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        #: bool [num_envs], episodes that are over
        self._over = np.ones(num_envs, dtype=bool)

    @property
    def environment(self) -> Any:
        """The molgfn environment."""
        return self.episodes.environment

    @property
    def reward(self) -> Any:
        """The molgfn reward, with its counters and budget."""
        return self.episodes.reward

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Begin all episodes, or those of ``options["reset_mask"]`` (bool [num_envs]).

        One stream draws for all of them: several ``seed``s make one.
        """
        if isinstance(seed, list):
            if len(seed) != self.num_envs:
                raise ValueError(f"seed: {len(seed)} of them for {self.num_envs} episodes")
            seeds = [s for s in seed if s is not None]
            if seeds:
                super().reset(seed=seeds[0])
                self.episodes.seed(seeds)
        elif seed is not None:
            super().reset(seed=seed)
            self.episodes.seed(seed)
        rows = None if options is None else options.get("reset_mask")
        if rows is not None and (not isinstance(rows, np.ndarray) or rows.shape != (self.num_envs,) or not rows.any()):
            raise ValueError(f"reset_mask: should be bool [{self.num_envs}], at least one of them true")
        self.episodes.begin(rows)
        self._over[slice(None) if rows is None else rows] = False
        return self.episodes.seen(), self._infos(None)

    def step(self, actions: Any) -> tuple[Arrays, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        over = self._over.copy()
        if over.any():
            if self.autoreset_mode is not AutoresetMode.NEXT_STEP:
                raise gymnasium.error.ResetNeeded(f"{int(over.sum())} episodes are over; call reset() first")
            self.episodes.begin(over)
        outcome = self.episodes.step(actions, ~over)
        ended = outcome.terminated | outcome.truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            return self._begun_again(outcome, ended)
        self._over = ended
        return self.episodes.seen(), outcome.reward, outcome.terminated, outcome.truncated, self._infos(outcome)

    def _begun_again(self, outcome: Outcome, ended: np.ndarray) -> Any:
        """What ``step`` returns where episodes begin again in the step in which they end."""
        last, said = self.episodes.seen(), self._infos(outcome)
        self.episodes.begin(ended)
        self._over = np.zeros(self.num_envs, dtype=bool)
        new = self.episodes.seen()
        seen = {name: array.copy() for name, array in last.items()} if isinstance(last, dict) else last.copy()
        rows = np.flatnonzero(ended)
        put(seen, rows, _rows(new, rows))
        final_obs = np.full(self.num_envs, None, dtype=object)
        for place in rows.tolist():
            final_obs[place] = row(last, place)
        infos = self._infos(None)
        if (on := outcome.illegal & ~ended).any():
            infos |= {"illegal": on, "_illegal": on.copy()}
        there = {name: ended & said[f"_{name}"] for name in said if not name.startswith("_")}
        there = {name: rows_ for name, rows_ in there.items() if rows_.any()}
        final = {name: said[name] for name in there} | {f"_{name}": rows_ for name, rows_ in there.items()}
        infos |= {"final_obs": final_obs, "_final_obs": ended, "final_info": final, "_final_info": ended.copy()}
        return seen, outcome.reward, outcome.terminated, outcome.truncated, infos

    def _infos(self, outcome: Outcome | None) -> dict[str, Any]:
        n = self.num_envs
        infos: dict[str, Any] = {"action_mask": self.episodes.mask(), "_action_mask": np.ones(n, dtype=bool)}
        if outcome is None:
            return infos
        if outcome.illegal.any():
            infos |= {"illegal": outcome.illegal, "_illegal": outcome.illegal.copy()}
        if (found := outcome.finished) is not None:
            there = np.zeros(n, dtype=bool)
            there[found.rows] = True
            columns: dict[str, Any] = {
                "object": np.array(found.objects, dtype=object),
                "log_reward": found.log_reward,
                "value": found.value,
                "problem": np.array(found.problems, dtype=object),
            }
            for name, column in columns.items():
                blank = np.full(n, None if column.dtype == object else 0.0, dtype=column.dtype)
                blank[found.rows] = column
                infos |= {name: blank, f"_{name}": there.copy()}
            parts_: dict[str, Any] = {}
            for name, column in found.components.items():
                blank = np.zeros(n)
                blank[found.rows] = column
                parts_ |= {name: blank, f"_{name}": there.copy()}
            infos |= {"components": parts_, "_components": there.copy()}
        return infos

    def action_masks(self) -> np.ndarray:
        """bool [num_envs, A], the legal actions now."""
        return self.episodes.mask().astype(bool)

    def render(self) -> tuple[Any, ...] | None:
        if self.render_mode is None:
            return None
        draw = picture if self.render_mode == "rgb_array" else text
        states = self.episodes.states
        return tuple(draw(self.environment, states[i : i + 1]) for i in range(self.num_envs))


def _rows(arrays: Arrays, rows: np.ndarray) -> Arrays:
    return {name: array[rows] for name, array in arrays.items()} if isinstance(arrays, dict) else arrays[rows]
