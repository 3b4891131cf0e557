"""Every id passes the checkers of Gymnasium and Stable-Baselines3."""

import warnings
from pathlib import Path

import pytest
import yaml
from tests.extras import extra
from tests.gym.spaces_of_tests import SMALL

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402
from molgfn.class_paths import import_class  # noqa: E402
from molgfn.environments.real_actions import RealActions  # noqa: E402
from molgfn.errors import ConfigError  # noqa: E402
from molgfn.gym.single import ObjectEnv  # noqa: E402

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
    classes = {path.stem: import_class(yaml.safe_load(path.read_text())["_target_"]) for path in CONFIGS.glob("*.yaml")}
    real = {name for name, cls in classes.items() if issubclass(cls, RealActions)}
    assert set(molgfn.gym.ids().values()) == classes.keys() - real
    assert "box" in real
    with pytest.raises(ConfigError, match="actions of `box` have real coordinates: there is no action space"):
        ObjectEnv("box")
    assert {"molgfn/HyperGrid-v0", "molgfn/Fragments-v0", "molgfn/Strings-v0"} <= set(molgfn.gym.ids())
    assert set(molgfn.gym.ids()) <= set(gymnasium.registry)
    molgfn.gym.register()  # once more, without a warning that one is overridden


@pytest.mark.parametrize("config", sorted(molgfn.gym.ids().values()))
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
