"""The files of a run that is used again: those that it was trained with, or those that the user names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from molgfn.checkpoint import Loaded
from molgfn.errors import CheckpointError, ConfigError, DataError
from molgfn.experiment import reward_of
from molgfn.rewards.base import Reward
from molgfn.run_files import relative_files, require_same, verified

logger = logging.getLogger("molgfn")


def own_files(
    config: dict[str, Any],
    files: Sequence[Mapping[str, str]] | None,
    checkpoint: Path,
    parts: Sequence[str] | None,
    given: Mapping[str, str],
    *,
    strict: bool = False,
) -> dict[str, Any]:
    """The config of a run with its own files, checked; see ``run_files.verified``.

    Raises:
        CheckpointError: a file is gone or another one.
    """
    run = checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent
    if files is None:
        used = {k: v for k, v in config.items() if parts is None or k in parts}
        for key, path in relative_files(used):
            logger.warning(
                "%s: %s is read from the current folder: the run does not say which file it was trained with", key, path
            )
    config, notes = verified(config, files or (), run=run, parts=parts, given=given, strict=strict)
    for note in notes:
        logger.warning("%s", note)
    return config


def own_reward(loaded: Loaded, given: Mapping[str, str], *, instead: str = "") -> Reward:
    """The reward of a run, of the files that it was trained with.

    Like everything of a checkpoint it may name trusted classes, code and commands only.

    Args:
        loaded: the run.
        given: key -> where a file that it read is now.
        instead: how to do without the reward, for messages.

    Raises:
        CheckpointError: it cannot be built, or a file is gone or another one.
    """
    if lacking := [k for k in ("oracle", "reward") if k not in loaded.config]:
        raise CheckpointError(f"{loaded.path}: the config inside has no {' and no '.join(f'`{k}`' for k in lacking)}")
    parts = ("oracle", "reward", "scoring")
    config = own_files(loaded.config, loaded.files, loaded.path, parts, given)
    try:
        reward = reward_of(config, untrusted=True, trust=loaded.trust)
    except (ConfigError, DataError) as error:
        problems = "\n  ".join(error.problems if isinstance(error, ConfigError) else [str(error)])
        raise CheckpointError(f"{loaded.path}: the run's reward cannot be built here{instead}\n  {problems}") from error
    if loaded.files is not None and not any(key.partition(".")[0] in parts for key in given):
        oracle = getattr(reward, "oracle", None)  # a reward of one's own need not have one
        require_same(loaded.files, oracle.files if oracle is not None else ())
    return reward
