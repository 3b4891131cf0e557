"""Action values against dense tables, for dense and for factorised policies."""

from dataclasses import replace

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.action_values import QGap, QTaken, QValue
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.sampler import Sampler

VOCABULARY = [["C", [0]], ["CC", [0, 1]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["CCO", [0, 1]]]


def make(kind, seed):
    torch.manual_seed(seed)
    if kind in {"transformer", "message_passing"}:
        environment = Fragments(vocabulary=VOCABULARY, max_fragments=4)
        if kind == "transformer":
            return GraphTransformerPolicy(environment=environment, width=16, layers=1, heads=2).double()
        return MessagePassingPolicy(environment=environment, width=16, layers=1).double()
    environment = HyperGrid(dimensions=2, side=4) if kind == "grid" else Strings(alphabet="AB", length=4)
    return MLPPolicy(environment=environment, hidden=16, layers=1).double()


@pytest.fixture(params=["grid", "strings", "transformer", "message_passing"])
def setting(request):
    """A policy, trajectories of it, two critics and their targets: five networks in all."""
    policy, *others = (make(request.param, seed) for seed in range(5))
    for network in others:
        network.environment = policy.environment
    trajectories = Sampler(policy.environment).forward(policy, 12, generator=torch.Generator().manual_seed(0))
    return (
        policy,
        trajectories,
        dict(zip(("q1", "q2"), others[:2], strict=True)),
        dict(zip(("q1", "q2"), others[2:], strict=True)),
    )


def evaluated(policy, trajectories, own, targets):
    t = replace(trajectories, log_reward=torch.zeros(len(trajectories), dtype=torch.float64))
    return evaluate(t, policy, quantities=(QTaken, QGap, QValue), networks=Networks(own=own, targets=targets))


def dense_q(network, states):
    """Q [S, A], -inf where illegal."""
    out = network(states, flow=True)
    return out.log_flow[:, None] + out.forward.log_probs()


def mean_of(log_p, table):
    """sum_a p (log p - table), over what is legal."""
    legal = log_p.isfinite()
    gap = torch.where(legal, log_p, 0.0) - torch.where(legal, table, 0.0)
    return (log_p.exp() * gap).sum(1)


@pytest.mark.parametrize("critics", [1, 2])
def test_against_dense_tables(setting, critics):
    policy, t, networks, targets = setting
    names = ["q1", "q2"][:critics]
    found = evaluated(policy, t, {n: networks[n] for n in names}, {n: targets[n] for n in names})
    tables = [dense_q(networks[n], t.states) for n in names]
    log_p = policy(t.states).forward.log_probs()
    taken = torch.stack([q.gather(1, t.actions[:, None]).squeeze(1) for q in tables], 1)
    torch.testing.assert_close(found[QTaken], t.pad(taken))
    gap = mean_of(log_p, torch.stack(tables).amin(0))
    torch.testing.assert_close(found[QGap], t.pad(gap))
    value = -mean_of(log_p, torch.stack([dense_q(targets[n], t.states) for n in names]).amin(0))
    torch.testing.assert_close(found[QValue], t.pad(value))
    assert not found[QValue].requires_grad


@pytest.mark.parametrize("critics", [1, 2])
def test_the_gap_has_the_gradient_of_the_policy_only(setting, critics):
    policy, t, networks, targets = setting
    names = ["q1", "q2"][:critics]
    chosen = {n: networks[n] for n in names}
    found = evaluated(policy, t, chosen, {n: targets[n] for n in names})
    parameters = [p for p in policy.group_modules()["forward"]]
    got = torch.autograd.grad(found[QGap].sum(), parameters, retain_graph=True, allow_unused=True)
    for network in chosen.values():
        unreached = torch.autograd.grad(
            found[QGap].sum(), list(network.parameters()), retain_graph=True, allow_unused=True
        )
        assert all(g is None for g in unreached)
        reached = torch.autograd.grad(
            found[QTaken].sum(), list(network.parameters()), retain_graph=True, allow_unused=True
        )
        assert any(g is not None and g.abs().max() > 0 for g in reached)
    least = torch.stack([dense_q(q, t.states) for q in chosen.values()]).amin(0).detach()
    dense = mean_of(policy(t.states).forward.log_probs(), least).sum()
    parameters = [p for p in policy.group_modules()["forward"]]
    want = torch.autograd.grad(dense, parameters, allow_unused=True)
    for ours, theirs in zip(got, want, strict=True):
        if theirs is not None or ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)


def test_without_copies_the_critics_are_their_own_targets(setting):
    policy, t, networks, _ = setting
    found = evaluated(policy, t, networks, {})
    torch.testing.assert_close(found[QValue], -found[QGap].detach())


def test_two_equal_critics_are_one(setting):
    policy, t, networks, targets = setting
    one = evaluated(policy, t, {"q1": networks["q1"]}, {"q1": targets["q1"]})
    same = {n: networks["q1"] for n in ("q1", "q2")}, {n: targets["q1"] for n in ("q1", "q2")}
    two = evaluated(policy, t, *same)
    torch.testing.assert_close(two[QGap], one[QGap])
    torch.testing.assert_close(two[QValue], one[QValue])
