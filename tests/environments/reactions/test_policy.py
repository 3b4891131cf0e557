"""The policy keeps its promises, and its choices know all legal actions and no other."""

from functools import partial

import pytest
import torch
from tests.environments.reactions.small import THREE, THREE_BLOCKS, library
from tests.environments.reactions.spaces import Listed, small

from molgfn.policies.reactions import ReactionPolicy
from molgfn.testing import check_policy

SMALL = {"width": 16, "layers": 1, "heads": 2}


@pytest.mark.parametrize("state", ["molecule", "route"])
def test_the_contract(state):
    check_policy(partial(ReactionPolicy, **SMALL), small(max_reactions=2, state=state), walks=12)


def test_three_reactants():
    environment = small(library(THREE_BLOCKS, THREE), max_reactions=1)
    check_policy(partial(ReactionPolicy, **SMALL), environment, walks=8)


@pytest.mark.parametrize("one_hot", [0.0, 0.5, 1.0])
def test_shares_of_the_table_of_blocks(one_hot):
    policy = ReactionPolicy(environment=small(), one_hot=one_hot, **SMALL)
    embedding = policy.trunk.blocks
    assert (embedding.table is None) == (one_hot == 0)
    assert (embedding.network is None) == (one_hot == 1)
    assert embedding().shape == (7, 16)


def test_maximum_entropy_goes_by_numbers_of_routes():
    """P_B is in proportion to the number of routes to where each way leads, at every state."""
    listed = Listed(small(max_reactions=2))
    environment, states = listed.environment, listed.graph.states
    policy = ReactionPolicy(environment=environment, backward_rule="maxent", **SMALL)
    row, back = environment.legal_backward_actions(states)
    p = policy(states[row], forward=False, backward=True).backward.log_prob(back).exp().double()
    routes = environment.log_path_count(environment.undo(states[row], back)).exp()
    total = torch.zeros(len(states), dtype=torch.float64).index_add(0, row, routes)
    assert torch.allclose(p, routes / total[row], atol=1e-6)
    uneven = routes != total[row] / environment.n_backward(states)[row]
    assert uneven.any()
