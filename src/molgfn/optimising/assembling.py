"""A config of `molgfn optimise` becomes parts that were checked against each other, before the first call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from molgfn.acquisition.models.base import Acquisition
from molgfn.acquisition.proposers.several import Candidates
from molgfn.acquisition.selectors.base import Selector
from molgfn.compatibility import unused_scalarisation
from molgfn.config import OPTIMISE, build, check
from molgfn.errors import ConfigError
from molgfn.experiment.assembling import assemble as assemble_training
from molgfn.experiment.assembling import reward_of
from molgfn.objects.base import ObjectKind
from molgfn.optimising.learning.base import Learning
from molgfn.optimising.prescreen import Prescreen
from molgfn.optimising.rounds import Rounds
from molgfn.optimising.sampler import LoopSampler
from molgfn.optimising.worth import on_unit_scale
from molgfn.rewards.base import Reward
from molgfn.runs.folder import name_problem

#: what a sampler that learns in the loop is made of; with all of them or with none
SAMPLER = ("environment", "policy", "objective", "backward", "optimizer", "learning")
#: what only a sampler reads
BESIDE = ("condition", "target")


@dataclass
class Parts:
    """What one config describes.

    Attributes:
        config: composed, plain.
        reward: measures, within the budget.
        candidates: the proposers.
        acquisition: chooses, or values candidates for a selector.
        selector: chooses the batch of a round; None: the acquisition does.
        rounds: how it goes on.
        prescreen: labels from outside the budget; None for none (track A).
        sampler: learns in the loop; None for none.
        learning: how it does.
    """

    config: dict[str, Any]
    reward: Reward
    candidates: Candidates
    acquisition: Acquisition
    rounds: Rounds
    selector: Selector | None = None
    prescreen: Prescreen | None = None
    sampler: LoopSampler | None = None
    learning: Learning | None = None

    @property
    def kind(self) -> ObjectKind:
        """Of the objects."""
        return self.reward.kind

    @property
    def budget(self) -> int:
        """Oracle calls in all."""
        return int(self.config["scoring"]["budget"])

    @property
    def seed(self) -> int:
        return int(self.config["seed"])


def assemble(config: dict[str, Any]) -> Parts:
    """Check a composed config, build its parts, and check that they fit each other.

    Raises:
        ConfigError: with every problem that was found.
        CheckpointError: weights that the sampler should start from are of another environment, or do not fit.
        DataError: a file that is read cannot be used.
    """
    if problems := check(config, schema=OPTIMISE):
        raise ConfigError(problems)
    if problem := name_problem(config):
        raise ConfigError(problem)
    rounds = build(config["rounds"], Rounds, "rounds")
    if problems := _incomplete(config) + _budget(config, rounds):
        raise ConfigError(problems)
    candidates = build(config["candidates"], Candidates, "candidates")
    acquisition = build(config["acquisition"], Acquisition, "acquisition")
    selector = None if config.get("selector") is None else build(config["selector"], Selector, "selector")
    prescreen = None if config.get("prescreen") is None else build(config["prescreen"], Prescreen, "prescreen")
    sampler = learning = None
    if config.get("policy") is None:
        reward = reward_of(config, training=True)
        problems = unused_scalarisation(config)
        problems += [
            f"oracle: it reads the condition `{name}`, which is drawn by a sampler, and there is none"
            for name in reward.reads
        ]
    else:
        learning = build(config["learning"], Learning, "learning")
        sampler = LoopSampler.of(
            assemble_training(training_config(config, learning)), init_from=learning.init_from, device=learning.device
        )
        reward = sampler.reward
        problems = learning.misfits(sampler, acquisition)
    kind = reward.kind
    problems += candidates.misfits(kind, policy=sampler is not None, begun=prescreen is not None)
    if sampler is not None and not candidates.reads_policy:
        problems.append(
            "candidates: a sampler learns, but no proposer draws from it; add one (candidates=policy_ga), or leave "
            "policy null"
        )
    if not isinstance(kind, acquisition.kinds):
        problems.append(
            f"acquisition: {type(acquisition).__name__} reads {acquisition.kinds.name}s, but the oracle measures "
            f"{kind.name} objects; use acquisition=random"
        )
    if acquisition.unit_scale and not on_unit_scale(reward):
        problems.append(
            f"acquisition.standardise: {type(acquisition).__name__} takes values for ones in [0, 1] of which more is "
            f"better, and those of {reward.scored.name} are others; set it to true, or give reward.transform"
        )
    if selector is not None:
        problems += selector.misfits(max(rounds.size, rounds.first))
        if not acquisition.joint:
            problems.append(
                f"selector: {type(selector).__name__} chooses by how values hang together, which "
                f"{type(acquisition).__name__} does not say; use acquisition=tanimoto_gp, or leave selector null"
            )
    if prescreen is not None and (reason := prescreen.misfit(kind)):
        problems.append(f"prescreen: {reason}")
    if prescreen is not None and config["reward"].get("diversity_filter") is not None:
        problems.append("prescreen: labels do not go through a diversity filter; leave reward.diversity_filter null")
    if problems:
        raise ConfigError(problems)
    candidates.prepare()
    return Parts(config, reward, candidates, acquisition, rounds, selector, prescreen, sampler, learning)


def _incomplete(config: dict[str, Any]) -> list[str]:
    """A sampler of which there is only a part."""
    there = [key for key in SAMPLER if config.get(key) is not None]
    if config.get("policy") is None:
        extra = there + [key for key in BESIDE if config.get(key) is not None]
        return [f"{key}: belongs to a sampler that learns in the loop, and there is no policy" for key in extra]
    return [f"{key}: a policy learns in the loop, and needs one" for key in SAMPLER if key not in there]


def _budget(config: dict[str, Any], rounds: Rounds) -> list[str]:
    scoring = config["scoring"]
    problems = []
    if (budget := scoring.get("budget")) is None:
        problems.append("scoring.budget: how many oracle calls in all? Give a number, such as scoring.budget=1000")
    else:
        problems += [
            f"rounds.{name}: a round of {size} calls is more than the whole budget (scoring.budget={budget})"
            for name, size in (("size", rounds.size), ("first", rounds.first))
            if size > budget and (name == "size" or rounds.first != rounds.size)
        ]
    if scoring.get("record") is False:
        problems.append("scoring.record: every call of an optimisation is recorded; leave it true")
    return problems


def training_config(config: dict[str, Any], learning: Learning) -> dict[str, Any]:
    """The config of a training run with the same sampler: what its parts are checked by, and what a checkpoint says."""
    shared = {key: config.get(key) for key in ("name", "seed", "output", "environment", "condition", "scalarisation")}
    shared |= {key: config.get(key) for key in ("oracle", "reward", "scoring", "policy", "objective", "backward")}
    return {
        **shared,
        "target": config.get("target"),
        "optimizer": config["optimizer"],
        "data": {"_target_": "molgfn.trajectories.mixture.Sources", "batch_size": learning.batch_size},
        "trainer": {"_target_": "molgfn.training.trainer.TrainerSettings"},
        "logger": {"_target_": "molgfn.training.logs.loggers.Loggers"},
        "evaluation": {"_target_": "molgfn.evaluation.settings.EvaluationSettings"},
    }
