"""One function makes a run's policies, for training and for loading."""

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.policies.base import Policy
from molgfn.runs.policies import PLAIN, run_backward, run_policy

GRID = HyperGrid(dimensions=2, side=3)
MAXENT = {"_target_": "molgfn.objectives.backward.maximum_entropy.MaximumEntropy", "counts": "auto"}
TABLES = {"_target_": "molgfn.policies.tabular.TabularPolicy"}
ONE_RULE = """
from molgfn.policies.tabular import TabularPolicy


class Uniformly(TabularPolicy):
    def __init__(self, *, environment, learned_backward: bool = False) -> None:
        super().__init__(environment=environment, learned_backward=learned_backward)
"""


def test_the_rule_of_a_fixed_pb_is_the_policys_from_the_start():
    backward = run_backward({"backward": MAXENT}, GRID)
    assert (backward.learned, backward.fixed) == (False, "maxent")
    policy = run_policy({"policy": TABLES}, GRID, {**PLAIN, "backward_rule": backward.fixed})
    states = GRID.states_of(torch.tensor([[2, 1]]))
    log_pb = policy(states, backward=True).backward.log_probs()
    torch.testing.assert_close(log_pb.exp(), torch.tensor([[2 / 3, 1 / 3]]))


def test_an_environment_that_does_not_count_has_its_paths_learned():
    class Uncounted(HyperGrid):
        counts_paths = False

    backward = run_backward({"backward": MAXENT}, Uncounted(dimensions=2, side=3))
    assert backward.learned
    assert [network.name for network in backward.networks] == ["log_paths"]


def test_a_policy_that_takes_no_rule_is_refused_where_it_would_need_one(tmp_path):
    (tmp_path / "uniformly.py").write_text(ONE_RULE)
    config = {"policy": {"_target_": f"{tmp_path / 'uniformly.py'}:Uniformly"}}
    assert isinstance(run_policy(config, GRID, PLAIN), Policy)
    with pytest.raises(ConfigError, match=r"Uniformly takes no `backward_rule`, .* is uniform and cannot be maxent"):
        run_policy(config, GRID, {**PLAIN, "backward_rule": "maxent"})
    learned = {**PLAIN, "backward_rule": "maxent", "learned_backward": True}
    assert run_policy(config, GRID, learned).learned_backward


def test_what_the_run_gives_is_not_for_the_config():
    with pytest.raises(ConfigError, match="the run itself gives `counts_paths`"):
        run_backward({"backward": {**MAXENT, "counts_paths": False}}, GRID)
    with pytest.raises(ConfigError, match="the run itself gives `backward_rule`"):
        run_policy({"policy": {**TABLES, "backward_rule": "maxent"}}, GRID, PLAIN)
