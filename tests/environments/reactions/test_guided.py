"""P_B by cost and by decomposability: what the formulas say, found by listing all routes."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from tests.environments.reactions.small import library
from tests.environments.reactions.spaces import Listed, small
from tests.environments.reactions.test_policy import SMALL

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import ConditionalStates, conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.reactions.nodes import MOLECULE, REACT, SOURCE, START
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.objectives.backward.cost_guided import CostGuided
from molgfn.objectives.backward.decomposability_guided import DecomposabilityGuided
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.reactions import ReactionPolicy

BACKWARDS = [CostGuided(strength=0.7), DecomposabilityGuided(strength=3.0)]


@pytest.fixture(scope="module")
def listed():
    """Routes of three reactions, where ways differ in cost and in how surely they come apart."""
    return Listed(small(max_reactions=3))


def log_pb_of(listed, backward):
    """Of each edge, at the state that it leads to."""
    environment, graph = listed.environment, listed.graph
    policy = ReactionPolicy(environment=environment, backward_rule=backward.fixed, **SMALL).double()
    choice = policy(graph.states[graph.target], forward=False, backward=True).backward
    return choice.log_prob(graph.backward_action).detach()


@pytest.mark.parametrize("backward", BACKWARDS, ids=lambda b: b.fixed.name)
def test_solved_flows_are_exact(listed, backward):
    """It sums to 1 over the ways of each state, is not uniform, and has its flows, which give R/Z over molecules."""
    graph, log_pb = listed.graph, log_pb_of(listed, backward)
    total = torch.zeros(len(graph), dtype=torch.float64).index_add(0, graph.target, log_pb.exp())
    torch.testing.assert_close(total[1:], torch.ones(len(graph) - 1, dtype=torch.float64), rtol=0, atol=1e-12)
    assert (log_pb + graph.back_parents.double().log()).abs().max() > 0.1
    log_target = torch.full((len(graph),), -math.inf, dtype=torch.float64)
    log_target[listed.stop] = listed.log_r[listed.of] - listed.log_symmetry
    p = torch.zeros(len(listed.molecules), dtype=torch.float64)
    p = p.index_add(0, listed.of, solve_flows(graph, log_target, log_pb=log_pb).log_terminal.exp()[listed.stop])
    assert float((p - listed.log_r.softmax(0)).abs().sum() / 2) < 1e-9


def softmax_by_target(graph, logits):
    """log-probabilities of edges among those that lead to the same state."""
    out = torch.empty_like(logits)
    for target in graph.target.unique():
        here = graph.target == target
        out[here] = logits[here].log_softmax(0)
    return out


def test_costs_are_those_along_the_listed_edges(listed):
    """c of an edge is what was there, and the blocks, over the yield; c of a state is its least."""
    environment, graph = listed.environment, listed.graph
    prices, costs = environment.library.prices(), [0.0] + [math.inf] * (len(graph) - 1)
    edge_costs = torch.zeros(len(graph.source), dtype=torch.float64)
    for edge in graph.source.argsort(stable=True).tolist():  # states stand in order of depth
        source, target, (what, *blocks) = int(graph.source[edge]), int(graph.target[edge]), graph.action[edge].tolist()
        cost = costs[source]
        if what == START:
            cost = prices[blocks[0]]
        elif what >= REACT:
            two = environment.library.reactions[environment.library.slots[what - REACT][0]].slots == 2
            cost = (cost + (prices[blocks[0]] if two else 0.0)) / 0.5
        edge_costs[edge] = cost
        costs[target] = min(costs[target], cost)
    expected = softmax_by_target(graph, -0.7 * edge_costs / prices.std())
    torch.testing.assert_close(log_pb_of(listed, CostGuided(strength=0.7)), expected, rtol=0, atol=1e-12)
    scaled = log_pb_of(listed, CostGuided(strength=0.7, scale=float(prices.std()) / 2))
    torch.testing.assert_close(scaled, softmax_by_target(graph, 2 * -0.7 * edge_costs / prices.std()))


def test_shares_are_those_of_all_steps_back(listed):
    """Dead ends among them, by ``library.precursors``."""
    environment, graph = listed.environment, listed.graph
    made = environment.library

    @cache
    def share(smiles, reactions):
        if reactions == 0:
            return float(made.block_index(smiles) is not None)
        ways = []
        for step in made.precursors(smiles):
            for k, before in enumerate(step.reactants):
                others = step.reactants[:k] + step.reactants[k + 1 :]
                blocks = all(made.block_index(other) is not None for other in others)
                if blocks and (reactions > 1 or made.block_index(before) is not None):
                    ways.append(share(before, reactions - 1))
        return sum(ways) / len(ways) if ways else 0.0

    shares = torch.zeros(len(graph.source), dtype=torch.float64)
    keys = environment.keys(graph.states)
    for edge, (source, target) in enumerate(zip(graph.source.tolist(), graph.target.tolist(), strict=True)):
        kind, steps, smiles, *_ = keys[source]
        if keys[target][0] == MOLECULE and kind != SOURCE:
            shares[edge] = share(smiles, steps)
    assert ((shares > 0) & (shares < 1)).any()
    expected = softmax_by_target(graph, 3.0 * shares)
    torch.testing.assert_close(log_pb_of(listed, DecomposabilityGuided(strength=3.0)), expected, rtol=0, atol=1e-12)


def test_under_a_condition_it_is_the_same(listed):
    states = listed.graph.states[-50:]
    plain = listed.environment
    under = conditional(plain, Temperature())
    rule = CostGuided().fixed
    given = ConditionalStates(states, torch.ones(len(states), 1, dtype=torch.float64))
    row, back = plain.legal_backward_actions(states)
    found = rule.log_weights(under, given, row, back)
    assert rule.misfit(under) is None
    assert torch.equal(found, rule.log_weights(plain, states, row, back))


@pytest.mark.parametrize("backward", BACKWARDS, ids=lambda b: b.fixed.name)
def test_other_environments_are_refused(backward):
    name = backward.fixed.name
    with pytest.raises(ConfigError, match=f"backward: {name} weighs the reactions .* HyperGrid does not have"):
        MLPPolicy(environment=HyperGrid(dimensions=2, side=3), backward_rule=backward.fixed)
    with pytest.raises(ConfigError, match=f"backward: {name} chooses .* with environment.state route there is one"):
        ReactionPolicy(environment=small(state="route"), backward_rule=backward.fixed, **SMALL)


def test_costs_that_are_not_known_are_refused():
    made = library()
    unpriced = ReactionLibrary([replace(b, price=None) for b in made.blocks], made.reactions, made.about)
    environment = small(unpriced)
    with pytest.raises(ConfigError, match=r"unknown_price: 7 of 7 blocks of small have no price, such as CC\(N\)CN"):
        ReactionPolicy(environment=environment, backward_rule=CostGuided().fixed, **SMALL)
    with pytest.raises(ConfigError, match="scale: all blocks cost the same"):
        ReactionPolicy(environment=environment, backward_rule=CostGuided(unknown_price=2.0).fixed, **SMALL)
    ReactionPolicy(environment=environment, backward_rule=CostGuided(unknown_price=2.0, scale=1.0).fixed, **SMALL)
