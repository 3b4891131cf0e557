"""``per_condition``: neighbours of a batch that share a condition, wherever it is drawn."""

from pathlib import Path

import pytest
import torch
import yaml
from tests.conditions.corners import NAMES, Corners

from molgfn.conditions.preference import Preference
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional, each_anew
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, ContractError
from molgfn.experiment import assemble
from molgfn.policies.mlp import MLPPolicy
from molgfn.testing import check_environment
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.rewarded import find_rewards, under_new_conditions
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import UniformReplay

CONFIGS = Path(__file__).parents[2] / "configs"


def shared(each, condition=None):
    given = Preference(names=list(NAMES), per_condition=each) if condition is None else condition
    return conditional(HyperGrid(side=4), given)


def grouped(values, each):
    """Rows of a group are the same, and those of neighbouring groups are not."""
    groups = values.reshape(-1, each, values.shape[1])
    return bool((groups == groups[:, :1]).all()) and len(groups[:, 0].unique(dim=0)) == len(groups)


def test_one_for_each_draws_what_was_drawn_before():
    environment = shared(1)
    one = environment.draw_initial(6, torch.Generator().manual_seed(0)).values
    assert torch.equal(one, environment.given.draw(6, torch.Generator().manual_seed(0)))
    assert HyperGrid().per_condition == 1


def test_neighbours_share_wherever_conditions_are_drawn():
    environment = shared(4)
    assert environment.per_condition == environment.at().per_condition == 4
    generator = torch.Generator().manual_seed(0)
    states = environment.draw_initial(12, generator)
    assert grouped(states.values, 4)
    again = environment.with_drawn_condition(states, generator)
    assert grouped(again.values, 4)
    assert not torch.equal(again.values, states.values)
    terminal, _ = environment.terminal_draws(torch.zeros(12, 2, dtype=torch.int64), seed=1)
    assert grouped(terminal.values, 4)
    assert len(environment.draw_initial(6, generator)) == 6  # the last group is cut
    anew = each_anew(environment)
    assert len(anew.draw_initial(12, generator).values.unique(dim=0)) == 12
    assert type(anew) is type(environment)
    assert environment.per_condition == 4


def test_batches_are_made_of_groups_from_every_source():
    environment, reward = shared(4), Corners()
    policy = MLPPolicy(environment=environment, hidden=8, layers=1)
    sources = Sources(batch_size=48, sources=[OnPolicy(), LocalSearch(rounds=2), UniformReplay(share=0.5, capacity=99)])
    assert sources.misfits(policy) == []
    generators = {"generator": torch.Generator().manual_seed(0), "replay_generator": torch.Generator().manual_seed(1)}
    for iteration in range(3):
        batch = sources.draw(policy, reward, iteration=iteration, **generators)
        values = batch.trajectories.terminal.values
        groups = values.reshape(-1, 4, 2)
        assert (groups == groups[:, :1]).all()
        expected = reward.log_reward(batch.trajectories.measurements, environment.condition_values(
            batch.trajectories.terminal
        ))  # fmt: skip
        torch.testing.assert_close(batch.trajectories.log_reward, expected)


def test_stored_objects_share_their_new_conditions():
    environment, reward = shared(3), Corners()
    policy = MLPPolicy(environment=environment, hidden=8, layers=1)
    drawn = find_rewards(Sampler(environment).forward(policy, 9), environment, reward).trajectories
    after = under_new_conditions(drawn, environment, reward, torch.Generator().manual_seed(1))
    assert grouped(after.terminal.values, 3)


def run(batch, data="on_policy", each=4):
    def shipped(group, name, **changes):
        return {**yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text()), **changes}

    return {
        "name": "sharing",
        "seed": 0,
        "output": "unused",
        "environment": shipped("environment", "hypergrid", side=4, dimensions=2),
        "condition": shipped("condition", "temperature", per_condition=each),
        "oracle": {"_target_": "molgfn.oracles.synthetic.hypergrid.HyperGrid", "dimensions": 2, "side": 4},
        "reward": {"_target_": "molgfn.rewards.power.Power", "beta": None},
        "policy": {"_target_": "molgfn.policies.mlp.MLPPolicy", "hidden": 8, "layers": 1},
        "objective": shipped("objective", "tb"),
        "backward": shipped("backward", "uniform"),
        "data": shipped("data", data, batch_size=batch),
        "optimizer": shipped("optimizer", "adam"),
        "trainer": {"_target_": "molgfn.training.trainer.TrainerSettings", "iterations": 2, "accelerator": "cpu"},
        "logger": {"_target_": "molgfn.training.logs.loggers.Loggers", "wandb": "off"},
        "evaluation": {"_target_": "molgfn.evaluation.settings.EvaluationSettings"},
    }


def test_a_batch_that_is_not_made_of_groups_is_refused():
    assert assemble(run(8)).environment.per_condition == 4
    with pytest.raises(ConfigError, match=r"data.sources.policy: draws 10 trajectories .* no multiple of the 4"):
        assemble(run(10))
    with pytest.raises(ConfigError, match=r"data.sources.replay: draws 6 trajectories"):
        assemble(run(12, data="replay"))
    assert assemble(run(16, data="replay"))


def test_a_temperature_is_shared_as_well():
    environment = shared(5, Temperature(per_condition=5))
    assert grouped(environment.draw_initial(10, torch.Generator().manual_seed(0)).values, 5)


def test_the_contract_of_environments_asks_for_it(monkeypatch):
    environment = shared(3)
    check_environment(environment, walks=4)
    monkeypatch.setattr(type(environment), "_drawn", lambda self, n, *rest: self.given.draw(n, *rest))
    with pytest.raises(ContractError, match=r"3 neighbours \(per_condition\) do not share a condition"):
        check_environment(environment, walks=4)
