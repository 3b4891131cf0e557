"""The checkpoint of a loop: all of where it stands, written whole; one with a sampler is sampled as any other run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from molgfn.errors import CheckpointError
from molgfn.objectives.backward.base import policy_needs
from molgfn.optimising.assembling import Parts
from molgfn.optimising.loop import Loop
from molgfn.optimising.sampler import weights_of
from molgfn.runs.checkpoint import KEY, find, read, written_now
from molgfn.training.callbacks.checkpointing import LAST
from molgfn.training.whole_file import whole_file

#: the entry of a checkpoint that only a loop has
LOOP = "optimisation"


def record_of(parts: Parts, files: list[dict[str, str]]) -> dict[str, Any]:
    """What makes the checkpoint describe itself, as that of a training run does."""
    record: dict[str, Any] = {**written_now(), "files": files}
    if parts.sampler is None:
        return {**record, "config": parts.config}
    experiment = parts.sampler.experiment
    config = experiment.config
    stored = {**config, "environment": {**config["environment"], **experiment.environment.portable()}}
    own = policy_needs(experiment.objective, experiment.backward)["own_losses"]
    return {**record, "config": stored, "own_losses": sorted(own)}


def write(loop: Loop, folder: Path, record: dict[str, Any]) -> Path:
    """Write ``checkpoints/last.ckpt`` in a run folder, all of it or nothing."""
    path = folder / "checkpoints" / LAST
    path.parent.mkdir(exist_ok=True)
    sampler = loop.parts.sampler
    content = {
        KEY: {**record, "iteration": 0 if sampler is None else sampler.learner.iteration},
        "state_dict": {} if sampler is None else weights_of(sampler),
        LOOP: {"config": loop.parts.config, "state": loop.state_dict()},
    }
    with whole_file(path) as file:
        torch.save(content, file)
    return path


def read_loop(place: str | Path) -> tuple[Path, dict[str, Any]]:
    """The checkpoint of a loop at ``place`` (a run folder, or the file), and its content.

    Raises:
        CheckpointError: there is none, or it is one of a training run.
    """
    path = find(place)
    content = read(path)
    if not isinstance(content.get(LOOP), dict):
        raise CheckpointError(f"{path}: is a checkpoint of a training run; go on with: molgfn resume {place}")
    return path, content
