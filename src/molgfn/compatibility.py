"""What an objective needs of the parts beside it, and why it cannot be had here, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from molgfn.config import CLASS_KEY
from molgfn.environments.actions import ListedActions
from molgfn.environments.base import Environment
from molgfn.environments.enumerable import Enumerable
from molgfn.hiding.base import HiddenObjects
from molgfn.objectives.backward.base import BackwardPolicyTraining, Guide
from molgfn.objectives.base import Objective
from molgfn.objectives.declarations import read_quantities
from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import lacking
from molgfn.rewards.base import Reward
from molgfn.training.logs.scored_record import condition_column
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.mixture import PLACE, Sources
from molgfn.trajectories.path_factor import path_dependence
from molgfn.trajectories.quantities.order import OrderedBy
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Kind
from molgfn.trajectories.visible import Visible


def misplaced(objective: Objective, environment: Environment) -> list[str]:
    """What the objective needs of an environment and does not have here, one line each, without its name."""
    lacks = []
    if objective.needs_stop_everywhere and not environment.stops_everywhere:
        lacks.append(
            f"needs a reward and a legal stop in every state, but {type(environment).__name__} has states that may not "
            "stop (mdb: objective.flow_without_stop=true learns their flow)"
        )
    tables = [quantity.name for quantity in read_quantities(objective) if quantity.of_listed_actions]
    if tables and not isinstance(environment, ListedActions):
        lacks.append(
            f"reads {' and '.join(tables)}, with a column for each of a fixed number of actions, but the actions of "
            f"{type(environment).__name__} are not listed so; take an objective that reads taken actions, such as tb"
        )
    if not isinstance(environment, Enumerable):
        by_key = [quantity.name for quantity in read_quantities(objective) if quantity.of_keyed_states]
        by_key += ["products along paths"] if objective.needs_path_independence and not by_key else []
        if by_key:
            lacks.append(
                f"reads {' and '.join(by_key)}, {_keyless(environment)}; take an objective that reads taken actions, "
                "such as tb"
            )
    elif objective.needs_path_independence and (found := path_dependence(environment)):
        lacks.append(found)
    return lacks


def uncompared(objective: Objective, environment: Environment) -> str | None:
    """Why an objective that compares trajectories would have none to compare; None where it has."""
    if not objective.compares or environment.per_condition > 1 or _conditions(environment) == 1:
        return None
    return (
        f"{type(objective).__name__} compares trajectories, which have the same target under the same condition alone, "
        "but each trajectory is built under a condition of its own; set condition.per_condition to 2 or more, or take "
        "an objective that does not compare, such as tb"
    )


def _conditions(environment: Environment, n: int = 64) -> int:
    """How many different conditions ``n`` draws give; 1 where there is none, or always the same."""
    if not environment.condition_size:
        return 1
    states = environment.draw_initial(n * environment.per_condition, torch.Generator().manual_seed(0))
    return len(environment.condition(states).unique(dim=0))  # type: ignore[union-attr]


def unguided(backward: BackwardPolicyTraining, environment: Environment) -> list[str]:
    """What a training of P_B needs of an environment and does not have here, one line each, without its name."""
    by_key = [quantity.name for quantity in read_quantities(backward) if quantity.of_keyed_states]
    if backward.guide is not None and backward.guide.of_keyed_states:
        by_key.append(f"the guide {type(backward.guide).__name__}")
    if isinstance(environment, Enumerable):
        if backward.guide is None or not backward.guide.of_keyed_states or _conditions(environment) <= 16:
            return []
        return [
            f"is taught by the guide {type(backward.guide).__name__}, which learns from other objects built under the "
            "very same condition, and of those that are drawn here none comes twice; take backward=tlm, pessimistic "
            "or rl_b, or a condition of few values"
        ]
    return [f"reads {name}, {_keyless(environment)}; take backward=tlm or pessimistic" for name in by_key]


def unteachable(backward: BackwardPolicyTraining, policy: Policy, n: int = 16) -> str | None:
    """Why the guide could learn nothing from ``n`` objects that an untrained policy builds; None where it could.

    No random number of the run is used up (``_first_draws``).
    """
    guide, environment = backward.guide, policy.environment
    if guide is None or type(guide).objection is Guide.objection:
        return None
    n = -(-n // environment.per_condition) * environment.per_condition
    return guide.objection(environment, _first_draws(policy, n).terminal)


def _first_draws(policy: Policy, n: int, last_step: int | None = None) -> Trajectories:
    """``n`` trajectories of a policy before it trains, by a stream of their own: no other random number is used up."""
    sampler = Sampler(policy.environment, last_step=last_step)
    with torch.random.fork_rng(devices=[]):
        return sampler.forward(policy, n, generator=torch.Generator(policy.device).manual_seed(0))


def _keyless(environment: Environment) -> str:
    return (
        f"which knows states by their keys, but those of {type(environment).__name__} have none (it is no "
        "environments.enumerable.Enumerable)"
    )


def out_of_reach(objective: Objective, policy: Policy) -> list[str]:
    """What the objective reads of P_F and its distribution cannot give, one line each, without the objective's name."""
    return [
        f"reads {quantity.name} of P_F, but {reason}; take an objective that does not read it, or a policy whose "
        "distribution has it"
        for quantity in read_quantities(objective)
        for reason in lacking(policy.distribution, quantity.needs)
    ]


def unread(reward: Reward, environment: Environment) -> list[str]:
    """Conditions that the reward reads and no state carries, and the other way round, one line each."""
    carried = set(environment.condition_values(environment.initial(1)))
    problems, name = [], type(reward).__name__
    for word in sorted(reward.reads - carried):
        there = f"carries only {', '.join(sorted(carried))}" if carried else "carries no condition"
        problems.append(
            f"reward: {name} reads the condition `{word}`, but {type(environment).__name__} {there}; "
            f"{_fixed_instead(word)}, or choose a condition that draws {word}"
        )
    for word in sorted(carried - reward.reads):
        problems.append(
            f"condition: {word} is drawn for each trajectory, but nothing reads it: {name} does not depend on it; "
            f"leave the condition out, or take a reward that reads {word} ({_reader(word)})"
        )
    return problems


def other_strings(reward: Reward, environment: Environment) -> list[str]:
    """Strings that the oracle does not know are built, in one line; oracles that do not say which they know pass."""
    oracle = getattr(reward, "oracle", None)
    sides = [[getattr(part, name, None) for name in ("alphabet", "length")] for part in (oracle, environment)]
    if None in sides[0] or None in sides[1] or sides[0] == sides[1]:
        return []
    known, built = (f"{length} symbols of '{alphabet}'" for alphabet, length in sides)
    return [
        f"oracle: {getattr(oracle, 'name', '')} measures strings of {known}, but the environment builds strings of "
        f"{built}; take the environment's task, or another oracle"
    ]


def _fixed_instead(word: str) -> str:
    """How to do without a condition that a reward reads."""
    if word.startswith("preference_"):
        return "take the components' weights (scalarisation.weights=components)"
    if word.startswith("goal_"):
        return "take another scalarisation"
    if word.startswith("target_"):
        return "give the transform that reads it a target, a number"
    return f"give reward.{word} a number"


def _reader(word: str) -> str:
    """What of the shipped parts reads a condition."""
    if word.startswith("preference_"):
        return f"an oracle with an objective {word.removeprefix('preference_')}, with scalarisation=weighted_sum"
    if word.startswith("goal_"):
        return f"an oracle with an objective {word.removeprefix('goal_')}, with scalarisation=goal"
    if word.startswith("target_"):
        return f"the transform Near, with name={word.removeprefix('target_')}"
    return "power and boltzmann read beta with reward.beta=null"


def unordered(reward: Reward, objective: Objective) -> list[str]:
    """Why an order of objects cannot be learned by this objective, in one line."""
    if not reward.orders or OrderedBy in read_quantities(objective):
        return []
    return [
        f"scalarisation: pareto makes no number of the objectives, but {type(objective).__name__} trains in proportion "
        "to one; take objective=order_preserving, or another scalarisation"
    ]


def unused_scalarisation(config: dict[str, Any]) -> list[str]:
    """The config chooses a scalarisation that its oracle does not have, in one line."""
    chosen = config.get("scalarisation")
    if chosen is None or _holds(config["oracle"], chosen):
        return []
    name = str(chosen[CLASS_KEY]).rpartition(".")[2]
    return [
        f"scalarisation: {name} is chosen, but the oracle makes no use of it; leave it null, or take an oracle of "
        "several objectives that takes it, such as seh_four (oracle.scalarisation: ${scalarisation})"
    ]


def _holds(node: Any, wanted: Any) -> bool:
    """Somewhere in a config there is this node."""
    if node == wanted:
        return True
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(_holds(item, wanted) for item in inside)


def misnamed(reward: Reward, environment: Environment) -> list[str]:
    """Components of the oracle that are called as the record of a run calls a condition, one line each."""
    oracle = getattr(reward, "oracle", None)  # a reward of one's own need not have one
    taken = {condition_column(name) for name in environment.condition_values(environment.initial(1))}
    return [
        f"oracle: the record of a run calls a condition {name}; give the component of that name another one"
        for name in (oracle.component_names if oracle is not None else ())
        if name.lower() in taken
    ]


def unknown_sources(objective: Objective, sources: Sources) -> list[str]:
    """Sources of a batch that the objective tells apart and that there are not, or not of that kind, one line each."""
    name, there = type(objective).__name__, sources.by_name
    problems = [
        f"objective: {name} is about trajectories of `{source}`, but data.sources has {', '.join(there)}; choose data "
        "with such a source (data=offline for given molecules), or another name"
        for source in sorted(objective.tells_apart - there.keys())
    ]
    return problems + [
        f"objective: {name} learns from given molecules alone in trajectories of `{source}`, but that source gives none"
        for source in sorted(objective.only_given & there.keys())
        if there[source].kind is not Kind.GIVEN
    ]


def unpaired(objective: Objective, sources: Sources) -> list[str]:
    """Pairs that the objective learns from and no source gives, one line each."""
    given = frozenset[str]().union(*(source.pairs for source in sources.by_name.values()))
    way = {
        "objects": "data=preferences (of a file), data=preferences_offline or data=preferences_oracle",
        "steps": "data=preferences_steps",
        "opponent": "data=self_play",
    }
    return [
        f"objective: {type(objective).__name__} learns from pairs of {what}, but none of data.sources "
        f"({', '.join(sources.by_name)}) gives any; choose {way.get(what, 'a source of them')}"
        for what in sorted(objective.reads_pairs - given)
    ]


def too_small(objective: Objective, share: int, processes: int = 1, per_condition: int = 1) -> str | None:
    """Why an objective cannot learn from batches of which each of some processes draws ``share`` trajectories.

    What compares trajectories compares those of all; each process splits its own share, and does not part those of one
    condition (``per_condition`` neighbours) that are compared.
    """
    name, batch_size = type(objective).__name__, share * processes
    if batch_size < objective.least_batch:
        return f"{name} compares trajectories and needs at least {objective.least_batch} in a batch, not {batch_size}"
    for phase in objective.phases():
        units, what = (share // per_condition, "conditions") if objective.compares else (share, "")
        if units < phase.splits:
            where = "it holds" if processes == 1 else f"the share of each of {processes} processes holds"
            of = f" {what}" if per_condition > 1 and what else ""
            return f"{name} splits a batch into {phase.splits} parts ({phase.name}), but {where} only {units}{of}"
    return None


def no_target(objective: Objective) -> str | None:
    """Why a target network has no place beside an objective."""
    name = type(objective).__name__
    if objective.on_policy:
        return f"{name} is on-policy: its values are of the present P_F, which a copy that lags behind is not"
    if not objective.bootstraps:
        return (
            f"{name} reads no flow or value of a next state, so there is nothing that a target network could hold still"
        )
    return None


def unhidden(
    hidden: HiddenObjects,
    environment: Environment,
    sources: Sources,
    parts: Mapping[str, Objective | BackwardPolicyTraining],
    reads_states: str | None,
) -> list[str]:
    """Why objects cannot be hidden in a run, one line each.

    Args:
        hidden: which of them.
        environment: builds them.
        sources: of the batches.
        parts: key -> what trains on these.
        reads_states: what reads rewards of states on the way; None where nothing does.
    """
    problems = [reason] if (reason := hidden.misfit(environment)) else []
    if names := sources.showing_hidden:
        problems.append(
            f"{' and '.join(f'{PLACE}.{name}' for name in names)} may lead to hidden objects; take sources that draw "
            "from the policy or store what it drew (on_policy, exploration, replay), or give molecules (offline, "
            "preferences), of which those that are hidden are left out"
        )
    if names := sources.filtering_hidden:
        given = f"{' and '.join(f'{PLACE}.{name}' for name in names)}"
        if not hidden.reads_objects:
            problems.append(
                f"{given} gives molecules, and {type(hidden).__name__} tells what is hidden by the steps of a "
                "trajectory, not by the object; hide by hash, scaffold or size, or give no molecules"
            )
        if reads_states is not None:
            problems.append(
                f"{reads_states} reads rewards of states on the way, and ways to the molecules of {given} may lead "
                "through hidden ones; take another objective, or give no molecules"
            )
    if hidden.last_step is not None:
        problems += [
            f"{key}: {type(part).__name__} is on-policy, and rollouts that are made to stop are not; set "
            "hidden.forced_stop=false"
            for key, part in parts.items()
            if part.on_policy
        ]
    if reads_states is not None and not problems and _hides_source(hidden, environment):
        problems.append(
            f"{reads_states} reads rewards of states on the way, and the source, through which every trajectory leads, "
            "is a hidden object; hide another part (hidden.salt), or take another objective"
        )
    if environment.per_condition > 1:
        problems.append("what is left out is drawn anew alone, so condition.per_condition should be 1")
    return [f"hidden: {problem}" for problem in problems]


def all_or_none_hidden(hidden: HiddenObjects, policy: Policy, n: int = 256) -> tuple[str | None, str | None]:
    """Why a policy that begins to train would see nothing, and what may be wrong where it would see everything.

    Told by ``n`` objects that it builds then: all of them hidden, as rollouts of the training are drawn, is a problem;
    none of them, as P_F itself draws, is a remark, since hidden objects may be rare. No random number of the run is
    used up.

    Args:
        hidden: which of them.
        policy: with the weights that training begins from.
        n: objects that are drawn; twice as many where rollouts are made to stop.

    Returns:
        Problem and remark, one line each; None where there is none.
    """
    left_out = Visible(hidden).of
    free = int(left_out(_first_draws(policy, n), policy.environment).sum())
    trained_on = free
    if hidden.last_step is not None:
        trained_on = int(left_out(_first_draws(policy, n, hidden.last_step), policy.environment).sum())
    if trained_on == n:
        return (
            f"hidden: all of {n} objects that the policy builds as training begins are hidden, so that there is "
            "nothing to train on; hide less"
        ), None
    if free == 0:
        return None, (
            f"hidden: none of {n} objects that the policy builds as training begins is hidden: what is hidden is rare, "
            "or nothing is (molgfn evaluate tells where the space can be listed)"
        )
    return None, None


def _hides_source(hidden: HiddenObjects, environment: Environment) -> bool:
    source = environment.initial(1)
    if not hidden.reads_objects or not bool(environment.has_object(source)):
        return False
    objects = environment.objects(source)
    return bool(hidden.of_given(objects, environment.kind.keys(objects)))
