"""One episode: what is paid, said, drawn, and refused."""

import math
import pickle

import numpy as np
import pytest
from tests.extras import extra
from tests.gym.spaces_of_tests import FEW, SMALL

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

import molgfn.gym.single  # noqa: E402
from molgfn.chemistry.molecules import parse  # noqa: E402
from molgfn.errors import ConfigError  # noqa: E402


def made(word, **settings):
    return gymnasium.make(word, **settings).unwrapped


def test_a_walk_on_the_grid_is_paid_log_r_at_the_exit():
    env = made("molgfn/HyperGrid-v0", side=8)
    seen, info = env.reset(seed=1)
    assert seen.dtype == np.float32
    assert seen.tolist() == [1.0, *[0.0] * 7, 1.0, *[0.0] * 7]
    assert info["action_mask"].tolist() == [1, 1, 1]
    for action in (0, 1, 1):
        seen, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert "object" not in info
    assert np.flatnonzero(seen).tolist() == [1, 10]
    # at (1, 2): |x/7 - .5| is .357 and .214, so one of the two bands of the reward is missed
    _, reward, terminated, truncated, info = env.step(2)
    assert (terminated, truncated, info["object"], info["problem"]) == (True, False, "1 2", None)
    assert reward == info["log_reward"] == pytest.approx(math.log(0.1), abs=1e-12)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_settings_are_those_of_a_config():
    env = made("molgfn/HyperGrid-v0", side=8, reward={"beta": 3.0}, words=["oracle.r0=0.2"], returns="reward")
    env.reset(seed=0)
    reward = env.step(2)[1]
    assert reward == pytest.approx((0.2 + 0.5) ** 3, rel=1e-12)  # a corner is in the broad band


def test_illegal_actions_stay_and_too_many_of_them_truncate():
    env = made("molgfn/Strings-v0", alphabet="AB", length=3)
    before, _ = env.reset(seed=0)
    stop = env.action_space.n - 1
    for step in range(env.environment.max_steps):
        seen, reward, terminated, truncated, info = env.step(stop)
        assert np.array_equal(seen, before)
        assert (reward, terminated, info["illegal"]) == (0.0, False, True)
        assert truncated == (step == env.environment.max_steps - 1)
    strict = made("molgfn/Strings-v0", alphabet="AB", length=3, illegal="raise")
    strict.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match="action_mask"):
        strict.step(stop)


def test_no_legal_walk_is_truncated():
    env = made("molgfn/HyperGrid-v0", side=3)
    env.reset(seed=0)
    results = [env.step(action)[2:4] for action in (0, 0, 1, 1, 2)]
    assert results == [(False, False)] * 4 + [(True, False)]


@pytest.mark.parametrize("action", [-1, 3, 1.0])
def test_what_is_no_action_is_refused(action):
    env = made("molgfn/HyperGrid-v0", side=4)
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction):
        env.step(action)


def test_a_molecule_without_a_value_is_paid_the_floor_and_says_why():
    env = made("molgfn/Fragments-v0", vocabulary=FEW, max_fragments=2, words=["scoring.budget=1"])
    for _ in range(2):
        _, info = env.reset(seed=0)
        mask = info["action_mask"]
        action = int(np.flatnonzero(mask)[0 if env.reward.counters.unique == 0 else 1])
        env.step(action)
        _, reward, terminated, _, info = env.step(0)
        assert terminated
    assert env.reward.spent
    assert info["problem"]
    assert info["value"] is None
    assert reward == env.reward.floor


def test_one_answer_serves_equal_molecules():
    env = made("molgfn/Fragments-v0", vocabulary=FEW, max_fragments=2)
    for _ in range(3):
        _, info = env.reset(seed=0)
        env.step(int(np.flatnonzero(info["action_mask"])[0]))
        env.step(0)
    counters = env.reward.counters
    assert (counters.raw, counters.unique) == (3, 1)


def test_the_seed_is_that_of_the_condition():
    env = made(*SMALL["temperature"][:1], **SMALL["temperature"][1])
    first, again = (env.reset(seed=5)[0] for _ in range(2))
    other = env.reset()[0]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pictures_and_text():
    grid = made("molgfn/HyperGrid-v0", side=4, render_mode="ansi")
    grid.reset(seed=0)
    assert grid.render() == "0 0"
    grid = made("molgfn/HyperGrid-v0", side=4, render_mode="rgb_array")
    grid.reset(seed=0)
    here = grid.render()
    grid.step(0)
    assert here.shape == (190, 260, 3)
    assert here.dtype == np.uint8
    assert (here != grid.render()).any()
    for mode in ("ansi", "rgb_array"):
        env = made("molgfn/Fragments-v0", vocabulary=FEW, max_fragments=2, render_mode=mode)
        _, info = env.reset(seed=0)
        empty = env.render()
        assert isinstance(empty, np.ndarray) or empty == "(source)"
        env.step(int(np.flatnonzero(info["action_mask"])[0]))
        shown = env.render()
        if mode == "ansi":
            assert parse([shown])[0].valid
        else:
            assert (shown != empty).any()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sides": 4}, "sides: neither an argument .* did you mean `?side"),
        ({"side": 1}, "environment.side"),
        ({"observation": "vektor"}, "vector"),
        ({"observation": "graph"}, "vector"),
        ({"observation": "atoms"}, "ShowsAtoms"),
        ({"observation": "fingerprint"}, "no fingerprints"),
        ({"returns": "score"}, "returns"),
        ({"illegal": "end"}, "illegal"),
        ({"render_mode": "human"}, "render_mode"),
        ({"oracle": "qed"}, "molecule objects"),
        ({"reward": {"beta": None}}, "beta"),
        ({"condition": "temperature"}, "nothing reads it"),
        ({"words": ["policy.width=3"]}, "policy"),
    ],
)
def test_bad_input_is_refused_in_words(settings, says):
    with pytest.raises(ConfigError, match=says):
        molgfn.gym.single.ObjectEnv("hypergrid", **settings)


def test_the_random_streams_of_others_are_left_alone():
    import torch

    torch.manual_seed(3)
    before = torch.get_rng_state()
    made("molgfn/HyperGrid-v0", side=4).reset(seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_what_made_it_makes_it_again():
    env = gymnasium.make("molgfn/Fragments-v0", vocabulary=FEW, max_fragments=3, observation="atoms")
    spec = pickle.loads(pickle.dumps(env.spec))
    again = gymnasium.make(spec)
    assert again.observation_space == env.observation_space
    assert again.action_space == env.action_space
