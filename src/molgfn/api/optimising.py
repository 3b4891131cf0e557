"""Optimisation with few oracle calls from Python, as the command line does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from molgfn.api.own_files import own_files
from molgfn.composing.compose import apply
from molgfn.composing.compose import checked as composed
from molgfn.config import OPTIMISE, check
from molgfn.errors import CheckpointError, ConfigError
from molgfn.optimising.checkpoints import LOOP, read_loop
from molgfn.optimising.running import Optimised, Tell
from molgfn.optimising.running import optimise as run
from molgfn.paths import local
from molgfn.run_files import settle
from molgfn.runs.checkpoint import files_of
from molgfn.runs.folder import config_in, files_in
from molgfn.training.callbacks.checkpointing import LAST

#: what an optimisation that goes on may change
CHANGEABLE = (
    "scoring.",
    "rounds.most=",
    "rounds.checkpoint_every=",
    "rounds.report=",
    "rounds.hit=",
    "rounds.optimum=",
)


def compose_optimisation(experiment: str | Path | Mapping[str, Any], *overrides: str) -> dict[str, Any]:
    """The config of an optimisation, composed and checked, its files absolute: ``molgfn optimise ... --check``.

    Args:
        experiment: an experiment file that starts from ``optimise``, the name of a shipped one such as
            "optimise/gp_ga", or a config that was composed before.
        overrides: such as "oracle=qed", "scoring.budget=500" or "candidates.proposers.graph_ga=null".

    Raises:
        ConfigError: with every problem that was found, one line each.
    """
    if not isinstance(experiment, Mapping):
        return composed(str(experiment), overrides, OPTIMISE)
    settled = settle(apply(dict(experiment), overrides))
    if problems := settled.problems + check(settled.config, schema=OPTIMISE):
        raise ConfigError(problems)
    return settled.config


def optimise(experiment: str | Path | Mapping[str, Any], *overrides: str, tell: Tell | None = None) -> Optimised:
    """Find the best objects with few oracle calls; the same as ``molgfn optimise EXPERIMENT OVERRIDES``.

    Args:
        experiment: as of ``compose_optimisation``.
        overrides: likewise.
        tell: called after each round with its row of metrics.

    Returns:
        ``folder``, ``ended``, ``summary``, ``calls`` (a table of every oracle call), ``metrics`` (a row for each round)
        and ``best(n)``.

    Raises:
        ConfigError: before the first call, with every problem that was found.
        CheckpointError: likewise, of weights that the sampler should start from.
        DataError: likewise, of a file that is read.
    """
    return run(compose_optimisation(experiment, *overrides), tell=tell)


def resume_optimisation(place: str | Path, *overrides: str, tell: Tell | None = None) -> Optimised:
    """Go on with an optimisation where its latest checkpoint is, bit for bit on a CPU, as if it had not stopped.

    Args:
        place: the run folder, or its checkpoint.
        overrides: of ``scoring.*`` (a larger budget, for one) and of what is said at the end.
        tell: as of ``optimise``.

    Raises:
        ConfigError: another override.
        CheckpointError: there is no such optimisation, or a file that it read is gone or another one.
    """
    config, at = resumed_optimisation(place, overrides)
    return run(config, resume=at, tell=tell)


def resumed_optimisation(place: str | Path, overrides: Sequence[str]) -> tuple[dict[str, Any], Path]:
    """The config with which an optimisation goes on, and where; errors as of ``resume_optimisation``."""
    if bad := [text for text in overrides if not text.lstrip("+").startswith(CHANGEABLE)]:
        allowed = "only scoring.*, rounds.most and what is said at the end may be changed"
        raise ConfigError([f"{text}: an optimisation that goes on keeps its config; {allowed}" for text in bad])
    folder = local(place)
    if folder.is_dir() and not (folder / "checkpoints" / LAST).is_file():
        begun = config_in(folder)
        if begun is None or "candidates" not in begun:
            raise CheckpointError(f"{folder}: no run folder of an optimisation, and no checkpoint of one")
        own = own_files(begun, files_in(folder), folder / LAST, None, {}, strict=True)
        return compose_optimisation(own, *overrides), folder
    path, content = read_loop(folder)
    own = own_files(content[LOOP]["config"], files_of(content), path, None, {}, strict=True)
    return compose_optimisation(own, *overrides), path
