"""Measuring a run: its samples, its metrics and the report, from Python as from the command line."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from molgfn.api.object_files import require_folder
from molgfn.api.own_files import own_files, own_reward
from molgfn.api.runs import RunLike, load
from molgfn.conditions.base import Given
from molgfn.config import CLASS_KEY, build
from molgfn.errors import CheckpointError, ConfigError
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.run import Evaluated, evaluate_run
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.runs.checkpoint import Loaded
from molgfn.runs.hidden import run_hidden
from molgfn.runs.objective import objective_class
from molgfn.runs.policies import PLAIN, run_policy
from molgfn.training.logs.loggers import Loggers
from molgfn.training.logs.wandb_tables import add_evaluation

logger = logging.getLogger("molgfn")


def evaluate(
    run: RunLike,
    *,
    samples: int | None = None,
    reference: str | Path | None = None,
    heldout: str | Path | None = None,
    untrained: bool = True,
    seed: int = 0,
    output: str | Path | None = None,
    condition: Given | None = None,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    conditions: int | None = None,
) -> Evaluated:
    """Measure a run: draw samples, compute every metric that applies, write the report; as ``molgfn evaluate RUN``.

    Args:
        run: as of ``load``.
        samples: objects to draw; None: as the run's config says.
        reference: file of molecules to measure novelty against.
        heldout: file of molecules to compare log P_T and log R on.
        untrained: also sample the policy as it was before the first step, to compare with.
        seed: of every random stream that is used here.
        output: folder of the results; None: ``evaluation`` in the run's folder.
        condition: of a run that was trained under one, what objects are built and measured under, by the words for it
            or by its columns, such as {"temperature": 16} or {"beta": 16}; what it does not name has the condition's
            reference value.
        files: key -> where a file that the run was trained with is now, such as {"oracle.path": "values.csv"}.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.
        conditions: of a run that was trained under a condition, how many conditions spread over what it was trained on
            are measured beside the one; 0 for none; None: as the run's config says.

    Returns:
        ``metrics`` (name -> number), ``table`` (the same with intervals and what could not be measured), ``report``
        (the path of the page).

    Raises:
        CheckpointError: there is no such run, it cannot be built here, or a file that it read is gone or another one.
        ConfigError: no such device, a condition that the run does not know, or the results cannot be written.
        DataError: the reference or the held-out molecules cannot be read.
    """
    loaded = load(run, trust=trust, device=device).under(condition)
    given = files or {}
    reward = own_reward(loaded.path, loaded.config, loaded.files, trust=loaded.trust, given=given)
    settings = evaluation_settings(
        loaded, given, samples=samples, reference=reference, heldout=heldout, conditions=conditions
    )
    folder = results_folder(Path(output) if output is not None else loaded.run / "evaluation", loaded.run)
    fresh = untrained_policy(loaded).to(loaded.policy.device) if untrained else None
    done = evaluate_run(
        loaded.run,
        environment=loaded.environment,
        policy=loaded.policy,
        reward=reward,
        settings=settings,
        untrained=fresh,
        objective=trained_by(loaded),
        seed=seed,
        output=folder,
        name=str(loaded.config.get("name", loaded.run.name)),
        progress=progress,
        hidden=run_hidden(loaded.config, untrusted=True, trust=loaded.trust),
    )
    _to_wandb(loaded, done)
    return done


def evaluation_settings(
    loaded: Loaded,
    given: Mapping[str, str],
    *,
    samples: int | None = None,
    reference: str | Path | None = None,
    heldout: str | Path | None = None,
    conditions: int | None = None,
) -> EvaluationSettings:
    """Those of a run's config, with what is not None instead; arguments as of ``evaluate``."""
    mine = {"samples": samples, "reference": reference, "heldout": heldout, "conditions": conditions}
    changed = {k: str(v) if isinstance(v, Path) else v for k, v in mine.items() if v is not None}
    here = {k: v for k, v in loaded.config.get("evaluation", {}).items() if k not in changed}
    own = {k: v for k, v in given.items() if k.startswith("evaluation.")}
    node = own_files({"evaluation": here}, loaded.files, loaded.path, ("evaluation",), own)["evaluation"]
    node = {"_target_": "molgfn.evaluation.settings.EvaluationSettings", **node, **changed}
    try:
        return build(node, EvaluationSettings, "evaluation", untrusted=True, trust=loaded.trust)
    except ConfigError as error:
        raise CheckpointError(f"{loaded.path}: the config inside cannot be built\n  {error}") from error


def trained_by(loaded: Loaded) -> type[Objective] | None:
    """The class of a run's objective; None, with a warning, where it cannot be had here."""
    found = objective_class(loaded)
    if found is None:
        logger.warning(
            "the run's objective (%s) cannot be imported here: its log Z is not measured, and R / Z is taken "
            "for its target",
            (loaded.config.get("objective") or {}).get(CLASS_KEY),
        )
    return found


def untrained_policy(loaded: Loaded) -> Policy:
    """The run's policy as it was before the first step."""
    torch.manual_seed(int(loaded.config.get("seed", 0)))
    own = {"learned_backward": loaded.policy.learned_backward, "backward_rule": loaded.policy.backward_rule}
    needs = {**PLAIN, **own}
    return run_policy(loaded.config, loaded.environment, needs, untrusted=True, trust=loaded.trust).eval()


def results_folder(folder: Path, what: Path) -> Path:
    """The folder for the results of ``what``, made; that those of something else are replaced is said.

    Raises:
        ConfigError: it cannot be made or written.
    """
    if (before := measured_there(folder, what)) is not None:
        logger.warning("%s: the results of %s there are replaced", folder, before)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot make this folder for the results ({error.strerror}); choose another output"
        ) from None
    require_folder(folder, folder)
    return folder


def measured_there(folder: Path, what: Path) -> str | None:
    """Of what the results in a folder are, where that is not ``what``."""
    try:
        source = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["source"]
        before = Path(source.get("path") or source["file"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    # results that moved together with what they are of name its old place
    same = before == what.resolve() or (before.name == what.name and not (before.is_absolute() and before.exists()))
    return None if same else str(before)


def _to_wandb(loaded: Loaded, done: Evaluated) -> None:
    """Into the run's own W&B run, where it has one."""
    if not (loaded.run / "wandb").is_dir():
        return
    node: dict[str, Any] = {"_target_": "molgfn.training.logs.loggers.Loggers", **loaded.config.get("logger", {})}
    try:
        loggers = build(node, Loggers, "logger", untrusted=True, trust=loaded.trust)
    except ConfigError as error:  # the evaluation itself is done and written
        logger.warning("the evaluation is not in the W&B run: %s", error)
        return
    if (run_id := add_evaluation(loaded.run, done.evaluation, done.report, done.charts, loggers)) is not None:
        logger.info("Weights & Biases: the evaluation is in run %s", run_id)
