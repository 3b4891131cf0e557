"""Keyword arguments of ``gymnasium.make`` to an environment and a reward, checked as the config of a run is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import yaml

from molgfn.class_paths import did_you_mean, import_class, parameters
from molgfn.compatibility import unread
from molgfn.composing.compose import checked
from molgfn.composing.places import shipped
from molgfn.composing.quoting import quoted
from molgfn.config import ROOT
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.experiment import reward_of, unused_scalarisation
from molgfn.gym.registry import REAL, WORDS
from molgfn.rewards.base import Reward
from molgfn.runs.environment import run_environment

#: what a Gymnasium environment is made of
GROUPS = ("environment", "condition", "scalarisation", "oracle", "reward", "scoring")


@dataclass(frozen=True)
class Parts:
    """What words and settings describe, built.

    Attributes:
        environment: where objects are built.
        reward: around its oracle, which is asked through the one door (``serving.service``).
        config: plain, as it was composed.
    """

    environment: Environment
    reward: Reward
    config: dict[str, Any]


def parts(environment: str, words: Sequence[str] = (), **settings: Any) -> Parts:
    """Environment and reward of a Gymnasium environment.

    Args:
        environment: name of a shipped config, such as "fragments".
        words: as overrides on the command line: "oracle=seh_proxy", "reward.beta=8", "scoring.budget=1000".
        settings: the same as keyword arguments. A group (condition, scalarisation, oracle, reward, scoring) takes a
            name, None, or a mapping of settings; anything else is an argument of the environment, such as
            ``max_fragments=4``.

    Raises:
        ConfigError: with every problem that was found.
    """
    if environment in REAL:
        raise ConfigError(f"environment: actions of `{environment}` have real coordinates: there is no action space")
    chosen = [f"environment={environment}", *WORDS.get(environment, ())]
    config = checked(str(shipped("configs") / "gym.yaml"), [*chosen, *_words(environment, settings), *words], _schema())
    if problems := unused_scalarisation(config):
        raise ConfigError(problems)
    torch_state = torch.get_rng_state()
    torch.manual_seed(config["seed"])
    try:
        made = run_environment(config)
        reward = reward_of(config, training=True)
    finally:
        torch.set_rng_state(torch_state)
    problems = unread(reward, made)
    if reward.kind is not made.kind:
        problems.append(
            f"oracle: {type(made).__name__} builds {made.kind.name} objects, but the oracle measures "
            f"{reward.kind.name} objects"
        )
    if reward.orders:
        problems.append("scalarisation: pareto makes no number of the objectives, and an episode needs one")
    if problems:
        raise ConfigError(problems)
    return Parts(made, reward, config)


def _schema() -> dict[str, Any]:
    return {key: ROOT[key] for key in (*GROUPS, "seed")}


def _words(environment: str, settings: Mapping[str, Any]) -> list[str]:
    """Keyword arguments as the words that mean the same."""
    known = _arguments(environment)
    words, problems = [], []
    for key, value in settings.items():
        if key in GROUPS and isinstance(value, Mapping):
            words += [_word(f"{key}.{name}", inner) for name, inner in value.items()]
        elif key in GROUPS:
            words.append(f"{key}={'null' if value is None else value}")
        elif key in known:
            words.append(_word(f"environment.{key}", value))
        else:
            problems.append(
                f"{key}: neither an argument of the environment `{environment}` nor one of {', '.join(GROUPS[1:])}"
                f"{did_you_mean(key, [*known, *GROUPS[1:]])}"
            )
    if problems:
        raise ConfigError(problems)
    return words


def _arguments(environment: str) -> list[str]:
    path = shipped("configs") / "environment" / f"{environment}.yaml"
    if not path.is_file():
        names = [p.stem for p in path.parent.glob("*.yaml")]
        raise ConfigError(f"environment: there is no `{environment}`{did_you_mean(environment, names)}")
    return list(parameters(import_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"])))


def _word(key: str, value: Any) -> str:
    """``key=value`` as an override is written."""
    if isinstance(value, str):
        if (word := quoted(key, value)) is None:
            raise ConfigError(f"{key}: no way to write {value!r} as an override; give it in a file")
        return shlex.split(word)[0]
    return f"{key}={_written(value)}"


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value)
