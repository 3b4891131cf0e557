"""Trajectories as plain data and tensors, for files that no code has to be run to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from molgfn.environments.base import States
from molgfn.trajectories.batch import Trajectories

_TENSORS = ("actions", "backward_actions", "exits", "trajectory", "step", "lengths", "log_reward", "log_symmetry")


def as_plain(trajectories: Trajectories) -> dict[str, Any]:
    """All of them but what was measured, on the CPU; ``of_plain`` makes trajectories of it."""
    trajectories = trajectories.to("cpu")
    more = ("log_reward_state",) if trajectories.log_reward_state is not None else ()
    return {
        **{name: getattr(trajectories, name) for name in (*_TENSORS, *more)},
        "keys": trajectories.keys,
        "source": trajectories.source,
        "states": trajectories.states.tensors(),
    }


def of_plain(plain: Mapping[str, Any], blank: States) -> Trajectories:
    """Of ``as_plain``; ``blank`` is any states batch of the environment (for its type)."""
    exits = plain.get("exits", plain["backward_actions"] < 0)  # before there were flags, -1 said so
    fields = {name: value for name, value in plain.items() if name != "backward_actions"}
    states = blank.with_tensors(plain["states"])
    return Trajectories(**{**fields, "undoing": plain["backward_actions"], "exits": exits, "states": states})
