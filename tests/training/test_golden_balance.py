"""Training by the balance objectives on the golden DAG: exact total variation afterwards."""

import pytest
from tests.training.golden_training import train_on_golden

from molgfn.objectives.backward.joint import Joint
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.flow_matching import FlowMatching
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.balance.modified_detailed_balance import ModifiedDetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import TargetNetwork

OBJECTIVES = [
    TrajectoryBalance,
    DetailedBalance,
    ModifiedDetailedBalance,
    ForwardLookingDetailedBalance,
    SubTrajectoryBalance,
    FlowMatching,
    LogVariance,
]


@pytest.mark.parametrize("cls", OBJECTIVES)
def test_a_short_training_comes_closer(cls):
    tv, _ = train_on_golden(cls(), iterations=150)
    assert tv < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("cls", OBJECTIVES)
def test_training_converges(cls, seed):
    tv, _ = train_on_golden(cls(), seed=seed)
    assert tv < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("cls", [DetailedBalance, SubTrajectoryBalance, ForwardLookingDetailedBalance, FlowMatching])
@pytest.mark.parametrize("target", [{"rate": 0.25}, {"rate": 1.0, "every": 5}], ids=["soft", "periodic"])
def test_training_with_a_target_network_converges(cls, target):
    tv, module = train_on_golden(cls(), target=TargetNetwork(**target))
    assert module.followers.of("policy") is not None
    assert tv < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("regression", ["huber", "linex", "linex_half", "shifted_cosh"])
@pytest.mark.parametrize("cls", [TrajectoryBalance, DetailedBalance])
def test_training_converges_under_every_regression_loss(cls, regression):
    tv, _ = train_on_golden(cls(regression=regression))
    assert tv < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("cls", [TrajectoryBalance, DetailedBalance, ModifiedDetailedBalance, LogVariance])
def test_joint_training_of_pb_converges(cls):
    tv, _ = train_on_golden(cls(), Joint())
    assert tv < 0.01
