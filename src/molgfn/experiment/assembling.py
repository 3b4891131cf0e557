"""A config becomes components that were checked against each other."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from molgfn.compatibility import (
    all_or_none_hidden,
    misnamed,
    misplaced,
    no_target,
    other_strings,
    out_of_reach,
    too_small,
    uncompared,
    unguided,
    unhidden,
    unknown_sources,
    unordered,
    unpaired,
    unread,
    unteachable,
    unused_scalarisation,
)
from molgfn.config import build, check
from molgfn.environments.base import Environment
from molgfn.environments.conditional import under
from molgfn.errors import ConfigError, NotEnumerableError
from molgfn.evaluation.exact.answers import ExactTarget, exact_target
from molgfn.evaluation.exact.hidden import HiddenPart, hidden_part
from molgfn.evaluation.log_partition import untargeted
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.hiding.base import HiddenObjects
from molgfn.moved import present
from molgfn.networks.graph_transformer import compute_products_in
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch, policy_needs
from molgfn.objectives.base import Objective, TargetNetwork
from molgfn.objectives.declarations import read_quantities, reads_flow, undeclared
from molgfn.oracles.base import Oracle
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.rewards.base import Reward
from molgfn.rewards.readings import Readings
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.runs.environment import run_environment
from molgfn.runs.folder import name_problem
from molgfn.runs.frozen_policies import frozen_policies
from molgfn.runs.hidden import run_hidden
from molgfn.runs.objective_names import with_objective_names
from molgfn.runs.policies import PLAIN, run_backward, run_policy
from molgfn.serving.settings import Scoring
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.declarations import misdeclared
from molgfn.training.freezing import FrozenParameters, freeze
from molgfn.training.learner import Learner
from molgfn.training.logs.loggers import Loggers
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.training.module import GFlowNetModule
from molgfn.training.optimizers import Optimizers
from molgfn.training.trainer import TrainerSettings
from molgfn.trajectories.mixture import PLACE, Sources
from molgfn.trajectories.visible import Visible


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
    frozen: dict[str, Policy]
    sources: Sources
    optimizers: Optimizers
    trainer: TrainerSettings
    loggers: Loggers
    evaluation: EvaluationSettings
    #: of the sources that draw from policies of checkpoints: source -> name -> policy
    drawn_from: dict[str, dict[str, Policy]] = field(default_factory=dict)
    #: None where everything trains
    frozen_parameters: FrozenParameters | None = None
    #: what is never scored nor trained on; None where nothing is
    hidden: HiddenObjects | None = None
    #: the processes of the run; ``sources`` draw the share of this one
    ranks: Ranks = ALONE
    _exact_target: ExactTarget | None = field(default=None, init=False, repr=False)
    _hidden_part: HiddenPart | None = field(default=None, init=False, repr=False)
    #: problem and remark of ``compatibility.all_or_none_hidden``; None where nobody asked
    first_draws: tuple[str | None, str | None] | None = field(default=None, init=False, repr=False)

    @property
    def measured(self) -> Environment:
        """Where the policy is measured: the environment, under the reference value where there is a condition."""
        return under(self.environment)

    def exact_target(self) -> ExactTarget:
        """The listed space and the probability of each object, by a reward whose calls nobody counts; made once.

        Raises:
            NotEnumerableError: the space cannot be listed.
        """
        if self._exact_target is None:
            self._exact_target = exact_target(self.measured, reward_of(self.config))
        return self._exact_target

    def hidden_part(self) -> HiddenPart | None:
        """Which objects of the listed space are hidden, asked once; None where nothing is.

        Raises:
            NotEnumerableError: the space cannot be listed.
            ConfigError: all or none of them.
        """
        if self.hidden is not None and self._hidden_part is None:
            self._hidden_part = hidden_part(self.measured, self.exact_target(), self.hidden)
        return self._hidden_part

    def learner(self) -> Learner:
        return Learner(
            policy=self.policy,
            objective=self.objective,
            backward=self.backward,
            optimizers=self.optimizers,
            auxiliaries=self.auxiliaries,
            frozen=self.frozen,
            target=self.target,
            seed=self.config["seed"],
            give_up=self.trainer.give_up,
            ranks=self.ranks,
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
            state_rewards=self.reads_state_rewards,
            offline_rewards=self.objective.reads_reward or self.backward.has_loss,
            record=record,
            keep=self.trainer.keep_rollout is not False and self.cannot_keep is None,
            ranks=self.ranks,
            frozen=self.drawn_from,
            visible=None if self.hidden is None else Visible(self.hidden),
        )

    @property
    def reads_state_rewards(self) -> bool:
        """The objective reads rewards of the states on the way."""
        return any(q.reads_state_rewards for q in read_quantities(self.objective))

    @property
    def cannot_keep(self) -> str | None:
        """Why what a rollout computes is of no use for the step on it; None where it is."""
        if self.trainer.precision == "bf16-mixed":
            return "precision=bf16-mixed is that of the step, not of the rollout"
        if self.trainer.accelerator not in {"auto", "cpu"}:
            return "policies record on a CPU only"
        if self.hidden is not None:
            return "what leads to hidden objects is taken out of a rollout"
        if self.sources.mixed:
            return "a batch of several sources is not one rollout"
        with self.policy.recording() as recorded:
            return f"{type(self.policy).__name__} records nothing" if recorded is None else None


def assemble(config: dict[str, Any], ranks: Ranks = ALONE) -> Experiment:
    """Check a composed config, build its components, and check that they fit each other.

    Args:
        config: composed, plain.
        ranks: the processes of the run, of which this one builds its part; all start from the same weights.

    Raises:
        ConfigError: with every problem that was found.
    """
    config = present(config)
    if problems := check(config):
        raise ConfigError(problems)
    if problem := name_problem(config):
        raise ConfigError(problem)
    config = with_objective_names(config)
    torch.manual_seed(config["seed"])
    environment = run_environment(config)
    reward = reward_of(config, training=True, ranks=ranks)
    objective = build(config["objective"], Objective, "objective")
    backward = run_backward(config, environment)
    for key, part in (("objective", objective), ("backward", backward)):
        if problems := undeclared(part):
            raise ConfigError([f"{key}: {type(part).__name__}.{text}" for text in problems])
    target = None if config.get("target") is None else build(config["target"], TargetNetwork, "target")
    policy = run_policy(config, environment, policy_needs(objective, backward))
    policy.records_flow = reads_flow(objective, backward)
    auxiliaries = {
        network.name: run_policy(config, environment, PLAIN) for network in (*objective.networks, *backward.networks)
    }
    sources, hidden = _share(config["data"], ranks), run_hidden(config)
    if hidden is not None:
        sources.hide(hidden)
    optimizers = build(config["optimizer"], Optimizers, "optimizer")
    trainer = build(config["trainer"], TrainerSettings, "trainer")
    experiment = Experiment(
        config=config,
        environment=environment,
        reward=reward,
        policy=policy,
        objective=objective,
        backward=backward,
        target=target,
        auxiliaries=auxiliaries,
        frozen=frozen_policies(objective.frozen, config, environment, "objective", type(objective).__name__),
        drawn_from={
            name: frozen_policies(frozen, config, environment, f"{PLACE}.{name}", type(sources.by_name[name]).__name__)
            for name, frozen in sources.frozen.items()
        },
        sources=sources,
        optimizers=optimizers,
        trainer=trainer,
        loggers=build(config["logger"], Loggers, "logger"),
        evaluation=build(config["evaluation"], EvaluationSettings, "evaluation"),
        frozen_parameters=freeze(policy, auxiliaries, trainer.freeze) if trainer.freeze else None,
        hidden=hidden,
        ranks=ranks,
    )
    if trainer.precision == "bf16-products":
        for network in (policy, *auxiliaries.values()):
            compute_products_in(torch.bfloat16, network)
    if problems := misfits(experiment):
        raise ConfigError(problems)
    if not ranks.first:  # the weights are there: what is drawn from here on without a stream of its own may differ
        torch.manual_seed(ranks.seed(config["seed"], "torch"))
    return experiment


def _share(node: Any, ranks: Ranks) -> Sources:
    """The sources of a config, drawing this rank's share of each batch."""
    sources = build(node, Sources, "data")
    if ranks.size == 1:
        return sources
    try:
        share = ranks.share(sources.batch_size)
    except ValueError:
        raise ConfigError(
            f"data.batch_size: {sources.batch_size} cannot be shared out equally among {ranks.size} processes "
            f"(trainer.devices x trainer.nodes); take a multiple of {ranks.size}"
        ) from None
    try:
        return build({**node, "batch_size": share}, Sources, "data")
    except ConfigError as error:
        raise ConfigError(
            f"data.batch_size: each of {ranks.size} processes draws {share} of {sources.batch_size}: {error}"
        ) from None


def reward_of(
    config: dict[str, Any],
    *,
    training: bool = False,
    untrusted: bool = False,
    trust: Sequence[str] = (),
    ranks: Ranks = ALONE,
) -> Reward:
    """The reward of a run's config around its oracle, with a cache and counters of its own.

    Args:
        config: of a run; ``oracle``, ``reward`` and ``scoring`` are read.
        training: whether the config's budget of oracle calls and its diversity filter hold; they do not for evaluation.
        untrusted: as in ``config.build``.
        trust: as in ``config.build``.
        ranks: the processes that measure together, with one cache, budget and set of counters.
    """
    oracle, scoring = _oracle_and_scoring(config, training=training, untrusted=untrusted, trust=trust, ranks=ranks)
    live = {"oracle": oracle, "scoring": scoring}
    reward = config["reward"]
    if not training and "diversity_filter" in reward:
        reward = {**reward, "diversity_filter": None}
    return build(reward, Reward, "reward", live=live, untrusted=untrusted, trust=trust)


def readings_of(config: dict[str, Any], *, training: bool = False) -> Readings:
    """The oracle of a config behind a door of its own, without a reward."""
    oracle, scoring = _oracle_and_scoring(config, training=training, untrusted=False, trust=())
    return Readings(oracle=oracle, scoring=scoring)


def _oracle_and_scoring(
    config: dict[str, Any], *, training: bool, untrusted: bool, trust: Sequence[str], ranks: Ranks = ALONE
) -> tuple[Oracle | Scalarisation, Scoring]:
    node = config.get("scoring") or {"_target_": "molgfn.serving.settings.Scoring"}
    node = node if training else {**node, "budget": None}
    kinds = (Oracle, Scalarisation)
    make = functools.partial(build, config["oracle"], kinds, "oracle", untrusted=untrusted, trust=tuple(trust))
    live = {"make": make, "recipe": config["oracle"], "ranks": ranks}
    scoring = build(node, Scoring, "scoring", live=live, untrusted=untrusted, trust=trust)
    return make(), scoring


def _not_hidden(e: Experiment) -> list[str]:
    """Why nothing can be hidden in a run, or all would be, one line each.

    Where the space is listed on the way this is exact; elsewhere the policy is asked, unless it still waits for the
    weights of another run.
    """
    if e.hidden is None:
        return []
    reader = type(e.objective).__name__ if e.reads_state_rewards else None
    problems = unhidden(e.hidden, e.environment, e.sources, {"objective": e.objective, "backward": e.backward}, reader)
    if problems:
        return problems
    if e.trainer.exact_every is not None and e.measured.enumeration_unavailable_reason() is None:
        try:
            e.hidden_part()
        except ConfigError as error:
            return error.problems
        except NotEnumerableError:
            pass  # said by who wants to list it
        else:
            e.first_draws = None, None
            return []
    problem = hidden_among_first_draws(e)[0] if e.trainer.init_from is None else None
    return [] if problem is None else [problem]


def hidden_among_first_draws(e: Experiment) -> tuple[str | None, str | None]:
    """Problem and remark of ``compatibility.all_or_none_hidden``, of the policy as it is when this is first asked."""
    if e.first_draws is None:
        e.first_draws = (None, None) if e.hidden is None else all_or_none_hidden(e.hidden, e.policy)
    return e.first_draws


def misfits(e: Experiment) -> list[str]:
    """What does not fit together, one line each."""
    problems = []
    if e.reward.kind is not e.environment.kind:
        problems.append(
            f"oracle: {type(e.environment).__name__} builds {e.environment.kind.name} objects, but the oracle measures "
            f"{e.reward.kind.name} objects"
        )
    problems += other_strings(e.reward, e.environment)
    problems += unread(e.reward, e.environment) + misnamed(e.reward, e.environment) + unused_scalarisation(e.config)
    problems += unordered(e.reward, e.objective)
    problems += misdeclared(e.objective, e.backward, e.policy)
    problems += [f"objective: {type(e.objective).__name__} {text}" for text in out_of_reach(e.objective, e.policy)]
    for key, part in (("objective", e.objective), ("backward", e.backward)):
        if part.on_policy and (reasons := e.sources.off_policy_reasons):
            problems.append(
                f"{key}: {type(part).__name__} is on-policy (it needs trajectories of the present P_F), but "
                f"{' and '.join(reasons)}; use data=on_policy"
            )
    problems += e.sources.misfits(e.policy) + unknown_sources(e.objective, e.sources)
    problems += unpaired(e.objective, e.sources) + _not_hidden(e)
    if e.objective.only_offline and (e.sources.given < e.sources.batch_size or e.sources.paired):
        paired = " and ".join(e.sources.paired)
        also = f", and would learn the worse ones of {paired}, too" if paired else ""
        problems.append(
            f"objective: {type(e.objective).__name__} learns from given molecules alone{also}; "
            "use data=offline data.sources.offline.share=1"
        )
    if e.target is not None and (reason := no_target(e.objective)):
        problems.append(f"target: {reason}; leave target null")
    problems += [f"objective: {type(e.objective).__name__} {text}" for text in misplaced(e.objective, e.environment)]
    guided = [f"backward: {type(e.backward).__name__} {text}" for text in unguided(e.backward, e.environment)]
    problems += guided
    if not guided and (reason := unteachable(e.backward, e.policy)):
        problems.append(f"backward.guide: {reason}")
    if e.trainer.precision == "bf16-products" and e.trainer.accelerator not in {"auto", "cpu"}:
        problems.append("trainer.precision: bf16-products is for a CPU; use bf16-mixed")
    if e.trainer.precision == "bf16-products" and not compute_products_in(torch.bfloat16, e.policy):
        problems.append(
            f"trainer.precision: bf16-products is for graph transformers, not for {type(e.policy).__name__}"
        )
    if e.trainer.keep_rollout and (reason := e.cannot_keep):
        problems.append(f"trainer.keep_rollout: {reason}; leave it null")
    if e.trainer.exact_every is not None:
        if reason := e.measured.enumeration_unavailable_reason():
            problems.append(f"trainer.exact_every: {type(e.environment).__name__} cannot be listed: {reason}")
        if reason := untargeted(e.objective):
            problems.append(f"trainer.exact_every: {reason}; leave it null")
    if reason := uncompared(e.objective, e.environment):
        problems.append(f"objective: {reason}")
    if reason := mismatch(e.objective, e.backward):
        problems.append(f"backward: {reason}")
    if reason := too_small(e.objective, e.sources.batch_size, e.ranks.size, e.environment.per_condition):
        problems.append(f"data.batch_size: {reason}")
    return problems + e.evaluation.misfits(e.environment)
