"""Reading a checkpoint: plain data only, and enough of it to sample without any other file.

A checkpoint of a run is a Lightning checkpoint with one more entry, ``"molgfn"``: ``{"version", "format", "config",
"iteration"}``, where ``config`` is the run's plain config with what ``Environment.portable`` returned put into
``config["environment"]``. The policy's weights are the entries ``policy.*`` of ``"state_dict"``; where the run kept an
exponential moving average, these are the averaged ones (Lightning keeps the others as ``"current_model_state"``).
"""

from __future__ import annotations

import copy
import logging
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from molgfn import __version__
from molgfn.conditions.base import Given
from molgfn.environments.base import Environment
from molgfn.environments.conditional import drawn_condition, under
from molgfn.errors import CheckpointError, ConfigError
from molgfn.moved import present
from molgfn.moved_sources import present_key
from molgfn.paths import local
from molgfn.policies.base import Policy
from molgfn.policies.log_z import present_keys
from molgfn.runs.environment import condition_record, run_environment
from molgfn.runs.policies import run_backward, run_policy
from molgfn.training.callbacks.checkpointing import LAST, PREVIOUS
from molgfn.written_by import check_writer

logger = logging.getLogger("molgfn")

KEY = "molgfn"
#: raised when a checkpoint comes to mean something else to those that read it now
FORMAT = 1
PREFIX = "policy."
#: where Lightning keeps the state of the data module
DATA = "TrajectoryDataModule"
#: in its `molgfn` entry: processes of the run, where they are several
PROCESSES = "processes"


@dataclass(frozen=True)
class Loaded:
    """What a checkpoint gives.

    Attributes:
        environment: as in the run.
        policy: with the run's weights (averaged ones where it kept them), in evaluation mode, on the asked device.
        config: the run's plain config.
        iteration: training iterations behind it.
        path: the checkpoint file.
        files: what the run read, see ``run_files.record``; None in a checkpoint of a version that did not say.
        trust: packages, files and commands that it was allowed to name.
    """

    environment: Environment
    policy: Policy
    config: dict[str, Any]
    iteration: int
    path: Path
    files: tuple[dict[str, str], ...] | None = None
    trust: tuple[str, ...] = ()

    def __repr__(self) -> str:
        made = f"{type(self.policy).__name__} in {type(self.environment).__name__}"
        return f"{made}, after {self.iteration:,} iterations: {self.path}"

    def under(self, values: Given | None = None) -> Loaded:
        """The same with the environment under one condition: ``values`` by column or label, its reference for the rest.

        Without a condition it is the same as before.

        Raises:
            ConfigError: there is no condition of such a name, or it does not have such a value.
        """
        return replace(self, environment=under(self.environment, values))

    @property
    def run(self) -> Path:
        """The run folder."""
        return folder_of(self.path)


def written_now() -> dict[str, Any]:
    """What the ``molgfn`` entry of a checkpoint that is written now says of who wrote it."""
    return {"version": __version__, "format": FORMAT}


def folder_of(path: Path) -> Path:
    """The run folder of a checkpoint file."""
    return path.parent.parent if path.parent.name == "checkpoints" else path.parent


def find(place: str | Path) -> Path:
    """The checkpoint file at ``place``: itself, the latest of a run folder, or that of the latest run in a folder.

    Where the latest of a run is damaged, the one before it; a warning says so.

    Raises:
        CheckpointError: there is none.
    """
    place = local(place)
    if place.is_file():
        return place
    if not place.is_dir():
        raise CheckpointError(f"{place}: no such file or folder")
    for folder in (place / "checkpoints", place):
        if (folder / LAST).is_file() or (folder / PREVIOUS).is_file():
            return _sound(folder)
    found = [*place.glob("*.ckpt"), *place.glob("checkpoints/*.ckpt")] or [*place.glob("*/checkpoints/*.ckpt")]
    if not found:
        raise CheckpointError(f"{place}: no checkpoint (*.ckpt) in this folder, its `checkpoints` or a run inside it")
    latest = max(found, key=lambda p: p.stat().st_mtime)
    if (several := len({p.parent for p in found})) > 1:
        logger.info("%s holds %d runs; taken: the latest, %s", place, several, latest.parent.parent)
    return _sound(latest.parent) if latest.name in {LAST, PREVIOUS} else latest


def _sound(folder: Path) -> Path:
    """The latest checkpoint in ``folder`` that is whole; the latest where none is, to say what is wrong with it."""
    last, previous = folder / LAST, folder / PREVIOUS
    if whole(last) or not whole(previous):
        return last if last.is_file() else previous
    wrong = "is damaged" if last.is_file() else "is not there"
    logger.warning("%s %s; taken: the one before it, %s", last, wrong, previous)
    return previous


def whole(path: Path) -> bool:
    """Whether a checkpoint is there from its first byte to its last, by the check sums in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError):
        return False


def read(path: str | Path, *, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The content of a checkpoint file; nothing in it is run.

    Raises:
        CheckpointError: no such file, not a checkpoint, cut off, holding code, not of this project, or of a format that
            only a later version reads.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    # everything that torch.save has written since 1.6 is a zip; anything else would reach an older, looser reader
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path}: not a checkpoint, or one that was cut off while it was written")
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        text = str(error)
        if match := re.search(r"GLOBAL ([\w.]+)|Unsupported (?:global|class|operand)\W*(?!GLOBAL)([\w.]+)", text):
            name = match[1] or match[2]
            raise CheckpointError(f"{path}: holds code (`{name}`) where only data may be; it was not run") from None
        reason = text.strip().splitlines()[0] if text.strip() else type(error).__name__
        raise CheckpointError(f"{path}: not a checkpoint, or a damaged one ({reason[:120]})") from None
    if not isinstance(content, dict) or not isinstance(content.get(KEY), dict):
        raise CheckpointError(f"{path}: not a checkpoint of molgfn: it has no `{KEY}` entry with the run's config")
    own = content[KEY]
    check_writer(path, version=own.get("version"), format=own.get("format"), reads=FORMAT, error=CheckpointError)
    if not isinstance(own.get("config"), dict):
        raise CheckpointError(f"{path}: its `{KEY}` entry has no `config`, so nothing says what to build")
    own["config"] = present(own["config"])
    return content


def load(place: str | Path, *, trust: Sequence[str] = (), device: torch.device | str = "cpu") -> Loaded:
    """Environment and policy of a run, from its checkpoint alone.

    The config inside may name only classes of ``molgfn.`` and ``torch.``: a checkpoint that somebody else made cannot
    call what it likes.

    Args:
        place: checkpoint file or run folder.
        trust: more packages whose classes it may name, such as ``("my_package.",)``.
        device: where the policy goes.

    Raises:
        CheckpointError: the file, the config in it or the weights cannot be used.
    """
    path = find(place)
    content = read(path, device=device)
    config = content[KEY]["config"]
    own = content[KEY].get("own_losses", [])
    if not isinstance(own, list) or not all(isinstance(name, str) for name in own):
        raise CheckpointError(f"{path}: `own_losses` should be a list of names, got {own!r}")
    environment, policy = _build(path, config, frozenset(own), trust)
    fill(path, policy, content)
    data, condition = content.get(DATA), drawn_condition(environment)
    if condition is not None and isinstance(data, Mapping) and (learned := data.get("condition")):
        condition.load_state_dict(learned)
    iteration = content[KEY].get("iteration", content.get("global_step", 0))
    if not isinstance(iteration, int):
        raise CheckpointError(f"{path}: `iteration` should be a whole number, got {iteration!r}")
    return Loaded(environment, policy.to(device).eval(), config, iteration, path, files_of(content), _several(trust))


def _several(trust: Sequence[str]) -> tuple[str, ...]:
    return (trust,) if isinstance(trust, str) else tuple(trust)


def files_of(content: Mapping[str, Any]) -> tuple[dict[str, str], ...] | None:
    """What the run of a checkpoint (of ``read``) read, see ``run_files.record``; None where it does not say."""
    files = content[KEY].get("files")
    if not isinstance(files, list) or not all(
        isinstance(f, dict) and {"key", "path", "sha256"} <= f.keys() for f in files
    ):
        return None
    entries = [{str(k): str(v) for k, v in f.items()} for f in files]
    return tuple({**entry, "key": present_key(entry["key"]) or entry["key"]} for entry in entries)


def take_weights(place: str | Path, policy: Policy, environment: Mapping[str, Any]) -> Path:
    """Put the weights of another run into ``policy``, all but log Z, which belongs to a reward.

    Args:
        place: checkpoint file or run folder.
        policy: changed in place.
        environment: ``environment_record`` of its run.

    Raises:
        CheckpointError: there is no such checkpoint, it is of another environment, or its weights do not fit.
    """
    path = find(place)
    content = read(path)
    there = content[KEY]["config"]
    if differ := differences({**there.get("environment", {}), **condition_record(there)}, environment):
        raise CheckpointError(
            f"{path}: its policy acts in another environment (different: {', '.join(differ)}); weights "
            "go on in the same one only"
        )
    log_z = copy.deepcopy(policy.log_z.state_dict())
    fill(path, policy, content)
    policy.log_z.load_state_dict(log_z)
    return path


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """The keys in which two configs of environments differ (each with what ``Environment.portable`` adds)."""
    return sorted(k for k in there.keys() | here.keys() if there.get(k) != here.get(k))


def _build(
    path: Path, config: Mapping[str, Any], own_losses: frozenset[str], trust: Sequence[str]
) -> tuple[Environment, Policy]:
    if lacking := [key for key in ("environment", "policy", "backward") if key not in config]:
        raise CheckpointError(f"{path}: the config inside has no {' and no '.join(f'`{k}`' for k in lacking)}")

    try:
        environment = run_environment(config, untrusted=True, trust=trust)
        backward = run_backward(config, environment, untrusted=True, trust=trust)
        needs = {"learned_backward": backward.learned, "backward_rule": backward.fixed, "own_losses": own_losses}
        return environment, run_policy(config, environment, needs, untrusted=True, trust=trust)
    except ConfigError as error:
        problems = "\n  ".join(error.problems)
        raise CheckpointError(f"{path}: the config inside cannot be built\n  {problems}") from error


def fill(path: Path, policy: Policy, content: Mapping[str, Any]) -> None:
    """Put the weights of a checkpoint (``content``, as ``read`` gives it) into ``policy``.

    Raises:
        CheckpointError: there are none, or they do not fit.
    """
    weights = content.get("state_dict")
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{path}: holds no weights (`state_dict`)")
    own = {str(k).removeprefix(PREFIX): v for k, v in weights.items() if str(k).startswith(PREFIX)}
    present_keys(own)
    expected = policy.state_dict()
    problems = [f"`{k}` is missing" for k in expected if k not in own]
    problems += [f"`{k}` has no place" for k in own if k not in expected]
    for key in expected.keys() & own.keys():
        if not isinstance(own[key], Tensor) or own[key].shape != expected[key].shape:
            shape = list(own[key].shape) if isinstance(own[key], Tensor) else type(own[key]).__name__
            problems.append(f"`{key}` should be {list(expected[key].shape)}, is {shape}")
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise CheckpointError(f"{path}: the weights do not fit the policy: {'; '.join(problems[:3])}{more}")
    policy.load_state_dict(own)
