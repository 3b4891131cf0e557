"""Backward actions of what was drawn forwards are found when they are read, and are those of each step."""

import pickle

import pytest
import torch
from tests.environments.reactions.spaces import small

from molgfn.environments.atoms import Atoms, encoding
from molgfn.environments.continuous.box import Box
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ContractError
from molgfn.oracles.properties.qed import QED
from molgfn.policies.densities.policy import MixturePolicy
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.reactions import ReactionPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.replay import UniformReplay

ENVIRONMENTS = {
    "grid": (lambda: HyperGrid(dimensions=3, side=4), TabularPolicy, {}),
    "box": (lambda: Box(), MixturePolicy, {}),
    "fragments": (lambda: Fragments(max_fragments=4), GraphTransformerPolicy, {"width": 16, "layers": 1}),
    "atoms": (lambda: Atoms(max_atoms=5), GraphTransformerPolicy, {"width": 16, "layers": 1}),
    "reactions": (lambda: small(max_reactions=2), ReactionPolicy, {"width": 8, "layers": 1, "heads": 1}),
}


def made(name):
    torch.manual_seed(0)
    environment, policy, settings = ENVIRONMENTS[name]
    return policy(environment=environment(), **settings)


def drawn(policy, n=20, **settings):
    sampler = Sampler(policy.environment, **settings)
    return sampler.forward(policy, n, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_they_are_those_of_each_step(name, compact):
    policy = made(name)
    t, e = drawn(policy, compact=compact), policy.environment
    going = (~t.exits).nonzero().squeeze(1)
    before, actions = t.states[going], t.actions[going]
    expected = e.backward_action(before, actions, e.step(before, actions))
    assert torch.equal(t.backward_actions[going], expected)
    assert t.backward_actions.shape[0] == len(t.states)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nobody_asks_for_them_when_objects_are_drawn(name, monkeypatch):
    policy = made(name)
    asked = []
    ask = type(policy.environment).backward_action
    monkeypatch.setattr(type(policy.environment), "backward_action", lambda *given: asked.append(1) or ask(*given))
    t = drawn(policy)
    assert len(t.terminal) == len(t.to("cpu").terminal) == 20
    assert not asked
    for _ in range(2):
        t.backward_actions  # noqa: B018
    assert asked == [1]


def test_no_reaction_is_inverted_when_molecules_are_drawn(monkeypatch):
    policy = made("reactions")

    def never(*given):
        raise AssertionError("inverted")

    monkeypatch.setattr(type(policy.environment.inverse), "candidates", never)
    t = drawn(policy)
    assert len(policy.environment.objects(t.terminal)) == 20
    assert len(policy.environment.recipes(t.terminal)) == 20
    with pytest.raises(AssertionError, match="inverted"):
        t.backward_actions  # noqa: B018


def test_no_backward_mask_of_atoms_is_made_when_molecules_are_drawn(monkeypatch):
    policy = made("atoms")

    def never(*given):
        raise AssertionError("a backward mask")

    monkeypatch.setattr(encoding, "backward", never)
    t = drawn(policy)
    with pytest.raises(AssertionError, match="a backward mask"):
        policy(t.states, backward=True)


@pytest.mark.parametrize("name", ["fragments", "reactions"])
def test_they_go_wherever_trajectories_go(name):
    policy = made(name)
    index = torch.tensor([3, 0, 3])
    expected = drawn(policy).backward_actions
    assert torch.equal(pickle.loads(pickle.dumps(drawn(policy))).backward_actions, expected)
    twice = Trajectories.cat([drawn(policy), drawn(policy)])
    assert torch.equal(twice.backward_actions, torch.cat([expected, expected]))
    whole, part = drawn(policy), drawn(policy).select(index)
    rows = torch.cat([(whole.trajectory == i).nonzero().squeeze(1) for i in index.tolist()])
    assert torch.equal(part.backward_actions, expected[rows])


def test_a_store_has_them():
    policy = made("fragments")
    rewarded = find_rewards(drawn(policy), policy.environment, Power(oracle=QED()))
    store = UniformReplay(capacity=50)
    store.add(rewarded.trajectories)
    again = store.sample(30, torch.Generator().manual_seed(0))
    e = policy.environment
    going = (~again.exits).nonzero().squeeze(1)
    undone = e.undo(again.states[going + 1], again.backward_actions[going])
    assert e.keys(undone) == e.keys(again.states[going])


def test_an_inversion_that_misses_a_reaction_is_told_when_they_are_read(monkeypatch):
    policy = made("reactions")
    monkeypatch.setattr(type(policy.environment.inverse), "candidates", lambda *given: ())
    with pytest.raises(ContractError, match=r"set environment\.state to route"):
        drawn(policy).backward_actions  # noqa: B018
