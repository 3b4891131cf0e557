"""A run as people name it, and its environment and policy as they were trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from molgfn.class_paths import TRUSTED, import_class, trust_word
from molgfn.code_references import names_file
from molgfn.config import CLASS_KEY
from molgfn.errors import ConfigError, DataError
from molgfn.experiment import Run
from molgfn.paths import local
from molgfn.runs import checkpoint
from molgfn.runs.checkpoint import Loaded
from molgfn.runs.device import usable

#: what ``train`` returned, what ``load`` returned, a run folder, a checkpoint file, or a folder of runs (its latest)
RunLike = Run | Loaded | str | Path


def load(run: RunLike, *, trust: Sequence[str] = (), device: torch.device | str = "cpu") -> Loaded:
    """Environment, policy and config of a run, from its checkpoint alone.

    A checkpoint may name classes of molgfn and torch only, so that one of somebody else cannot call what it likes. What
    ``train`` returned in this very process is trusted as it is.

    Args:
        run: what ``train`` returned, a run folder, a checkpoint file, or a folder of runs (its latest). What ``load``
            returned comes back as it is.
        trust: packages, ``file.py``s and commands of your own that the run names.
        device: where the policy goes, such as "cuda".

    Returns:
        ``environment``, ``policy`` (in evaluation mode), ``config``, ``iteration``, ``path``.

    Raises:
        CheckpointError: there is no such checkpoint, or the config or the weights in it cannot be used.
        ConfigError: there is no such device here.
    """
    if isinstance(run, Loaded):
        return run
    if not isinstance(run, Run | str | Path):
        raise ConfigError(f"run: a {type(run).__name__} is no run, and has no checkpoint")
    return checkpoint.load(checkpoint_of(run), trust=trusted_for(run, trust), device=usable(device))


def history(run: RunLike) -> pd.DataFrame:
    """What a run logged while it trained: its ``metrics.csv``, one row for each logged step, one column a metric.

    Args:
        run: as of ``load``. A run that still trains has what it has logged so far.

    Raises:
        DataError: the run has no ``metrics.csv`` (a checkpoint was taken out of its folder, or nothing was logged yet).
        CheckpointError: there is no such run.
    """
    path = _folder(run) / "metrics.csv"
    if not path.is_file():
        raise DataError(f"{path}: no such file; metrics are beside the `checkpoints` of a run")
    table = pd.read_csv(path)
    return table.groupby("step").first() if "step" in table else table


def checkpoint_of(run: RunLike) -> Path:
    """The checkpoint file of a run.

    Raises:
        CheckpointError: there is none.
    """
    if isinstance(run, Run):
        return run.checkpoint
    return run.path if isinstance(run, Loaded) else checkpoint.find(run)


def trusted_for(run: RunLike, trust: Sequence[str]) -> tuple[str, ...]:
    """``trust``, and what is trusted anyhow: what this process trained, what the run was loaded with."""
    given = (trust,) if isinstance(trust, str) else tuple(trust)
    if isinstance(run, Run):
        return (*given, *own_code(run.experiment.config))
    return (*given, *run.trust) if isinstance(run, Loaded) else given


def own_code(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What must be trusted so that a config may be built: modules, files and commands that are not of this package."""
    return tuple(dict.fromkeys(_named(config)))


def _folder(run: RunLike) -> Path:
    if isinstance(run, Run):
        return run.folder
    if not isinstance(run, Loaded) and (place := local(run) / "metrics.csv").is_file():
        return place.parent
    path = checkpoint_of(run)
    return path.parent.parent if path.parent.name == "checkpoints" else path.parent


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(path := node.get(CLASS_KEY), str):
            cls = import_class(path)
            real = path if names_file(path) else f"{cls.__module__}.{cls.__qualname__}"  # where it is only passed on
            yield from (trust_word(place) for place in (path, real) if not place.startswith(TRUSTED))
            codes = [node.get(key) for key in getattr(cls, "names_code", ())]
            yield from (trust_word(code) for code in codes if code is not None)
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from _named(item)
