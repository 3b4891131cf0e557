"""Every rule keeps the contract, and one multigraph: all edges of small spaces, from both sides."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.environments.atoms.spaces import DRUG_LIKE, SPACES, space, uniform_walk

from molgfn.environments.atoms import Atoms
from molgfn.environments.enumeration import enumerate_states
from molgfn.testing import check_environment


@pytest.mark.parametrize("name", SPACES)
def test_contract_and_exact_flows(name):
    check_environment(space(name), exact_limit=3000, walks=16)


@pytest.mark.parametrize("name", SPACES)
def test_every_edge_is_there_from_both_sides(name):
    """Forward edges are those of backward actions, as often as c says: N_F |Aut(s')| = N_B |Aut(s)|."""
    environment = space(name)
    graph = enumerate_states(environment)
    expected = SPACES[name][1]
    assert expected is None or len(graph) == expected
    states, keys = graph.states, environment.keys(graph.states)
    number = {key: i for i, key in enumerate(keys)}
    forward = Counter(zip(graph.source.tolist(), graph.target.tolist(), strict=True))
    row, action = environment.legal_backward_actions(states)
    before = environment.undo(states[row], action)
    where = [number[key] for key in environment.keys(before)]  # a KeyError is a way back to what nothing leads to
    backward = Counter(zip(where, row.tolist(), strict=True))
    assert forward.keys() == backward.keys()
    log_c = environment.log_multiplicity(states).tolist()
    for (s, t), count in forward.items():
        assert abs(count / backward[s, t] * torch.tensor(log_c[s] - log_c[t]).exp().item() - 1) < 1e-6
    assert (environment.n_forward(states) > 0).all()
    assert torch.equal(environment.n_backward(states) == 0, environment.is_initial(states))
    mask = environment.forward_mask(before)
    again = environment.forward_action(states[row], action, before)
    assert mask.gather(1, again[:, None]).all()


@pytest.mark.parametrize("name", SPACES)
def test_hashes_are_keys(name):
    """Over a whole space, and whatever the order of atoms."""
    environment = space(name)
    states = enumerate_states(environment).states
    hashes = environment.hashes(states)
    assert len(set(hashes.tolist())) == len(states)
    generator = torch.Generator().manual_seed(0)
    n = states.types.shape[1]
    order = torch.stack([torch.randperm(n, generator=generator) for _ in range(len(states))])
    # atoms fill the first slots
    order = order.gather(1, (states.types.gather(1, order) == 0).to(torch.int8).argsort(dim=1, stable=True))
    bonds = states.bonds.gather(1, order[:, :, None].expand_as(states.bonds))
    bonds = bonds.gather(2, order[:, None, :].expand_as(states.bonds))
    shuffled = type(states)(states.types.gather(1, order), bonds)
    assert torch.equal(environment.hashes(shuffled), hashes)
    assert list(environment.keys(shuffled)) == list(environment.keys(states))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), steps=st.integers(0, 45), small=st.booleans())
def test_undo_takes_back_any_step(seed, steps, small):
    """At states of random walks, in both directions, whatever action is taken."""
    environment = QM9 if small else DRUGS
    walk = list(uniform_walk(environment, 4, seed, stop=False))
    states = walk[min(steps, len(walk) - 1)][0]
    row, action = environment.legal_actions(states)
    before, after = states[row], environment.step(states[row], action)
    back = environment.backward_action(before, action, after)
    assert environment.backward_mask(after).gather(1, back[:, None]).all()
    undone = environment.undo(after, back)
    assert torch.equal(undone.types, before.types)
    assert torch.equal(undone.bonds, before.bonds)
    row, back = environment.legal_backward_actions(states)
    after, before = states[row], environment.undo(states[row], back)
    action = environment.forward_action(after, back, before)
    assert environment.forward_mask(before).gather(1, action[:, None]).all()
    assert list(environment.keys(environment.step(before, action))) == list(environment.keys(after))


QM9, DRUGS = Atoms(), Atoms(**DRUG_LIKE)


@pytest.mark.parametrize("environment", [QM9, Atoms(**{**DRUG_LIKE, "max_atoms": 16})], ids=["qm9", "drug-like"])
def test_contract_of_large_spaces(environment):
    check_environment(environment, walks=8, edges=100)
    assert "too many to list" in environment.enumeration_unavailable_reason()


def test_a_limit_that_is_reached_leaves_no_state_stuck():
    """Atoms that must be filled, at sizes where little room is left; stop is never all that is missing."""
    environment = Atoms(**{**DRUG_LIKE, "types": ["S6", "P5", "S4", "O", "C"], "max_atoms": 8})
    for seed in range(4):
        for states, actions in uniform_walk(environment, 100, seed, stop=False):
            assert environment.forward_mask(states).any(1).all()
            leaving = states[actions == environment.stop_action]
            assert not [m.problem for m in environment.objects(leaving) if not m.valid]
