"""Every id passes the checkers of Gymnasium and Stable-Baselines3."""

import warnings
from pathlib import Path

import pytest
from tests.extras import extra
from tests.gym.spaces_of_tests import SMALL

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402

CONFIGS = Path(__file__).parents[2] / "configs" / "environment"


def made(name, **more):
    word, settings = SMALL[name]
    return gymnasium.make(word, **settings, **more).unwrapped


@pytest.mark.parametrize("name", SMALL)
def test_gymnasium(name):
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(infinity|numpy array).*")  # of a condition, a Box has no bounds
        check_env(made(name))


@pytest.mark.parametrize("name", SMALL)
def test_stable_baselines(name):
    checker = extra("stable-baselines", "stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*unconventional shape.*")  # arrays of graphs have two axes
        checker.check_env(made(name, render_mode="rgb_array"), skip_render_check=False)


def test_every_shipped_environment_has_an_id():
    assert set(molgfn.gym.ids().values()) == {path.stem for path in CONFIGS.glob("*.yaml")}
    assert {"molgfn/HyperGrid-v0", "molgfn/Fragments-v0", "molgfn/Strings-v0"} <= set(molgfn.gym.ids())
    assert set(molgfn.gym.ids()) <= set(gymnasium.registry)
    molgfn.gym.register()  # once more, without a warning that one is overridden


@pytest.mark.parametrize("config", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_every_id_can_be_made_and_played_to_the_end(config):
    name = next(k for k, v in molgfn.gym.ids().items() if v == config)
    env = gymnasium.make(f"molgfn.gym:{name}").unwrapped
    _, info = env.reset(seed=0)
    for _ in range(env.environment.max_steps):
        action = env.action_space.sample(info["action_mask"])
        _, reward, terminated, truncated, info = env.step(action)
        if terminated:
            break
        assert not truncated
    assert terminated
    assert info["log_reward"] == reward
