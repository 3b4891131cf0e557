"""The environment of a run's config: what it builds objects in, under the condition that it draws where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from molgfn.conditions.base import Condition
from molgfn.config import build
from molgfn.environments.base import Environment
from molgfn.environments.conditional import conditional
from molgfn.environments.enumerable import Enumerable
from molgfn.errors import ConfigError


def run_environment(config: Mapping[str, Any], *, untrusted: bool = False, trust: Sequence[str] = ()) -> Environment:
    """The same for training and for loading a checkpoint; ``environment`` and ``condition`` of the config are read.

    Args:
        config: of a run; ``condition`` may be null, or not there.
        untrusted: as in ``config.build``.
        trust: as in ``config.build``.

    Raises:
        ConfigError: one of the two cannot be built, or the condition cannot be shown to a policy.
    """
    environment = build(config["environment"], Environment, "environment", untrusted=untrusted, trust=trust)
    if absent := [name for name in ("kind", "encoding", "max_steps") if not hasattr(environment, name)]:
        raise ConfigError(f"environment: {type(environment).__name__} does not declare {', '.join(absent)}")
    if environment.counts_paths and not isinstance(environment, Enumerable):
        raise ConfigError(
            f"environment: {type(environment).__name__} says that it counts its paths (counts_paths), but has no "
            "log_path_count (it is no environments.enumerable.Enumerable)"
        )
    if (node := config.get("condition")) is None:
        return environment
    return conditional(environment, build(node, Condition, "condition", untrusted=untrusted, trust=trust))


def environment_record(config: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """What tells the environment of a run from others: its config, with files read as content, and its condition."""
    return {**config["environment"], **environment.portable(), **condition_record(config)}


def condition_record(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``environment_record`` that is not in the config's ``environment``; empty without a condition.

    How many trajectories share a condition is left out: a policy plays under it all the same.
    """
    if (node := config.get("condition")) is None:
        return {}
    return {"condition": {key: value for key, value in node.items() if key != "per_condition"}}
