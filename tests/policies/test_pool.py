"""The pool policy: its contract, that it knows no order, other pools, and chunks against tables."""

import copy
from functools import partial

import numpy as np
import pytest
import torch

from molgfn.conditions.draws import LogUniform
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.sets import Sets
from molgfn.errors import ConfigError
from molgfn.information.members import Members
from molgfn.information.pools import NormalPool, Pool
from molgfn.policies.distributions.pool_choice import PoolChoice
from molgfn.policies.sets import PoolPolicy
from molgfn.testing import check_policy
from molgfn.trajectories.sampler import Sampler

SMALL = partial(PoolPolicy, width=8, hidden=16, layers=1)


class Given(Pool):
    def __init__(self, features, labels=None):
        self.members = Members([str(i) for i in range(len(features))], features, labels=labels)

    def read(self):
        return self.members


X = np.random.default_rng(0).normal(size=(7, 2))
KNOWN = Given(X[:3] + 0.1, np.array([0.1, -1.0, 2.0]))
FREE = Sets(pool=Given(X), size=3, least=1)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ({}, FREE),
        ({"attention": 3, "share_trunk": False}, Sets(pool=Given(X), size=3, labelled=KNOWN)),
        ({"chunk": 3}, FREE),
        ({"chunk": 3, "scale_logits": "learned"}, conditional(FREE, Temperature(beta=LogUniform(low=1, high=8)))),
    ],
    ids=["table", "attention and known", "chunks", "chunks under a condition"],
)
def test_the_contract(arguments, environment):
    check_policy(partial(SMALL, **arguments), environment, walks=6)


def trained_like(environment, **arguments):
    """A policy in double precision that is far from its start."""
    torch.manual_seed(0)
    policy = SMALL(environment=environment, learned_backward=True, **arguments).double()
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return policy


@pytest.mark.parametrize("attention", [None, 4])
def test_the_order_of_the_pool_does_not_matter(attention):
    one = Sets(pool=Given(X), size=3, least=1, labelled=KNOWN)
    order = np.array([3, 0, 6, 2, 5, 1, 4])
    backwards = Given(KNOWN.members.features[::-1].copy(), KNOWN.members.labels[::-1].copy())
    other = one.on(Given(X[order]), backwards)
    policy = trained_like(one, attention=attention)
    place = torch.from_numpy(np.argsort(order))
    sets = torch.tensor([[0, 4, 5], [1, 2, -1], [3, -1, -1]])
    here = policy(one.states_of(sets), backward=True, flow=True)
    moved = torch.where(sets >= 0, place[sets.clamp(min=0)], -1)
    there = policy.on(other)(other.states_of(moved), backward=True, flow=True)
    columns = torch.cat([place, torch.tensor([7])])
    assert torch.allclose(here.forward.log_probs(), there.forward.log_probs()[:, columns], atol=1e-10)
    assert torch.allclose(here.log_flow, there.log_flow, atol=1e-10)
    for row, members in enumerate(sets.tolist()):
        own = [m for m in members if m >= 0]
        rank = np.argsort(np.argsort([int(place[m]) for m in own]))  # backward actions go by the rising order
        p, q = here.backward.log_probs()[row, : len(own)], there.backward.log_probs()[row, : len(own)]
        assert torch.allclose(p, q[torch.from_numpy(rank)], atol=1e-10)


def test_it_goes_over_to_a_larger_pool_with_the_same_weights():
    policy = trained_like(FREE)
    larger = FREE.on(NormalPool(size=50, seed=3))
    other = policy.on(larger)
    assert other.environment is larger
    assert policy.environment is FREE
    assert {id(p) for p in other.parameters()} == {id(p) for p in policy.parameters()}
    drawn = Sampler(larger).forward(other, 5, generator=torch.Generator().manual_seed(0))
    assert int(drawn.terminal.members.min()) >= 0
    with pytest.raises(ConfigError, match=r"features=2.*features=3"):
        policy.on(FREE.on(NormalPool(size=9, dimensions=3)))
    with pytest.raises(ConfigError, match="gives vector states"):
        PoolPolicy(environment=HyperGrid())


def test_chunks_are_the_table():
    policy, whole = (trained_like(FREE, chunk=chunk) for chunk in (3, 100))
    states = FREE.states_of(torch.tensor([[0, 4, 5], [1, 2, -1], [3, -1, -1]]))
    states = type(states).cat([FREE.initial(1).map(lambda t: t), states])
    actions = torch.tensor([6, 7, 0, 2])
    found, table = policy(states).forward, whole(states).forward
    assert isinstance(found, PoolChoice)
    assert torch.allclose(found.log_prob(actions), table.log_prob(actions), atol=1e-10)
    assert torch.allclose(found.entropy(), table.entropy(), atol=1e-10)
    other = copy.deepcopy(whole)
    with torch.no_grad():
        other.query.weight.add_(0.1)
    changed = copy.deepcopy(policy)
    changed.load_state_dict(other.state_dict())
    kl = table.kl(other(states).forward)
    assert torch.allclose(found.kl(changed(states).forward), kl, atol=1e-10)
    assert float(kl.detach().min()) >= 0
    for choice, reference in ((found.tempered(2.0), table.tempered(2.0)), (found.uniform(), table.uniform())):
        assert torch.allclose(choice.log_prob(actions), reference.log_prob(actions), atol=1e-10)
    for network, choice in ((policy, found), (whole, table)):
        (choice.log_prob(actions).sum() + choice.entropy().sum()).backward()
        assert network.query.weight.grad is not None
    for p, q in zip(policy.parameters(), whole.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None)
        assert p.grad is None or torch.allclose(p.grad, q.grad, atol=1e-9)


def test_chunks_draw_what_the_table_says():
    policy, whole = (trained_like(FREE, chunk=chunk) for chunk in (3, 100))
    states = FREE.states_of(torch.tensor([[1, 2, -1]])).map(lambda t: t.expand(20_000, -1))
    with torch.no_grad():
        drawn = policy(states).forward.sample(torch.Generator().manual_seed(0))
        p = whole(states[:1]).forward.log_probs()[0].exp()
    share = torch.bincount(drawn, minlength=8) / len(drawn)
    assert float((share - p).abs().max()) < 0.015
    assert share[[1, 2]].tolist() == [0, 0]
