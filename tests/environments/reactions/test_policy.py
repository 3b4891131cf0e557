"""The policy keeps its promises, and its choices know all legal actions and no other."""

import itertools
from functools import partial

import pytest
import torch
from tests.environments.reactions.small import THREE, THREE_BLOCKS, library
from tests.environments.reactions.spaces import Listed, small

from molgfn.policies.distributions.in_chunks import ChunkedCategorical, Sets
from molgfn.policies.reactions import ReactionPolicy
from molgfn.testing import check_policy
from molgfn.trajectories.sampler import Sampler

SMALL = {"width": 16, "layers": 1, "heads": 2}


@pytest.mark.parametrize("state", ["molecule", "route"])
def test_the_contract(state):
    check_policy(partial(ReactionPolicy, **SMALL), small(max_reactions=2, state=state), walks=12)


def test_the_contract_in_chunks():
    check_policy(partial(ReactionPolicy, blocks_at_once=0, **SMALL), small(max_reactions=2), walks=8)


@pytest.mark.parametrize("made", [library(), library(THREE_BLOCKS, THREE)], ids=["two", "three"])
def test_chunks_are_the_same_choice(made):
    """Log-probabilities and gradients of all legal actions, with and without a table of all blocks."""
    environment = small(made, max_reactions=2)
    torch.manual_seed(0)
    whole = ReactionPolicy(environment=environment, **SMALL).double()
    parts = ReactionPolicy(environment=environment, blocks_at_once=0, **SMALL).double()
    parts.load_state_dict(whole.state_dict())
    states = Listed(environment).graph.states
    row, actions = environment.legal_actions(states)
    found = []
    for policy in (whole, parts):
        log_p = policy(states[row]).forward.log_prob(actions)
        (log_p * torch.linspace(-1, 1, len(log_p), dtype=torch.float64)).sum().backward()
        found.append((log_p.detach(), [p.grad for p in policy.parameters() if p.grad is not None]))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-12)
    assert len(found[0][1]) == len(found[1][1]) > 20
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(*(g for _, g in found), strict=True))


def test_draws_in_chunks_have_their_probabilities():
    """10 things in chunks of 3, some of them illegal."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(10, 4, generator=generator)
    legal = torch.tensor([[True] * 10, [False, False, False, True, True, False, True, True, True, True]])
    sets = Sets.of(legal)
    queries, rows = 3 * torch.randn(2, 4, generator=generator), torch.tensor([0, 1])
    choice = ChunkedCategorical(queries, embeddings, sets, rows, chunk=3)
    things = torch.arange(10)
    exact = (
        torch.stack(
            [
                ChunkedCategorical(queries[[k] * 10], embeddings, sets, rows[[k] * 10], chunk=4).log_prob(things).exp()
                for k in (0, 1)
            ]
        )
        * legal
    )
    assert torch.allclose(exact.sum(1), torch.ones(2), atol=1e-5)
    many = ChunkedCategorical(queries.repeat(4000, 1), embeddings, sets, rows.repeat(4000), chunk=3)
    drawn = many.sample(generator).view(4000, 2)
    shares = torch.stack([torch.bincount(drawn[:, k], minlength=10) for k in (0, 1)]) / 4000
    assert (shares - exact).abs().max() < 0.03
    assert not shares[~legal].any()
    even = choice.uniform().log_prob(torch.tensor([0, 3])).exp()
    assert even.tolist() == pytest.approx([1 / 10, 1 / 6])


def test_draws_out_of_some_are_those_of_a_random_part():
    """Two even draws with replacement, then by P_F among them: the mean over all pairs; of two things all."""
    generator = torch.Generator().manual_seed(0)
    embeddings, query = torch.randn(5, 4, generator=generator), 3 * torch.randn(1, 4, generator=generator)
    sets = Sets.of(torch.tensor([[True, False, True, True, True], [False, True, False, False, True]]))
    expected = torch.zeros(5)
    for a, b in itertools.product([0, 2, 3, 4], repeat=2):
        pair = torch.tensor([a, b])
        expected.index_add_(0, pair, (embeddings[pair] @ query[0] / 2).softmax(0) / 16)
    n, totals = 20, torch.zeros(2, 5)
    for _ in range(1000):  # one part for all that choose from the same set
        choice = ChunkedCategorical(query.repeat(2 * n, 1), embeddings, sets, torch.arange(2 * n) % 2)
        totals += torch.stack([torch.bincount(d, minlength=5) for d in choice.out_of(2, generator).view(n, 2).T])
    assert (totals[0] / totals[0].sum() - expected).abs().max() < 0.03
    assert totals[1][[0, 2, 3]].sum() == 0
    exact = choice.log_prob(torch.tensor([1, 4]).repeat_interleave(2).repeat(n // 2)).exp()[[1, 3]]
    assert (totals[1][[1, 4]] / totals[1].sum() - exact).abs().max() < 0.02


def test_gradients_in_chunks_are_those_of_a_table():
    """Queries that are the same, and things that are in several sets, among them."""
    generator = torch.Generator().manual_seed(1)
    legal = torch.rand(3, 11, generator=generator) < 0.5
    rows, actions = torch.tensor([0, 1, 0, 2, 0]), legal[[0, 1, 0, 2, 0]].double().argmax(1)
    embeddings = torch.randn(11, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    different = torch.randn(4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    upstream, found = torch.tensor([1.0, -2.0, 0.5, 3.0, 0.25]), []
    for chunk in (None, 2, 100):
        queries = different[[0, 1, 0, 2, 3]]
        if chunk is None:
            logits = (queries @ embeddings.T / 2).masked_fill(~legal[rows], -torch.inf)
            log_p = logits.log_softmax(1).gather(1, actions[:, None]).squeeze(1)
        else:
            log_p = ChunkedCategorical(queries, embeddings, Sets.of(legal), rows, chunk=chunk).log_prob(actions)
        found.append([log_p.detach(), *torch.autograd.grad((log_p * upstream).sum(), (different, embeddings))])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


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


def test_molecules_that_can_only_be_left_are_not_read():
    environment = small(max_reactions=2)
    torch.manual_seed(0)
    policy = ReactionPolicy(environment=environment, **SMALL).double()
    states = Listed(environment).graph.states
    batch = environment.encode(states)
    chooses = batch.facts.chooses
    there = environment.nodes.columns(batch.nodes)[:, 1] >= 0
    assert 5 < int(chooses.sum()) < len(states) - 5
    assert torch.equal(batch.graphs(whole=False).n_nodes > 0, chooses & torch.from_numpy(there))
    assert torch.equal(batch.graphs().n_nodes > 0, torch.from_numpy(there))
    leave = environment.exit_action(states)
    assert (policy(states).forward.log_prob(leave)[~chooses] == 0).all()
    # as where log F is read, too, and all molecules with it
    row, actions = environment.legal_actions(states)
    found = [policy(states[row], flow=flow).forward.log_prob(actions) for flow in (False, True)]
    assert torch.allclose(*found, atol=1e-12)
    left = [policy(states, flow=flow).forward.log_prob(leave)[chooses] for flow in (False, True)]
    assert torch.equal(left[0].isfinite(), left[1].isfinite())


def test_log_flow_is_that_of_all_molecules_whatever_was_recorded():
    environment = small(max_reactions=2)
    torch.manual_seed(0)
    policy = ReactionPolicy(environment=environment, **SMALL).double()
    flows = {}
    for records in (True, False):
        policy.records_flow = records
        generator = torch.Generator().manual_seed(1)
        t, kept = Sampler(environment).forward_and_keep(policy, 16, generator=generator)
        assert kept is not None
        assert kept.recorded.whole == records
        with kept.known():
            flows[records] = policy(t.states, flow=True).log_flow
    assert torch.allclose(flows[True], flows[False], atol=1e-12)
    assert torch.allclose(flows[True], policy(t.states, flow=True).log_flow, atol=1e-12)
    assert len(flows[True].unique()) > 16
