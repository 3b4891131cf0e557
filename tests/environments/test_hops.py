"""A DAG that is not graded and whose actions have two parts, written outside the package: everything holds for it."""

import itertools
import math
from functools import cache

import pytest
import torch
from tests.environments.hops import Hops

from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ConfigError, ContractError
from molgfn.evaluation.exact.answers import exact_terminal, solve_flows
from molgfn.testing import check_environment
from molgfn.training.guides.ancestors import ancestors
from molgfn.trajectories.path_factor import path_dependence

LENGTHS = {(1, 0): 1, (2, 0): 2, (2, 1): 3, (2, 2): 4}


def check(environment, **arguments):
    with pytest.warns(UserWarning, match="not graded: a state"):
        check_environment(environment, **arguments)


def test_the_contract():
    check(Hops())


def test_each_place_is_one_state():
    graph = enumerate_states(Hops())
    assert len(graph) == 10
    assert not graph.graded
    assert graph.depth.tolist() == list(range(10)) == graph.states.place.tolist()
    edges = {(s, s + far, action) for s in range(10) for action, far in LENGTHS.items() if s + far < 10}
    found = zip(graph.source.tolist(), graph.target.tolist(), map(tuple, graph.action.tolist()), strict=True)
    assert sorted(found) == sorted(edges)
    back = [(kind - 1, far) for kind, far in graph.action.tolist()]
    assert back == list(map(tuple, graph.backward_action.tolist()))
    assert graph.back_parents.tolist() == [min(t, 4) for t in graph.target.tolist()]
    assert graph.can_stop.tolist() == [False] + [True] * 9


def sequences(place=0):
    """All ways to go on from a place, as lists of (place, action)."""
    if place:
        yield [(place, (0, 0))]
    for action, far in LENGTHS.items():
        if place + far < 10:
            for rest in sequences(place + far):
                yield [(place, action), *rest]


@pytest.mark.parametrize("batch", [4096, 3])
def test_terminal_probabilities_are_the_sum_over_all_action_sequences(batch):
    """P_F of a policy that knows single actions only: asked edge by edge."""
    environment = Hops()
    table = torch.randn(10, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for place in range(10):
        legal = [a for a, far in LENGTHS.items() if place + far < 10] + [(0, 0)] * (place > 0)
        for a in itertools.product(range(3), repeat=2):
            if a not in legal:
                table[place][a] = -math.inf
    table = table.flatten(1).log_softmax(1).view(10, 3, 3)
    graph = enumerate_states(environment)
    log_p = exact_terminal(PlainPolicy(environment, table), graph, batch=batch)
    total = torch.zeros(10, dtype=torch.float64)
    for path in sequences():
        total[path[-1][0]] += sum(table[place][action] for place, action in path).exp()
    torch.testing.assert_close(log_p.exp(), total)
    assert total.sum().item() == pytest.approx(1, abs=1e-12)


class LogProbOnly:
    def __init__(self, rows):
        self.rows = rows

    def log_prob(self, actions):
        return self.rows[torch.arange(len(actions)), actions[:, 0], actions[:, 1]]


class PlainPolicy:
    device = torch.device("cpu")

    def __init__(self, environment, table):
        self.environment, self.table = environment, table

    def __call__(self, states, *, forward=True):
        from types import SimpleNamespace

        return SimpleNamespace(forward=LogProbOnly(self.table[states.place]))


def test_exact_flows_sample_the_target():
    graph = enumerate_states(Hops())
    log_r = torch.randn(10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    flows = solve_flows(graph, log_r)
    torch.testing.assert_close(flows.log_terminal[1:].exp(), log_r[1:].softmax(0))
    assert flows.log_terminal[0] == -math.inf


def test_ancestors_are_each_there_once_with_every_edge():
    environment = Hops()
    places = torch.tensor([7, 0, 3])
    graph = ancestors(environment, environment.states_of(places[:, None]), limit=100)
    hashes = environment.hashes(environment.states_of(torch.arange(10)[:, None])).tolist()
    for owner, place in enumerate(places.tolist()):
        mine = [hashes.index(h) for h, o in zip(graph.hashes.tolist(), graph.owner.tolist(), strict=True) if o == owner]
        assert sorted(mine) == list(range(place + 1))
        of = {n: hashes.index(h) for n, h in enumerate(graph.hashes.tolist())}
        edges = [
            (of[p], of[c])
            for p, c in zip(graph.parent.tolist(), graph.child.tolist(), strict=True)
            if graph.owner[c] == owner
        ]
        assert sorted(edges) == sorted(
            (s, s + far) for s in range(place + 1) for far in LENGTHS.values() if s + far <= place
        )
    assert graph.complete.all()


def test_products_along_paths_are_compared_whatever_the_lengths():
    """Every path to place 9, by hand: the product differs, and the sentence names two values that occur."""
    actions = {s: sum(s + far < 10 for far in LENGTHS.values()) + (s > 0) for s in range(10)}
    parents = {s: min(s, 4) for s in range(10)}

    @cache
    def products(place):
        """log g of all paths to a place."""
        if place == 0:
            return frozenset({0.0})
        found = set()
        for far in LENGTHS.values():
            if far <= place:
                gain = math.log(actions[place - far] / parents[place])
                found |= {round(g + gain, 9) for g in products(place - far)}
        return frozenset(found)

    said = path_dependence(Hops())
    assert said is not None
    assert "for the state 9" in said
    numbers = [
        float(word) for word in said.replace(",", " ").split() if word.replace(".", "").replace("e-", "").isdigit()
    ]
    least, most = numbers[0], numbers[1]
    assert least < most
    for value in (least, most):
        assert any(math.isclose(math.exp(g), value, rel_tol=1e-5) for g in products(9)), (value, len(products(9)))


class WrongBackwardPart(Hops):
    def backward_action(self, states, actions, next_states):
        return super().backward_action(states, actions, next_states) * torch.tensor([1, 0])


class ExitGoesOn(Hops):
    def is_exit(self, states, actions):
        return actions[:, 0] == 1


class LeavesTheStart(Hops):
    def stop_mask(self, states):
        return states.place >= 0


class NoPartIsLegal(Hops):
    def part_mask(self, states, chosen):
        return super().part_mask(states, chosen) & (states.place < 9)[:, None]


class ListsTwice(Hops):
    def legal_actions(self, states):
        row, actions = super().legal_actions(states)
        return row.repeat_interleave(2), actions.repeat_interleave(2, 0)


class ForgetsAWayBack(Hops):
    """The multigraph of P_B lacks an edge."""

    def backward_part_mask(self, states, chosen):
        mask = super().backward_part_mask(states, chosen)
        return mask & (torch.arange(mask.shape[1]) < 2) if chosen.shape[1] else mask


@pytest.mark.filterwarnings("ignore:.*not graded")
@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (WrongBackwardPart(), "is not s"),
        (ExitGoesOn(), "stop changed|exit_action is no exit"),
        (LeavesTheStart(), "stop_mask is not where the exit is legal"),
        (NoPartIsLegal(), "no legal"),
        (ListsTwice(), "twice"),
        (ForgetsAWayBack(), "is not legal"),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else "",
)
def test_broken_environments_are_named(environment, says):
    with pytest.raises(ContractError, match=says):
        check_environment(environment)


def test_what_reads_masks_over_all_actions_is_refused():
    from molgfn.environments.actions import listed

    with pytest.raises(ConfigError, match=r"policy: X reads masks .* Hops does not have"):
        listed(Hops(), "policy: X")
