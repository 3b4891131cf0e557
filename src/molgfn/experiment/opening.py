"""Where a run goes and what its checkpoints say of it: a folder of its own, or that of the run that it continues."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molgfn.experiment.assembling import Experiment
from molgfn.objectives.backward.base import policy_needs
from molgfn.runs.checkpoint import KEY, find, folder_of, read, written_now
from molgfn.runs.folder import begin, files_in, require_writable


@dataclass(frozen=True)
class Opened:
    """A run that can begin to write.

    Attributes:
        folder: of the run.
        record: plain data that make a checkpoint describe itself (config, version, files, W&B id).
        seconds: trained for before a resume.
        keep_until: step from which metrics are written anew; None in a new run.
        checkpoint: the one that it goes on from; None where there is none.
    """

    folder: Path
    record: dict[str, Any]
    seconds: float = 0.0
    keep_until: int | None = None
    checkpoint: Path | None = None


def new(experiment: Experiment, label: str | None) -> Opened:
    """A new run folder; ``label`` as of ``train``."""
    config = experiment.config
    more = [(f"objective.{name}", find(path)) for name, path in experiment.objective.frozen.items() if path]
    oracle = getattr(experiment.reward, "oracle", None)  # a reward of one's own need not have one
    more += [("oracle", path) for path in (oracle.files if oracle is not None else ())]
    if (start := experiment.trainer.init_from) is not None:
        more.append(("trainer.init_from", find(start)))
    folder, files = begin(config, more, label)
    return Opened(folder, {**_record(experiment), "run_id": uuid.uuid4().hex[:8], "files": files})


def again(checkpoint: Path) -> Opened:
    """The run of a checkpoint that goes on.

    Raises:
        ConfigError: nothing can be written in its folder.
    """
    before = read(checkpoint)[KEY]
    record = {k: v for k, v in before.items() if k not in {"iteration", "seconds", "gradient_steps"}} | written_now()
    folder = folder_of(checkpoint)
    require_writable(folder)
    return Opened(folder, record, before.get("seconds", 0.0), before["iteration"], checkpoint)


def anew(experiment: Experiment, folder: Path) -> Opened:
    """A run that was stopped before its first checkpoint begins again, in its own folder.

    Raises:
        ConfigError: as in ``again``.
    """
    require_writable(folder)
    ids = [place.name.rsplit("-", 1)[1] for place in sorted((folder / "wandb").glob("*run-*-*"))]
    run_id = ids[0] if ids else uuid.uuid4().hex[:8]
    return Opened(folder, {**_record(experiment), "run_id": run_id, "files": files_in(folder)}, keep_until=0)


def _record(experiment: Experiment) -> dict[str, Any]:
    config = experiment.config
    stored = {**config, "environment": {**config["environment"], **experiment.environment.portable()}}
    own = policy_needs(experiment.objective, experiment.backward)["own_losses"]  # which heads have a trunk of their own
    return {**written_now(), "config": stored, "own_losses": sorted(own)}
