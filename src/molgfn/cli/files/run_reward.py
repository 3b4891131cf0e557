"""The reward of a run, from its checkpoint: for ``sample`` and for ``score --run``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molgfn.errors import CheckpointError, ConfigError, DataError

if TYPE_CHECKING:
    from molgfn.rewards.base import Reward

PARTS = ("oracle", "reward", "scoring")


def run_config(place: Path, overrides: Sequence[str] = ()) -> tuple[Path, dict[str, Any]]:
    """Checkpoint file and config of a run; ``overrides`` change what is below its oracle, reward and scoring.

    Args:
        place: checkpoint file, run folder, or a folder of runs (its latest).
        overrides: such as ``scoring.workers=8``.

    Raises:
        CheckpointError: there is no such run, or its checkpoint cannot be read.
        ConfigError: an override of something else.
    """
    from omegaconf import OmegaConf

    from molgfn.checkpoint import KEY, find, read

    path = find(place)
    config = dict(read(path)[KEY]["config"])
    if bad := [text for text in overrides if re.match(rf"\+*({'|'.join(PARTS)})\.[\w.]+=", text) is None]:
        raise ConfigError(
            f"{' '.join(bad)}: with --run the oracle and the reward are those of the run; only what is below them can "
            "be changed, such as scoring.workers=8 or reward.beta=4"
        )
    changes = OmegaConf.to_container(OmegaConf.from_dotlist([text.lstrip("+") for text in overrides]))
    for name, change in changes.items():  # type: ignore[union-attr]  # a dotlist makes a mapping
        config[name] = _merged(config.get(name) or {}, change)
    return path, config


def _merged(node: Any, change: Any) -> Any:
    if not isinstance(node, dict) or not isinstance(change, dict) or "_target_" in change:
        return change
    return {**node, **{key: _merged(node.get(key), value) for key, value in change.items()}}


def run_reward(path: Path, config: dict[str, Any], *, trust: Sequence[str], instead: str = "") -> Reward:
    """The reward as evaluation takes it (no budget, no diversity filter); it may name trusted classes only.

    Args:
        path: the checkpoint, for messages.
        config: of the run.
        trust: packages whose classes it may name.
        instead: how to do without it, for messages.

    Raises:
        CheckpointError: the config has none, or it cannot be built here.
    """
    from molgfn.experiment import reward_of

    if lacking := [key for key in ("oracle", "reward") if key not in config]:
        raise CheckpointError(f"{path}: the config inside has no {' and no '.join(f'`{k}`' for k in lacking)}")
    try:
        return reward_of(config, untrusted=True, trust=trust)
    except (ConfigError, DataError) as error:
        raise CheckpointError(f"{path}: the run's reward cannot be built here{instead}\n  {error}") from error
