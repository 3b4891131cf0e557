"""How good a scored object is, as one number that is to be made large, and back."""

from __future__ import annotations

import numpy as np

from molgfn.rewards.base import Reward, Scores
from molgfn.rewards.oracle_reward import OracleReward


def worth_of(scores: Scores, reward: Reward) -> np.ndarray:
    """Desirability where the reward has a transform, else the value, with its sign turned where less is better.

    Returns:
        float64 [B], NaN without a value.
    """
    scored = reward.scored
    if (desirability := scores.components.get(f"{scored.name}_transformed")) is not None:
        found = desirability.numpy()
    else:
        found = scores.value.numpy() * (-1 if scored.direction == "minimise" else 1)
    missing = np.array([problem is not None for problem in scores.problems], dtype=bool)
    return np.where(missing, np.nan, found)


def on_unit_scale(reward: Reward) -> bool:
    """Whether ``worth_of`` lies in [0, 1] for all objects."""
    if (transform := getattr(reward, "transform", None)) is not None:
        return bool(transform.bounded)
    low, high = getattr(getattr(reward, "oracle", None), "range", (-np.inf, np.inf))
    return reward.scored.direction == "maximise" and low >= 0 and high <= 1


def log_reward_of(worth: np.ndarray, reward: OracleReward, condition: dict[str, np.ndarray]) -> np.ndarray:
    """log R of objects that would be worth so much, float64 [n].

    Args:
        worth: finite, float64 [n].
        reward: of the run.
        condition: name -> float64 [n], what the reward reads.
    """
    turned = reward.transform is None and reward.scored.direction == "minimise"
    return np.asarray(reward.log_reward_of(-worth if turned else worth, condition), dtype=np.float64)
