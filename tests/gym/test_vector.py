"""The vectorised environment does what Gymnasium's own loop over single ones does, in every way to begin again."""

import numpy as np
import pytest
from tests.extras import extra
from tests.gym.spaces_of_tests import SMALL, legal

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402, F401
from molgfn.errors import ConfigError  # noqa: E402

N = 5


def equal(one, other):
    """The same numbers, names and nothing in the same places."""
    if isinstance(one, dict):
        assert isinstance(other, dict)
        assert one.keys() == other.keys()
        for name in one:
            equal(one[name], other[name])
        return
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    if one.dtype == object:
        for a, b in zip(one.ravel(), other.ravel(), strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                equal(a, b)
    elif one.dtype.kind in "UO":
        assert one.tolist() == other.tolist()
    else:
        np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=0, atol=1e-12)


def said(infos):
    """Infos that can be compared: what stands where the mask says that there is nothing is left out."""
    plain = {}
    for name, column in infos.items():
        if name.startswith("_"):
            plain[name] = column
        elif isinstance(column, dict):
            plain[name] = said(column)
        else:
            there = np.asarray(infos[f"_{name}"])
            shape = (len(there), *[1] * (np.ndim(column) - 1))
            column = np.asarray(column)
            if column.dtype == object:
                plain[name] = np.where(there, column, None)
            else:
                plain[name] = np.where(there.reshape(shape), column, 0).astype(float)
    return plain


def without_nothing(infos):
    """A loop over single environments does not list what no episode has, such as the problem of a sound object."""
    out = {}
    for name, column in infos.items():
        if isinstance(column, dict):
            out[name] = without_nothing(column)
        elif name.lstrip("_") != "problem":
            out[name] = column
    return out


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("name", ["grid", "strings", "fragments", "atoms view", "fingerprint", "state"])
@pytest.mark.parametrize("returns", ["log_reward", "soft"])
def test_as_a_loop_over_single_ones(name, mode, returns):
    word, settings = SMALL[name]
    settings = {**settings, "returns": returns}
    ours = gymnasium.make_vec(word, num_envs=N, autoreset_mode=mode, **settings)
    loop = gymnasium.make_vec(
        word,
        num_envs=N,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode(mode)},
        **settings,
    )
    assert ours.metadata["autoreset_mode"] is loop.metadata["autoreset_mode"]
    assert ours.single_observation_space == loop.single_observation_space
    assert ours.observation_space == loop.observation_space
    assert ours.action_space == loop.action_space
    rng = np.random.default_rng(0)
    (a, i), (b, j) = ours.reset(seed=0), loop.reset(seed=0)
    equal(a, b)
    equal(said(i), said(j))
    ends = 0
    for step in range(60):
        actions = legal(i["action_mask"], rng)
        if step % 7 == 3:  # an illegal one now and then, where there is one
            forbidden = np.flatnonzero(i["action_mask"][0] == 0)
            actions[0] = forbidden[0] if len(forbidden) else actions[0]
        (a, *x, i), (b, *y, j) = ours.step(actions), loop.step(actions)
        equal(a, b)
        for one, other in zip(x, y, strict=True):
            equal(one, other)
        equal(without_nothing(said(i)), without_nothing(said(j)))
        assert a in ours.observation_space if isinstance(a, np.ndarray) else True
        ends += int((x[1] | x[2]).sum())
    assert ends > 10


def test_episodes_that_wait_for_a_reset():
    v = gymnasium.make_vec("molgfn/HyperGrid-v0", num_envs=3, side=4, autoreset_mode="Disabled")
    v.reset(seed=0)
    _, _, terminated, _, infos = v.step(np.array([2, 0, 1]))
    assert terminated.tolist() == [True, False, False]
    assert infos["object"].tolist() == ["0 0", None, None]
    with pytest.raises(gymnasium.error.ResetNeeded):
        v.step(np.array([0, 0, 0]))
    seen, _ = v.reset(options={"reset_mask": terminated})
    assert [np.flatnonzero(row).tolist() for row in seen] == [[0, 4], [1, 4], [0, 5]]
    assert not v.step(np.array([0, 0, 0]))[2].any()
    with pytest.raises(ValueError, match="reset_mask"):
        v.reset(options={"reset_mask": np.zeros(3, dtype=bool)})


def test_seeds_repeat_what_is_drawn():
    word, settings = SMALL["temperature"]

    def walk(seed):
        v = gymnasium.make_vec(word, num_envs=4, **settings)
        seen = [v.reset(seed=seed)[0]]
        seen += [v.step(np.full(4, 2))[0] for _ in range(4)]
        return np.stack(seen)

    assert np.array_equal(walk(3), walk(3))
    assert np.array_equal(walk([1, 2, 3, 4]), walk([1, 2, 3, 4]))
    assert not np.array_equal(walk(3), walk(4))
    assert not np.array_equal(walk([1, 2, 3, 4]), walk([1, 2, 3, 5]))


def test_frames_of_all_episodes():
    v = gymnasium.make_vec("molgfn/HyperGrid-v0", num_envs=3, side=4, render_mode="ansi")
    v.reset(seed=0)
    v.step(np.array([0, 1, 0]))
    assert v.render() == ("1 0", "0 1", "1 0")


@pytest.mark.parametrize(
    ("settings", "says"), [({"num_envs": 0}, "num_envs"), ({"num_envs": 2, "autoreset_mode": "Never"}, "SameStep")]
)
def test_bad_input_is_refused_in_words(settings, says):
    with pytest.raises(ConfigError, match=says):
        gymnasium.make_vec("molgfn/HyperGrid-v0", **settings)
