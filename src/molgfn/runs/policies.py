"""The policies of a run's config: made by the same functions for training and for loading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from molgfn.config import build
from molgfn.environments.backward_weights import BackwardWeights
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.policies.base import Policy

#: what a network beside the policy is made with (see ``policy_needs``)
PLAIN: dict[str, Any] = {"learned_backward": False, "backward_rule": "uniform", "own_losses": frozenset()}


def run_backward(
    config: Mapping[str, Any], environment: Environment, *, untrusted: bool = False, trust: Sequence[str] = ()
) -> BackwardPolicyTraining:
    """How P_B is chosen and trained in a run.

    Args:
        config: of the run.
        environment: of the run.
        untrusted: as in ``config.build``.
        trust: as in ``config.build``.

    Raises:
        ConfigError: it cannot be built, or goes by weights that the environment has not got.
    """
    live = {"counts_paths": environment.counts_paths}
    node = config["backward"]
    backward = build(node, BackwardPolicyTraining, "backward", live=live, untrusted=untrusted, trust=trust)
    if isinstance(backward.fixed, BackwardWeights) and (reason := backward.fixed.misfit(environment)):
        raise ConfigError(f"backward: {reason}")
    return backward


def run_policy(
    config: Mapping[str, Any],
    environment: Environment,
    needs: Mapping[str, Any],
    *,
    untrusted: bool = False,
    trust: Sequence[str] = (),
) -> Policy:
    """A policy of the run's kind, with fresh weights.

    Args:
        config: of the run.
        environment: in which it acts.
        needs: of ``policy_needs``, or ``PLAIN``.
        untrusted: as in ``config.build``.
        trust: as in ``config.build``.

    Raises:
        ConfigError: the config's policy cannot be built, or cannot have the P_B that the run asks for.
    """
    live = {"environment": environment, **needs}
    policy = build(config["policy"], Policy, "policy", live=live, untrusted=untrusted, trust=trust)
    rule = needs["backward_rule"]
    if not needs["learned_backward"] and policy.backward_rule != rule:
        raise ConfigError(
            f"policy: the constructor of {type(policy).__name__} takes no `backward_rule`, so its P_B is "
            f"{policy.backward_rule} and cannot be {rule}; add the parameter, or use backward=uniform"
        )
    return policy
