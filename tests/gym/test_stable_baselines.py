"""sb3-contrib's MaskablePPO trains on the vectorised environment."""

import numpy as np
import pytest
from tests.extras import extra

gymnasium = extra("gymnasium", "gymnasium")
sb3_contrib = extra("stable-baselines", "sb3_contrib")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402, F401
from molgfn.errors import ConfigError  # noqa: E402
from molgfn.gym.stable_baselines import StableBaselinesVecEnv  # noqa: E402


def vectorised(n=16, **settings):
    return gymnasium.make_vec(
        "molgfn/HyperGrid-v0", num_envs=n, side=8, autoreset_mode="SameStep", returns="reward", **settings
    )


def mean_return(agent, env, episodes=200):
    seen, found = env.reset(), []
    while len(found) < episodes:
        actions, _ = agent.predict(seen, action_masks=np.stack(env.env_method("action_masks")))
        seen, _, _, infos = env.step(actions)
        found += [info["episode"]["r"] for info in infos if "episode" in info]
    return float(np.mean(found))


def test_maskable_ppo_climbs_to_a_mode():
    """The best of the 8 x 8 grid is .1 + .5 + 2 = 2.6, a corner .6; most walks stop at once, near one."""
    env = StableBaselinesVecEnv(vectorised())
    agent = sb3_contrib.MaskablePPO(
        "MlpPolicy", env, seed=0, n_steps=64, batch_size=128, device="cpu", ent_coef=0.01, learning_rate=3e-3, gamma=1.0
    )
    before = mean_return(agent, env)
    agent.learn(8000)
    after = mean_return(agent, env)
    assert before < 1.0
    assert after > 2.0


def test_no_illegal_action_is_ever_drawn():
    env = StableBaselinesVecEnv(vectorised(4, illegal="raise"))
    agent = sb3_contrib.MaskablePPO("MlpPolicy", env, seed=0, n_steps=32, batch_size=32, device="cpu")
    agent.learn(256)


def test_an_episode_ends_as_stable_baselines_has_it():
    env = StableBaselinesVecEnv(vectorised(2))
    env.seed(0)
    env.reset()
    env.step(np.array([0, 2]))
    seen, reward, done, infos = env.step(np.array([2, 0]))
    assert done.tolist() == [True, False]
    assert np.flatnonzero(infos[0]["terminal_observation"]).tolist() == [1, 8]
    assert np.flatnonzero(seen[0]).tolist() == [0, 8]
    assert infos[0]["object"] == "1 0"
    assert infos[0]["episode"] == {"r": pytest.approx(float(reward[0])), "l": 2}
    assert infos[0]["TimeLimit.truncated"] is False
    assert "episode" not in infos[1]
    assert infos[0]["components"]["hypergrid"] == pytest.approx(float(reward[0]))


def test_graphs_are_read_by_a_policy_of_several_inputs():
    v = gymnasium.make_vec(
        "molgfn/Fragments-v0",
        num_envs=4,
        autoreset_mode="SameStep",
        vocabulary=[["C", [0]], ["CC", [0, 1]], ["CCO", [0, 1]]],
        max_fragments=3,
    )
    agent = sb3_contrib.MaskablePPO(
        "MultiInputPolicy", StableBaselinesVecEnv(v), seed=0, n_steps=16, batch_size=32, device="cpu"
    )
    agent.learn(128)
    assert agent.num_timesteps == 128


def test_another_way_to_begin_again_is_refused():
    with pytest.raises(ConfigError, match="SameStep"):
        StableBaselinesVecEnv(gymnasium.make_vec("molgfn/HyperGrid-v0", num_envs=2, side=4))
