"""``check_objective`` over every objective, the stop-gradient table, and objectives that break the contract."""

from typing import ClassVar

import pytest
import torch

from molgfn.errors import ContractError
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.detailed_balance import DetailedBalance
from molgfn.objectives.residuals import scores
from molgfn.objectives.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.trajectory_balance import TrajectoryBalance
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.scoring import score, score_backward

OBJECTIVES = [
    TrajectoryBalance(),
    DetailedBalance(),
    SubTrajectoryBalance(),
    SubTrajectoryBalance(lambda_=1.9, weighting="geometric"),
]
#: gradient reaches: P_F, P_B (only when trained jointly), log F, log Z
TABLE = {
    TrajectoryBalance: {"forward", "log_z"},
    DetailedBalance: {"forward", "flow"},
    SubTrajectoryBalance: {"forward", "flow"},
}


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_contract(objective):
    check_objective(objective)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES[:3], ids=lambda o: type(o).__name__)
def test_stop_gradient_table(objective, joint):
    dag = golden_dag()
    scored = score(dag.trajectories, dag.policy, requires=objective.requires, joint=joint)
    for loss in objective(scored).losses.values():
        loss.value.backward()
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == TABLE[type(objective)] | ({"backward"} if joint else set())


def test_trajectory_likelihood_reaches_pb_only():
    dag = golden_dag()
    (loss,) = TrajectoryLikelihood()(score_backward(dag.trajectories, dag.policy)).losses.values()
    loss.value.backward()
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == {"backward"} == loss.groups


class Broken(Objective):
    requires: ClassVar = frozenset({"log_pb", "log_z"})
    on_policy: ClassVar = False
    trains: ClassVar = frozenset({"forward", "backward", "log_z"})
    reference: ClassVar = "none"

    def residual(self, scored):
        return scored.log_z + scores(scored)

    def __call__(self, scored):
        return ObjectiveOutput({"x": Loss(self.residual(scored).square().mean(), self.trains)})


class CountsPads(Broken):
    def __call__(self, scored):
        n = scored.mask.shape[1]
        return ObjectiveOutput({"x": Loss(self.residual(scored).square().mean() / n, self.trains)})


class SeesOrder(Broken):
    def residual(self, scored):
        return super().residual(scored) * torch.arange(len(scored))


class SaysTooMuch(Broken):
    trains: ClassVar = frozenset({"forward", "backward", "log_z", "flow"})


class SaysTooLittle(Broken):
    trains: ClassVar = frozenset({"forward", "backward"})


class OffTarget(Broken):
    def residual(self, scored):
        return super().residual(scored) + 0.1


class UnknownWord(Broken):
    requires: ClassVar = frozenset({"log_pb", "log_zz"})


class NotFinite(Broken):
    def residual(self, scored):
        return super().residual(scored) / 0.0


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (CountsPads(), "three more pads"),
        (SeesOrder(), "order of the trajectories"),
        (SaysTooMuch(), "declares that it trains `flow`"),
        (SaysTooLittle(), "does not declare that it trains `log_z`"),
        (OffTarget(), "at exact flows"),
        (UnknownWord(), "log_zz"),
        (NotFinite(), "the loss is"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Objective) else "",
)
def test_broken_objectives_are_named(objective, says):
    with pytest.raises(ContractError, match=says):
        check_objective(objective)
