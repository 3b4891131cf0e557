"""The soft return: its best policy is the sampler of R / Z, with log Z as its value at the source."""

import numpy as np
import pytest
import torch
from tests.extras import extra
from tests.gym.spaces_of_tests import SMALL

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402, F401
from molgfn.environments.enumeration import enumerate_states  # noqa: E402


def episodes(name, returns):
    word, settings = SMALL[name]
    return gymnasium.make(word, returns=returns, **settings).unwrapped.episodes


def stepped(one, states, numbers):
    """Rewards and next states of one action in each of the states, by the very code of a step."""
    one.states, one.steps, one._mask = states, torch.zeros(len(states), dtype=torch.int64), None
    outcome = one.step(numbers)
    assert not outcome.illegal.any()
    return outcome.reward, one.states


@pytest.mark.parametrize("name", ["grid", "strings", "slots", "fragments"])
def test_soft_value_at_the_source_is_log_z(name):
    one = episodes(name, "soft")
    e = one.environment
    graph = enumerate_states(e)
    states = graph.states
    mask = one.actions.mask(states)
    row, number = mask.nonzero(as_tuple=True)
    reward, after = stepped(one, states[row], number.numpy())
    place = {key: i for i, key in enumerate(e.keys(states))}
    exits = e.is_exit(states[row], one.actions.actions(number)).numpy()
    target = np.array([place[key] for key in e.keys(after)])
    # by depth from the last: V(s) = log sum_a exp(r(s, a) + V(s')), 0 after the exit
    value = np.full(len(graph), -np.inf)
    rows = row.numpy()
    for depth in range(int(graph.depth.max()), -1, -1):
        here = (graph.depth.numpy() == depth)[rows]
        ahead = np.where(exits[here], 0.0, value[target[here]])
        for state in np.unique(rows[here]):
            of = rows[here] == state
            value[state] = np.logaddexp.reduce(reward[here][of] + ahead[of])
    stop = graph.can_stop.nonzero().squeeze(1)
    objects = e.objects(states[stop])
    keys = e.kind.keys(objects)
    log_r = one.reward(objects, keys).log_reward.numpy()
    once = dict(zip(keys, log_r.tolist(), strict=True))  # over objects, not over the states that build them
    if name == "fragments":
        assert len(once) < len(keys)
    assert value[0] == pytest.approx(np.logaddexp.reduce(list(once.values())), abs=1e-9)


@pytest.mark.parametrize(("returns", "of"), [("log_reward", lambda x: x), ("reward", np.exp)])
def test_plain_returns_are_paid_at_the_exit_alone(returns, of):
    one = episodes("grid", returns)
    graph = enumerate_states(one.environment)
    mask = one.actions.mask(graph.states)
    row, number = mask.nonzero(as_tuple=True)
    reward, _ = stepped(one, graph.states[row], number.numpy())
    exits = (number == one.environment.stop_action).numpy()
    objects = one.environment.objects(graph.states)
    log_r = one.reward(objects, one.environment.kind.keys(objects)).log_reward.numpy()
    np.testing.assert_allclose(reward[exits], of(log_r), rtol=1e-12)
    assert (reward[~exits] == 0).all()
