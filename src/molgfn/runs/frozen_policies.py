"""The policies from checkpoints that an objective or a source reads and nobody trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from molgfn.environments.base import Environment
from molgfn.errors import CheckpointError, ConfigError
from molgfn.policies.base import Policy
from molgfn.runs.checkpoint import differences, load
from molgfn.runs.environment import environment_record


def frozen_policies(
    places: Mapping[str, str | None], config: dict[str, Any], environment: Environment, key: str, reader: str
) -> dict[str, Policy]:
    """The policies of ``Objective.frozen`` (or ``Source.frozen``) by name, without gradient.

    Args:
        places: name -> checkpoint or run folder; None where it has still to be given.
        config: of the run. The checkpoints may name classes of the packages that it names itself, and no others.
        environment: of the run; theirs must be the same. Under a condition they may know of none: they are then read at
            the states without it.
        key: of what reads them in the config, such as ``objective``.
        reader: what reads them, for messages.

    Raises:
        ConfigError: one is not given, cannot be read, or acts in another environment; one line each.
    """
    named = [config[key] for key in ("environment", "condition", "policy", "backward") if config.get(key) is not None]
    trust = sorted({f"{node['_target_'].partition('.')[0]}." for node in named})
    policies: dict[str, Policy] = {}
    problems = []
    for name, place in places.items():
        if not place:
            problems.append(f"{key}.{name}: {reader} reads a trained policy; give its checkpoint or run folder")
            continue
        try:
            loaded = load(place, trust=trust)
        except CheckpointError as error:
            problems.append(f"{key}.{name}: {error}")
            continue
        knows = loaded.environment.condition_size > 0
        there = environment_record(loaded.config, loaded.environment)
        here = environment_record(config if knows else {**config, "condition": None}, environment)
        if differ := differences(there, here):
            problems.append(
                f"{key}.{name}: the policy of {loaded.path} acts in another environment (different: "
                f"{', '.join(differ)}); what it says of states holds in the same one only"
            )
        policies[name] = loaded.policy.requires_grad_(False)
    if problems:
        raise ConfigError(problems)
    return policies
