"""``check_objective`` over every objective, the stop-gradient table, and objectives that break the contract."""

from typing import ClassVar

import pytest
import torch

from molgfn.errors import ContractError
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.flow_matching import FlowMatching
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.balance.modified_detailed_balance import ModifiedDetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.comparison import leave_one_out
from molgfn.objectives.residuals import log_ratios
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate, evaluate_backward
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogZ

OBJECTIVES = [
    TrajectoryBalance(),
    DetailedBalance(),
    SubTrajectoryBalance(),
    FlowMatching(),
    ForwardLookingDetailedBalance(),
    ModifiedDetailedBalance(),
    LogVariance(),
]
VARIANTS = [
    SubTrajectoryBalance(lambda_=1.9, weighting="geometric"),
    SubTrajectoryBalance(lambda_=1, weighting="equal"),
    ModifiedDetailedBalance(flow_without_stop=True, reduction="transition"),
    FlowMatching(reduction="transition"),
    LogVariance(ddof=0),
    *(
        type(objective)(regression=regression)
        for objective in OBJECTIVES
        if hasattr(objective, "regression")
        for regression in ("huber", "linex", "linex_half", "shifted_cosh")
    ),
]
#: gradient reaches: P_F, P_B (only when trained jointly), log F, log Z
TABLE = {
    TrajectoryBalance: {"forward", "log_z"},
    DetailedBalance: {"forward", "flow"},
    SubTrajectoryBalance: {"forward", "flow"},
    FlowMatching: {"forward", "flow"},
    ForwardLookingDetailedBalance: {"forward", "flow"},
    ModifiedDetailedBalance: {"forward"},
    LogVariance: {"forward"},
}


@pytest.mark.parametrize("objective", OBJECTIVES + VARIANTS, ids=lambda o: type(o).__name__)
def test_contract(objective):
    check_objective(objective)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_stop_gradient_table(objective, joint):
    dag = golden_dag()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, joint=joint)
    for loss in objective(evaluated).losses.values():
        loss.value.backward()
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    with_backward = joint and not isinstance(objective, FlowMatching)  # which reads no P_B
    assert reached == TABLE[type(objective)] | ({"backward"} if with_backward else set())


def test_trajectory_likelihood_reaches_pb_only():
    dag = golden_dag()
    (loss,) = TrajectoryLikelihood()(evaluate_backward(dag.trajectories, dag.policy)).losses.values()
    loss.value.backward()
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == {"backward"} == loss.groups


class Broken(Objective):
    quantities: ClassVar = (LogPB, LogZ)
    on_policy: ClassVar = False
    trains: ClassVar = frozenset({"forward", "backward", "log_z"})
    reference: ClassVar = "none"

    def residual(self, evaluated):
        return evaluated[LogZ] + log_ratios(evaluated)

    def __call__(self, evaluated):
        return ObjectiveOutput({"x": Loss(self.residual(evaluated).square().mean(), self.trains)})


class CountsPads(Broken):
    def __call__(self, evaluated):
        n = evaluated.mask.shape[1]
        return ObjectiveOutput({"x": Loss(self.residual(evaluated).square().mean() / n, self.trains)})


class LearnsFromPads(Broken):
    """A term that is 0 but has a gradient, and the more of it the wider the batch is padded."""

    def residual(self, evaluated):
        return super().residual(evaluated) + evaluated.mask.shape[1] * (evaluated[LogZ] - evaluated[LogZ].detach())


class SeesOrder(Broken):
    def residual(self, evaluated):
        return super().residual(evaluated) * torch.arange(len(evaluated))


class SaysTooMuch(Broken):
    trains: ClassVar = frozenset({"forward", "backward", "log_z", "flow"})


class SaysTooLittle(Broken):
    trains: ClassVar = frozenset({"forward", "backward"})


class ForgetsAGroup(Broken):
    """The gradient is there, but training takes it to the groups that the loss names."""

    def __call__(self, evaluated):
        return ObjectiveOutput(
            {"x": Loss(self.residual(evaluated).square().mean(), frozenset({"forward", "backward"}))}
        )


class OffTarget(Broken):
    def residual(self, evaluated):
        return super().residual(evaluated) + 0.1


class Surrogate(Broken):
    """REINFORCE with the soft return as return: its expected gradient is -grad KL(P_F || P_B)."""

    quantities: ClassVar = (LogPB,)
    trains: ClassVar = frozenset({"forward"})

    def weight(self, evaluated):
        return log_ratios(evaluated).detach()

    def __call__(self, evaluated):
        return ObjectiveOutput({"x": Loss((evaluated.log_pf.sum(1) * self.weight(evaluated)).mean(), self.trains)})


class LeaveOneOut(Surrogate):
    """The same with the other trajectories' mean as baseline, which needs a batch of two."""

    compares = True

    def weight(self, evaluated):
        return leave_one_out(super().weight(evaluated), evaluated)


class OfItsShare(LeaveOneOut):
    """The same with the baseline of one process alone."""

    def weight(self, evaluated):
        s = Surrogate.weight(self, evaluated)
        return s - (s.sum() - s) / (len(s) - 1)


class OverConditions(LeaveOneOut):
    """The same with the baseline of the whole batch, whatever the conditions."""

    def weight(self, evaluated):
        s, union = Surrogate.weight(self, evaluated), evaluated.union
        return s - (union.sum(s) - s) / (union.count(len(s)) - 1)


class SaysNotThatItCompares(LeaveOneOut):
    compares = False


class ComparesNothing(Broken):
    compares = True


class Greedy(Surrogate):
    """Maximises the reward, not the soft return."""

    def weight(self, evaluated):
        return -evaluated.log_reward


class UnknownWord(Broken):
    quantities: ClassVar = (LogPB, "log_zz")


class NotFinite(Broken):
    def residual(self, evaluated):
        return super().residual(evaluated) / 0.0


@pytest.mark.parametrize("objective", [Surrogate(), LeaveOneOut()], ids=lambda o: type(o).__name__)
def test_a_surrogate_is_checked_in_expectation(objective):
    check_objective(objective, zero_at_balance=False)


def test_what_joins_trajectories_is_of_all_processes():
    with pytest.raises(ContractError, match="OfItsShare: two processes with half a batch each have another loss"):
        check_objective(OfItsShare(), zero_at_balance=False)


def test_what_compares_keeps_to_one_condition_and_says_so():
    with pytest.raises(
        ContractError, match="OverConditions: what it makes of trajectories depends on those under other"
    ):
        check_objective(OverConditions(), zero_at_balance=False)
    with pytest.raises(ContractError, match=r"SaysNotThatItCompares: .* but it does not declare `compares`"):
        check_objective(SaysNotThatItCompares(), zero_at_balance=False)
    with pytest.raises(ContractError, match="ComparesNothing: declares that it compares"):
        check_objective(ComparesNothing())


def test_a_surrogate_has_no_zero_loss():
    with pytest.raises(ContractError, match="at exact flows the loss"):
        check_objective(Surrogate())


def test_a_surrogate_of_another_target_is_named():
    with pytest.raises(ContractError, match="Greedy: at exact flows the expected gradient is"):
        check_objective(Greedy(), zero_at_balance=False)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (CountsPads(), "three more pads"),
        (LearnsFromPads(), "three more pads change the gradient of `log_z`"),
        (SeesOrder(), "order of the trajectories"),
        (SaysTooMuch(), "declares that it trains `flow`"),
        (SaysTooLittle(), "does not declare that it trains `log_z`"),
        (ForgetsAGroup(), r"not in both: \['log_z'\]"),
        (OffTarget(), "at exact flows"),
        (UnknownWord(), "log_zz"),
        (NotFinite(), "the loss is"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Objective) else "",
)
def test_broken_objectives_are_named(objective, says):
    with pytest.raises(ContractError, match=says):
        check_objective(objective)
