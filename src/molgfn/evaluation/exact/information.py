"""Entropy of what a sampler ends at, and what a condition tells about it, over spaces that can be listed. In nats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.environments.conditional import Conditional
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import edge_log_probs, exact_terminal
from molgfn.evaluation.exact.layers import Layers
from molgfn.evaluation.exact.objects import ListedObjects, list_objects
from molgfn.evaluation.exact.reach import member_graph
from molgfn.policies.base import Policy
from molgfn.policies.composed.reach import Member

UNCONDITIONAL = "mutual information: this run was trained under no condition that could tell anything"


def entropy(p: Tensor) -> float:
    """- sum_k p_k log p_k of probabilities [K], in nats; what has probability 0 adds 0."""
    p = p.double()
    return float(-torch.special.xlogy(p, p).sum())


def mutual_information(conditionals: Tensor, weights: Tensor | None = None) -> float:
    """I(c; x) = sum_c w_c KL(P(x|c) || sum_c' w_c' P(x|c')), in nats.

    Args:
        conditionals: P(x|c), [C, K], one row for each condition.
        weights: [C], how likely each condition is, summing to 1; None: equally.

    Raises:
        ConfigError: weights of wrong number, sign or sum.
    """
    w = condition_weights(weights, len(conditionals))
    there = w > 0  # so that the mean is above 0 where a row is
    w, p = w[there], conditionals.double()[there]
    mean = w @ p
    return float((w[:, None] * (torch.special.xlogy(p, p) - torch.special.xlogy(p, mean))).sum())


def exact_entropy(environment: Environment, policy: Policy, *, listed: ListedObjects | None = None) -> float:
    """Entropy of P_T over finished objects, in nats.

    Args:
        environment: that can be listed; under one condition (``Conditional.at``) where there is one.
        policy: what samples.
        listed: its objects, where they are at hand.

    Raises:
        NotEnumerableError: the space cannot be listed.

    Reference: Bengio et al. 2021, arXiv 2111.09266 (entropies of flow networks).
    """
    listed = list_objects(environment) if listed is None else listed
    return entropy(listed.by_object(exact_terminal(policy, listed.graph)))


def exact_mutual_information(
    environment: Environment,
    policy: Policy,
    conditions: Sequence[Mapping[str, float]],
    weights: Tensor | None = None,
    *,
    listed: ListedObjects | None = None,
) -> float:
    """I(c; x), in nats, between a condition out of a finite set and the object that is built under it.

    For a continuous condition, draw a set of them: the result is that of the set, at most log of its size.

    Args:
        environment: under a condition that is drawn (``environments.conditional.Conditional``).
        policy: trained in it.
        conditions: values by name, one mapping for each condition.
        weights: how likely each is, [C], summing to 1; None: equally.
        listed: the objects of the environment without the condition, where they are at hand.

    Raises:
        ConfigError: there is no condition, or not such a value of it.
        NotEnumerableError: the space cannot be listed.

    Reference: Bengio et al. 2021, arXiv 2111.09266 (mutual information by flow networks).
    """
    members = members_under(environment, policy, conditions)
    listed = list_objects(members[0].plain) if listed is None else listed
    layers, rows = Layers(listed.graph), []
    for member in members:
        log_pf, log_stop = edge_log_probs(policy, member_graph(member, listed.graph))
        rows.append(listed.by_object(layers.reach(log_pf) + log_stop))
    return mutual_information(torch.stack(rows), weights)


def members_under(environment: Environment, policy: Policy, conditions: Sequence[Mapping[str, float]]) -> list[Member]:
    """The policy under each of the conditions.

    Raises:
        ConfigError: there is no condition, none is named, or not such a value of it.
    """
    if not isinstance(environment, Conditional):
        raise ConfigError(UNCONDITIONAL)
    if not conditions:
        raise ConfigError("mutual information: name at least one condition")
    return [Member(policy, environment.at(values)) for values in conditions]


def drawn_conditions(environment: Environment, number: int, seed: int = 0) -> list[dict[str, float]]:
    """``number`` conditions as trajectories get them, by name.

    Raises:
        ConfigError: there is no condition.
    """
    if not isinstance(environment, Conditional):
        raise ConfigError(UNCONDITIONAL)
    rows = environment.given.draw(number, torch.Generator().manual_seed(seed))
    return [environment.given.by_column(row) for row in rows]


def condition_weights(weights: Tensor | None, number: int) -> Tensor:
    """How likely each of ``number`` conditions is, float64 [C].

    Raises:
        ConfigError: weights of wrong number, sign or sum.
    """
    if weights is None:
        return torch.full((number,), 1 / number, dtype=torch.float64)
    w = torch.as_tensor(weights, dtype=torch.float64)
    if w.shape != (number,) or bool((w < 0).any()) or abs(float(w.sum()) - 1) > 1e-6:
        raise ConfigError(
            f"mutual information: weights should be {number} numbers of at least 0 that sum to 1, got {w.tolist()}"
        )
    return w
