"""The files of a run that is used again: those that it was trained with, or those that the user names."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from molgfn.code_references import names_file, split
from molgfn.composing.compose import apply
from molgfn.errors import CheckpointError, ConfigError, DataError
from molgfn.experiment import reward_of
from molgfn.paths import local
from molgfn.rewards.base import Reward
from molgfn.run_files import relative_files, require_same, verified

logger = logging.getLogger("molgfn")

#: the parts of a config that a reward is built from
PARTS = ("oracle", "reward", "scoring")


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


def own_reward(
    path: Path,
    config: dict[str, Any],
    files: Sequence[Mapping[str, str]] | None,
    *,
    trust: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
    instead: str = "",
    overrides: Sequence[str] = (),
) -> Reward:
    """The reward of a run as evaluation takes it (no budget, no diversity filter), of the files it was trained with.

    Like everything of a checkpoint it may name trusted classes, code and commands only.

    Args:
        path: the checkpoint.
        config: of the run, as it was stored.
        files: what the run read, see ``run_files.record``; None where nothing says so.
        trust: packages, files and commands that it may name.
        given: key -> where a file that it read is now.
        instead: how to do without the reward, for messages.
        overrides: such as ``scoring.workers=8``: what is below oracle, reward and scoring, changed before anything is
            checked, so that a file that an override replaces need not be there.

    Raises:
        ConfigError: an override of something else, or ``given`` names something that the run has not read.
        CheckpointError: it cannot be built, or a file is gone or another one.
    """
    given = dict(given or {})
    if lacking := [key for key in ("oracle", "reward") if key not in config]:
        raise CheckpointError(f"{path}: the config inside has no {' and no '.join(f'`{k}`' for k in lacking)}")
    if bad := [text for text in overrides if re.match(rf"\+*({'|'.join(PARTS)})\.[\w.\[\]]+=", text) is None]:
        raise ConfigError(
            f"{' '.join(bad)}: with --run the oracle and the reward are those of the run; only what is below them can "
            "be changed, such as scoring.workers=8 or reward.beta=4"
        )
    config = own_files(apply(config, overrides) if overrides else config, files, path, PARTS, given)
    try:
        reward = reward_of(config, untrusted=True, trust=trust)
    except (ConfigError, DataError) as error:
        problems = "\n  ".join(error.problems if isinstance(error, ConfigError) else [str(error)])
        raise CheckpointError(f"{path}: the run's reward cannot be built here{instead}\n  {problems}") from error
    if files is not None:
        chosen = {local(text) for text in (*given.values(), *(word.partition("=")[2] for word in overrides))}
        chosen |= {local(split(text)[0]) for text in given.values() if names_file(text)}
        oracle = getattr(reward, "oracle", None)  # a reward of one's own need not have one
        require_same(
            files, [file for file in (oracle.files if oracle is not None else ()) if local(file) not in chosen]
        )
    return reward
