"""Graph policies: equivariant, the same packed and padded, dense tables that agree with the factorised form."""

import dataclasses

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.sampler import Sampler

POLICIES = [
    (GraphTransformerPolicy, {}),
    (MessagePassingPolicy, {}),
    (MessagePassingPolicy, {"convolution": "gatv2"}),
    (GraphTransformerPolicy, {"share_trunk": False}),
]


@pytest.fixture
def environment():
    return Fragments(vocabulary="rdkit", max_fragments=6, max_atoms=40)


def make(environment, kind, arguments, learned=True):
    policy = kind(environment=environment, learned_backward=learned, width=32, layers=2, **arguments).double()
    for parameter in policy.parameters():  # zero-initialised heads would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return policy


def outputs(policy, states):
    out = policy(states, forward=True, backward=True, flow=True)
    return out.forward.log_probs(), out.backward.log_probs(), out.log_flow


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_legal_actions_and_normalisation(environment, kind, arguments):
    policy = make(environment, kind, arguments)
    states = Sampler(environment).forward(policy, 8).states
    forward, backward, flow = outputs(policy, states)
    assert torch.equal(forward > -torch.inf, environment.forward_mask(states))
    torch.testing.assert_close(forward.exp().sum(1), torch.ones(len(states), dtype=torch.float64))
    inner = ~environment.is_initial(states)
    assert torch.equal((backward > -torch.inf)[inner], environment.backward_mask(states)[inner])
    torch.testing.assert_close(backward[inner].exp().sum(1), torch.ones(int(inner.sum()), dtype=torch.float64))
    assert flow.shape == (len(states),)


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_packed_is_padded(environment, kind, arguments, monkeypatch):
    policy = make(environment, kind, arguments)
    states = Sampler(environment).forward(policy, 6).states
    packed = outputs(policy, states)
    encode = Fragments.encode
    monkeypatch.setattr(Fragments, "encode", lambda self, s: encode(self, s, padded=True))
    for a, b in zip(packed, outputs(policy, states), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_company_does_not_matter(environment, kind, arguments):
    policy = make(environment, kind, arguments)
    states = Sampler(environment).forward(policy, 6).states
    order = torch.randperm(len(states))
    whole = outputs(policy, states)
    mixed = outputs(policy, states[order])
    alone = outputs(policy, states[3:4])
    for a, b, c in zip(whole, mixed, alone, strict=True):
        torch.testing.assert_close(a[order], b)
        torch.testing.assert_close(a[3:4], c)


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_equivariant_under_relabelling(environment, kind, arguments):
    """Nodes of a tree in another order: the same flow, the same log-probabilities at the relabelled actions."""
    policy = make(environment, kind, arguments)
    states = Sampler(environment).forward(policy, 32).states
    states = states[states.n == 4]
    order = torch.tensor([2, 0, 3, 1, 4, 5])  # new slot -> old slot
    new_of = order.argsort()
    joins = states.joins.clone()
    joins[:, :3, 0] = new_of[joins[:, :3, 0]]
    joins[:, :3, 2] = new_of[joins[:, :3, 2]]
    other = dataclasses.replace(states, kinds=states.kinds[:, order], used=states.used[:, order], joins=joins)
    before, after = outputs(policy, states), outputs(policy, other)
    torch.testing.assert_close(before[2], after[2])
    torch.testing.assert_close(before[1][:, order], after[1])
    points, options = environment.n_points, environment.n_arms
    site = before[0][:, 1:].view(len(states), -1, options)[:, : 6 * points].view(len(states), 6, points, options)
    moved = after[0][:, 1:].view(len(states), -1, options)[:, : 6 * points].view(len(states), 6, points, options)
    torch.testing.assert_close(site[:, order], moved)
    torch.testing.assert_close(before[0][:, 0], after[0][:, 0])


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_invariant_under_symmetries_of_fragments(kind, arguments):
    """Benzene turned and flipped, piperazine turned: the same flow, the same probabilities at the moved points."""
    benzene, piperazine = [3, 2, 1, 0, 5, 4], [1, 0]  # symmetries of the points: point p becomes point image[p]
    environment = Fragments(
        vocabulary=[["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]], max_fragments=5
    )
    policy = make(environment, kind, arguments)
    states = Sampler(environment).forward(policy, 64).states
    states = states[states.n >= 2]
    image = torch.stack([torch.arange(6), torch.tensor(benzene), torch.tensor([*piperazine, 2, 3, 4, 5])])
    joins, used = states.joins.clone(), states.used.clone()
    real = joins[:, :, 0] >= 0
    for node, point in ((0, 1), (2, 3)):
        at = states.kinds.gather(1, joins[:, :, node].clamp(min=0))
        joins[:, :, point] = torch.where(real, image[at.clamp(min=0), joins[:, :, point].clamp(min=0)], -1)
    moved = image[states.kinds.clamp(min=0)]  # [B, N, P]
    used = torch.zeros_like(used).scatter(2, moved, states.used)
    other = dataclasses.replace(states, joins=joins, used=used)
    assert list(environment.keys(states)) == list(environment.keys(other))
    before, after = outputs(policy, states), outputs(policy, other)
    torch.testing.assert_close(before[2], after[2])
    torch.testing.assert_close(before[1], after[1])
    n, options = len(states), environment.n_arms
    sites = [t[:, 1:].view(n, -1, options)[:, : 5 * 6].view(n, 5, 6, options) for t in (before[0], after[0])]
    back = moved[..., None].expand(-1, -1, -1, options)
    torch.testing.assert_close(sites[0], sites[1].gather(2, back))
    assert torch.equal(sites[0][..., 1:7], sites[0][..., 1:2].expand_as(sites[0][..., 1:7]))


def test_parameter_groups_hold_each_parameter_once(environment):
    for share in (True, False):
        policy = GraphTransformerPolicy(
            environment=environment, learned_backward=True, width=16, layers=1, share_trunk=share
        )
        listed = [id(p) for group in policy.parameter_groups().values() for p in group]
        assert len(listed) == len(set(listed)) == len(list(policy.parameters()))
        assert all(policy.parameter_groups().values())


def test_separate_trunks_are_separate(environment):
    policy = make(environment, GraphTransformerPolicy, {"share_trunk": False})
    states = Sampler(environment).forward(policy, 4).states
    policy(states, forward=False, flow=True).log_flow.sum().backward()
    groups = policy.parameter_groups()
    assert all(p.grad is None for p in groups["forward"] + groups["backward"])
    assert any(p.grad is not None for p in groups["flow"])


def test_backward_starts_uniform(environment):
    policy = GraphTransformerPolicy(environment=environment, learned_backward=True, width=16, layers=1)
    states = Sampler(environment).forward(policy, 8).states
    states = states[~environment.is_initial(states)]
    mask = environment.backward_mask(states)
    learned = policy(states, forward=False, backward=True).backward.log_probs()
    torch.testing.assert_close(learned.exp(), mask / mask.sum(1, keepdim=True).float())


@pytest.mark.parametrize(
    ("kind", "place"), [(GraphTransformerPolicy, HyperGrid()), (MLPPolicy, None), (TabularPolicy, None)]
)
def test_wrong_kind_of_state_is_refused(environment, kind, place):
    with pytest.raises(ConfigError, match="policy:"):
        kind(environment=place or environment)
