"""Configs and training from Python, as the command line does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from molgfn import experiment as experiments
from molgfn.api.own_files import own_files
from molgfn.api.runs import RunLike
from molgfn.composing.compose import apply, checked
from molgfn.config import check
from molgfn.errors import ConfigError
from molgfn.experiment import Run
from molgfn.optimising.checkpoints import LOOP
from molgfn.paths import local
from molgfn.run_files import settle
from molgfn.runs.checkpoint import DATA, KEY, Loaded, files_of, find, folder_of, read
from molgfn.runs.folder import config_in, files_in
from molgfn.training.callbacks.checkpointing import LAST

#: what a run that goes on may change; everything else made the weights, the data and the random streams what they are
CHANGEABLE = ("trainer.", "scoring.", "logger.")


class FinishedError(ConfigError):
    """A run that is asked to go on has nothing left to do; the message says how it would go on."""


def compose(experiment: str | Path | Mapping[str, Any], *overrides: str) -> dict[str, Any]:
    """The config of a run, composed and checked, its files absolute: what ``molgfn train ... --check`` prints.

    Args:
        experiment: an experiment file, the name of a shipped one such as "quickstart", or a config that was composed
            before.
        overrides: such as "objective=db", "reward.beta=16" or "searchpath=lab", as on the command line but without a
            shell's quotation marks.

    Raises:
        ConfigError: with every problem that was found, one line each.
    """
    if not isinstance(experiment, Mapping | str | Path):
        raise ConfigError(
            "compose: makes the config of one experiment (a file, a name or a config); `combine` makes one sampler of "
            "several runs"
        )
    if not isinstance(experiment, Mapping):
        return checked(str(experiment), overrides)
    settled = settle(apply(dict(experiment), overrides))
    if problems := settled.problems + check(settled.config):
        raise ConfigError(problems)
    return settled.config


def train(experiment: str | Path | Mapping[str, Any], *overrides: str, callbacks: Sequence[pl.Callback] = ()) -> Run:
    """Train what an experiment describes; the same as ``molgfn train EXPERIMENT OVERRIDES``.

    Args:
        experiment: as of ``compose``.
        overrides: as of ``compose``.
        callbacks: Lightning callbacks beside those of ``trainer.callbacks``.

    Returns:
        The run: ``folder``, ``checkpoint``, ``metrics`` (the latest value of each), ``iteration`` and ``interrupted``.
        ``load``, ``sample``, ``evaluate`` and ``history`` take it.

    Raises:
        ConfigError: before anything is made, with every problem that was found.
        TrainingError: training cannot go on; the message says at which iteration and why.
    """
    return experiments.train(compose(experiment, *overrides), callbacks=callbacks)


def resume(run: RunLike, *overrides: str, callbacks: Sequence[pl.Callback] = ()) -> Run:
    """Go on with a run of your own where its latest checkpoint is, bit for bit on a CPU, as if it had not stopped.

    Args:
        run: as of ``load``.
        overrides: of ``trainer.*``, ``scoring.*`` and ``logger.*`` alone, such as "trainer.iterations=2000".
        callbacks: as of ``train``; what they keep in a checkpoint is given back to them.

    Raises:
        ConfigError: another override, or a config that does not hold any more.
        FinishedError: nothing is left to do.
        CheckpointError: there is no such checkpoint, or a file that the run read is gone or another one.
        TrainingError: training cannot go on.
    """
    place = run.folder if isinstance(run, Run) else run.path if isinstance(run, Loaded) else run
    config, path = resumed(place, overrides)
    return experiments.train(config, resume=path, callbacks=callbacks)


def resumed(
    place: str | Path, overrides: Sequence[str], given: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], Path]:
    """The config with which a run goes on, and its checkpoint; its folder where it was stopped before the first one.

    Args:
        place: checkpoint file or run folder.
        overrides: as of ``resume``.
        given: key -> where a file that the run read is now.

    Raises:
        ConfigError: as of ``resume``.
        CheckpointError: as of ``resume``.
    """
    if bad := [o for o in overrides if not o.lstrip("+").startswith(CHANGEABLE)]:
        allowed = "only trainer.*, scoring.* and logger.* may be changed"
        raise ConfigError([f"{o}: a resumed run keeps its config; {allowed}" for o in bad])
    if (begun := _begun(local(place))) is not None:
        folder = local(place)
        _require_training(begun, folder)
        begun = own_files(begun, files_in(folder), folder / LAST, None, given or {}, strict=True)
        return _checked(apply(begun, overrides)), folder
    path = find(place)
    content = read(path)
    record = content[KEY]
    _require_training(content.get(LOOP, {}).get("config", record["config"]), folder_of(path))
    own = own_files(record["config"], files_of(content), path, None, given or {}, strict=True)
    config = _checked(apply(own, overrides))
    if (record["config"]["trainer"].get("freeze") or []) != (config["trainer"].get("freeze") or []):
        raise ConfigError(
            "trainer.freeze: a resumed run keeps what is frozen; to change it, start a new run from these weights "
            f"(trainer.init_from={place})"
        )
    done, wanted = record.get("iteration", 0), config["trainer"].get("iterations", 0)
    if done >= wanted:
        raise FinishedError(
            f"the run is finished: {path} has {done} iterations behind it, and trainer.iterations is {wanted}; to go "
            f"on: molgfn resume {folder_of(path)} --iterations {2 * done}"
        )
    if (budget := (config.get("scoring") or {}).get("budget")) and (spent := _asked(content)) >= budget:
        raise FinishedError(
            f"the run is finished: its budget of {budget} oracle calls is spent; to go on: molgfn resume "
            f"{folder_of(path)} scoring.budget={2 * spent}"
        )
    if (ended := _ended(content, config["trainer"])) is not None:
        raise FinishedError(
            f"the run is finished: trainer.{ended}={config['trainer'][ended]} is reached; to go on: molgfn resume "
            f"{folder_of(path)} trainer.{ended}={2 * config['trainer'][ended]}"
        )
    return config, path


def _require_training(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse the run of an optimisation, which goes on by another command."""
    if "candidates" in config:
        raise ConfigError(f"{folder} is an optimisation; go on with: molgfn optimise --resume {folder}")


def _ended(content: dict[str, Any], trainer: Mapping[str, Any]) -> str | None:
    """The limit of ``training.limits`` that a checkpoint has reached; None where there is something left of each."""
    record = content[KEY]
    counters = content.get(DATA, {}).get("reward", {}).get("counters", {})
    calls = counters.get("raw", 0) if isinstance(counters, dict) else 0
    done = {"reward_calls": calls, **{name: record.get(name, 0) for name in ("gradient_steps", "seconds")}}
    return next((name for name, amount in done.items() if amount >= (trainer.get(name) or float("inf"))), None)


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    if problems := check(config):
        raise ConfigError(problems)
    return config


def _begun(folder: Path) -> dict[str, Any] | None:
    """The config of a run that was stopped before its first checkpoint; None where ``folder`` is none of such a run."""
    if not folder.is_dir() or any(folder.glob("*.ckpt")) or any(folder.glob("checkpoints/*.ckpt")):
        return None
    return config_in(folder)


def _asked(content: dict[str, Any]) -> int:
    """Different objects that the oracle was asked for, in a checkpoint; 0 where the reward counts none."""
    counters = content.get(DATA, {}).get("reward", {}).get("counters", {})
    return int(counters.get("unique", 0)) if isinstance(counters, dict) else 0
