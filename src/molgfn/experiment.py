"""A run, assembled in one visible place: config -> components -> training -> checkpoint."""

from __future__ import annotations

import functools
import logging
import tempfile
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging

from molgfn import __version__, run_files
from molgfn.checkpoint import find, read, take_weights
from molgfn.compatibility import misplaced, no_target, too_small
from molgfn.config import build, check
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, TrainingError
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.top_auc import write_pmo
from molgfn.moved import present
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch, policy_needs
from molgfn.objectives.base import FROM_POLICY, Objective, TargetNetwork
from molgfn.oracles.base import Oracle
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.run_folder import begin, name_problem
from molgfn.serving.scoring import Scorer
from molgfn.serving.settings import Scoring
from molgfn.training.callbacks.checkpointing import Keeping
from molgfn.training.callbacks.discoveries import Discoveries
from molgfn.training.callbacks.exact_curve import ExactCurve
from molgfn.training.callbacks.pictures import Pictures
from molgfn.training.callbacks.progress import ProgressDisplay
from molgfn.training.callbacks.rows import Rows
from molgfn.training.callbacks.variety import remedy
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.declarations import misdeclared
from molgfn.training.learner import Learner
from molgfn.training.logs.loggers import Loggers
from molgfn.training.logs.run_log import RunLog
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.training.logs.wandb_tables import Histograms
from molgfn.training.memory import keep_freed_memory
from molgfn.training.module import GFlowNetModule
from molgfn.training.one_process import LocalCheckpoints, OneProcess, alone
from molgfn.training.optimizers import Optimizers
from molgfn.training.trainer import TrainerSettings
from molgfn.trajectories.mixture import Sources

logger = logging.getLogger("molgfn")


@dataclass
class Experiment:
    """Everything that one config describes, built and checked against each other."""

    config: dict[str, Any]
    environment: Environment
    reward: Reward
    policy: Policy
    objective: Objective
    backward: BackwardPolicyTraining
    target: TargetNetwork | None
    auxiliaries: dict[str, Policy]
    sources: Sources
    optimizers: Optimizers
    trainer: TrainerSettings
    loggers: Loggers
    evaluation: EvaluationSettings

    def learner(self) -> Learner:
        return Learner(
            policy=self.policy,
            objective=self.objective,
            backward=self.backward,
            optimizers=self.optimizers,
            auxiliaries=self.auxiliaries,
            target=self.target,
            seed=self.config["seed"],
        )

    def module(self) -> GFlowNetModule:
        return GFlowNetModule(self.learner())

    def data(self, record: ScoredRecord | None = None) -> TrajectoryDataModule:
        return TrajectoryDataModule(
            policy=self.policy,
            environment=self.environment,
            reward=self.reward,
            sources=self.sources,
            iterations=self.trainer.iterations,
            seed=self.config["seed"],
            state_rewards="log_reward_state" in self.objective.requires,
            offline_rewards=self.objective.reads_reward or self.backward.has_loss,
            record=record,
        )


def assemble(config: dict[str, Any]) -> Experiment:
    """Check a composed config, build its components, and check that they fit each other.

    Raises:
        ConfigError: with every problem that was found.
    """
    config = present(config)
    if problems := check(config):
        raise ConfigError(problems)
    if problem := name_problem(config):
        raise ConfigError(problem)
    torch.manual_seed(config["seed"])
    environment = build(config["environment"], Environment, "environment")
    reward = reward_of(config, training=True)
    objective = build(config["objective"], Objective, "objective")
    backward = build(config["backward"], BackwardPolicyTraining, "backward")
    backward.settle(counts_paths=environment.counts_paths)
    target = None if config.get("target") is None else build(config["target"], TargetNetwork, "target")
    live = {"environment": environment, **policy_needs(objective, backward)}
    policy = build(config["policy"], Policy, "policy", live=live)
    policy.backward_rule = backward.fixed
    plain = {"environment": environment, "learned_backward": False, "own_losses": frozenset()}
    auxiliaries = {
        name: build(config["policy"], Policy, "policy", live=plain)
        for name in (*objective.auxiliaries, *backward.auxiliaries)
    }
    sources = build(config["data"], Sources, "data")
    experiment = Experiment(
        config=config,
        environment=environment,
        reward=reward,
        policy=policy,
        objective=objective,
        backward=backward,
        target=target,
        auxiliaries=auxiliaries,
        sources=sources,
        optimizers=build(config["optimizer"], Optimizers, "optimizer"),
        trainer=build(config["trainer"], TrainerSettings, "trainer"),
        loggers=build(config["logger"], Loggers, "logger"),
        evaluation=build(config["evaluation"], EvaluationSettings, "evaluation"),
    )
    if problems := misfits(experiment):
        raise ConfigError(problems)
    return experiment


def reward_of(
    config: dict[str, Any], *, training: bool = False, untrusted: bool = False, trust: Sequence[str] = ()
) -> Reward:
    """The reward of a run's config around its oracle, with a cache and counters of its own.

    Args:
        config: of a run; ``oracle``, ``reward`` and ``scoring`` are read.
        training: whether the config's budget of oracle calls and its diversity filter hold; they do not for evaluation.
        untrusted: as in ``config.build``.
        trust: as in ``config.build``.
    """
    oracle, scoring = _oracle_and_scoring(config, training=training, untrusted=untrusted, trust=trust)
    live = {"oracle": oracle, "scoring": scoring}
    reward = config["reward"]
    if not training and "diversity_filter" in reward:
        reward = {**reward, "diversity_filter": None}
    return build(reward, Reward, "reward", live=live, untrusted=untrusted, trust=trust)


def scorer_of(config: dict[str, Any], *, training: bool = False) -> Scorer:
    """The oracle of a config behind a scoring engine of its own, without a reward."""
    oracle, scoring = _oracle_and_scoring(config, training=training, untrusted=False, trust=())
    return Scorer(oracle=oracle, scoring=scoring)


def _oracle_and_scoring(
    config: dict[str, Any], *, training: bool, untrusted: bool, trust: Sequence[str]
) -> tuple[Oracle, Scoring]:
    node = config.get("scoring") or {"_target_": "molgfn.serving.settings.Scoring"}
    scoring = build(
        node if training else {**node, "budget": None}, Scoring, "scoring", untrusted=untrusted, trust=trust
    )
    make = functools.partial(build, config["oracle"], Oracle, "oracle", untrusted=untrusted, trust=tuple(trust))
    scoring.make, scoring.recipe = make, config["oracle"]
    return make(), scoring


def misfits(e: Experiment) -> list[str]:
    """What does not fit together, one line each."""
    problems = []
    if e.reward.domain != e.environment.domain:
        problems.append(
            f"oracle: {type(e.environment).__name__} builds {e.environment.domain} objects, but the oracle scores "
            f"{e.reward.domain} objects"
        )
    problems += misdeclared(e.objective, e.backward, e.policy)
    if missing := sorted((e.objective.requires & FROM_POLICY) - e.policy.provides):
        problems.append(
            f"objective: {type(e.objective).__name__} needs {', '.join(missing)}, which {type(e.policy).__name__} "
            "does not give"
        )
    for key, part in (("objective", e.objective), ("backward", e.backward)):
        if part.on_policy and (reasons := e.sources.off_policy_reasons):
            problems.append(
                f"{key}: {type(part).__name__} is on-policy (it needs trajectories of the present P_F), but "
                f"{' and '.join(reasons)}; use data=on_policy"
            )
    problems += e.sources.misfits(e.policy)
    if e.objective.only_offline and e.sources.given < e.sources.batch_size:
        problems.append(
            f"objective: {type(e.objective).__name__} learns from given molecules alone; "
            "use data=offline data.sources.offline.share=1"
        )
    if e.target is not None and (reason := no_target(e.objective)):
        problems.append(f"target: {reason}; leave target null")
    problems += [f"objective: {type(e.objective).__name__} {text}" for text in misplaced(e.objective, e.environment)]
    if e.trainer.exact_every is not None and (reason := e.environment.enumeration_unavailable_reason()):
        problems.append(f"trainer.exact_every: {type(e.environment).__name__} cannot be listed: {reason}")
    if reason := mismatch(e.objective, e.backward):
        problems.append(f"backward: {reason}")
    if reason := too_small(e.objective, e.sources.batch_size):
        problems.append(f"data.batch_size: {reason}")
    return problems + e.evaluation.misfits(e.environment.domain)


@dataclass(frozen=True)
class Run:
    """What training left behind."""

    folder: Path
    checkpoint: Path
    interrupted: bool
    iteration: int
    experiment: Experiment
    #: column of ``metrics.csv`` -> its latest value
    metrics: dict[str, float] = field(default_factory=dict)


#: what Lightning warns of and what is meant to be so: batches are made in the main process, from the weights that train
_EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*IterableDataset.*has `__len__` defined.*",
    ".*smaller than the logging interval.*",
    ".*dataloader is not resumable.*",
    ".*isinstance\\(treespec, LeafSpec\\).*",
    ".*checkpoint directory.*exists and is not empty.*",
)


def train(config: dict[str, Any], *, resume: Path | None = None, label: str | None = None) -> Run:
    """Train what ``config`` describes.

    Args:
        config: composed, plain.
        resume: a checkpoint of the same config to go on from; its run folder is used.
        label: what tells this run from the others of a grid, as part of its folder's name.

    Raises:
        ConfigError: before anything is made, when something cannot work.
        TrainingError: the run's last checkpoint could not be written.
    """
    with RunLog() as log, alone(), tempfile.TemporaryDirectory(prefix="molgfn-") as scratch:
        settled = run_files.settle(present(config))
        if settled.problems:
            raise ConfigError(settled.problems)
        return _train(settled.config, resume, label, log, scratch)


def _train(config: dict[str, Any], resume: Path | None, label: str | None, log: RunLog, scratch: str) -> Run:
    experiment = assemble(config)
    settings = experiment.trainer
    settings.require_device()
    if settings.init_from is not None and resume is None:
        here = {**config["environment"], **experiment.environment.portable()}
        logger.info("weights of %s", take_weights(settings.init_from, experiment.policy, here))
    experiment.sources.prepare(experiment.environment)  # before there is a run folder: a file may be missing
    experiment.loggers.settle()  # before there is a run folder, too: a server may be missing
    keep_freed_memory()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    record, folder, keep_until = _identity(experiment, resume, label)
    log.into(folder)
    logger.info("run folder: %s", folder)
    scored = ScoredRecord(folder / "scored.sqlite") if experiment.reward.recorded else None
    module, data = experiment.module(), experiment.data(scored)
    if settings.precision == "64-true":  # Lightning's own form converts batches too, which ours refuse
        module.double()
    discoveries = Discoveries(
        thresholds=experiment.evaluation.thresholds,
        direction=experiment.reward.scored.direction,
        cut=experiment.evaluation.tanimoto,
        log_every=settings.log_every,
        remedy=remedy(experiment.policy, experiment.objective, experiment.optimizers, experiment.sources),
    )
    rows = Rows(record.pop("seconds", 0.0))
    keeping = Keeping(folder, record, settings.checkpoint_every, settings.checkpoint_minutes, rows)
    callbacks: list[pl.Callback] = [
        discoveries,
        Pictures(folder, discoveries, settings.pictures_every),
        Histograms(settings.log_every),
    ]
    if experiment.optimizers.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=experiment.optimizers.ema_decay))
    if settings.exact_every is not None:
        callbacks.append(
            ExactCurve(
                environment=experiment.environment,
                reward=reward_of(config),
                policy=experiment.policy,
                every=settings.exact_every,
            )
        )
    if settings.progress != "none":
        callbacks.append(
            ProgressDisplay(settings.progress, reward=experiment.reward.meaning, variety=discoveries.variety)
        )
    callbacks += [rows, keeping]
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    trainer = pl.Trainer(
        accelerator=settings.accelerator,
        devices=1,
        precision="32-true" if settings.precision == "64-true" else settings.precision,
        max_epochs=1,
        logger=experiment.loggers.build(
            folder, name=folder.name, config=config, run_id=record["run_id"], keep_until=keep_until
        ),
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=settings.log_every,
        default_root_dir=scratch,  # nothing is written there; Lightning would read the run folder's name as a URL
        plugins=[OneProcess(), LocalCheckpoints()],
    )
    with warnings.catch_warnings():
        for text in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", text)
        try:
            trainer.fit(module, datamodule=data, ckpt_path=str(resume) if resume else None, weights_only=True)
        except BaseException:
            if keeping.path.exists():
                logger.warning("there is a checkpoint to go on from: molgfn train --resume %s", folder)
            raise
    if keeping.problem is not None or not keeping.path.is_file():
        kept = f"the one of an earlier iteration is at {keeping.path}" if keeping.path.is_file() else "there is none"
        raise TrainingError(
            f"the last checkpoint could not be written ({keeping.problem or 'no reason given'}); {kept}"
        )
    budget = (config.get("scoring") or {}).get("budget")
    if budget and scored is not None and scored.path.exists():
        write_pmo(folder, budget=budget, direction=experiment.reward.scored.direction)
    return Run(folder, keeping.path, keeping.interrupted, data.iteration, experiment, rows.last)


def _identity(
    experiment: Experiment, resume: Path | None, label: str | None
) -> tuple[dict[str, Any], Path, int | None]:
    """(record for checkpoints, run folder, step from which metrics are written anew)."""
    config = experiment.config
    if resume is not None:
        before = read(resume)["molgfn"]
        return {k: v for k, v in before.items() if k != "iteration"}, resume.parent.parent, before["iteration"]
    oracle = getattr(experiment.reward, "oracle", None)  # a reward of one's own need not have one
    more = [("oracle", path) for path in (oracle.files if oracle is not None else ())]
    if (start := experiment.trainer.init_from) is not None:
        more.append(("trainer.init_from", find(start)))
    folder, files = begin(config, more, label)
    stored = {**config, "environment": {**config["environment"], **experiment.environment.portable()}}
    own = policy_needs(experiment.objective, experiment.backward)["own_losses"]  # which heads have a trunk of their own
    record = {"version": __version__, "config": stored, "own_losses": sorted(own), "run_id": uuid.uuid4().hex[:8]}
    record["files"] = files
    return record, folder, None
