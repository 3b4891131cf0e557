"""Golden values on the 3 x 3 grid: every number was computed independently by exact enumeration, in float64."""

from dataclasses import replace

import pytest
import torch

from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.residuals import log_ratios, steps
from molgfn.testing import golden_dag
from molgfn.trajectories.evaluate import evaluate, evaluate_backward
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow, LogZ

LOG_Z = 4.143134726391533


@pytest.fixture
def dag():
    return golden_dag()


def expected(dag, loss_of_one):
    """sum_tau P_F(tau) loss(tau), the sampling distribution not differentiated."""
    p = dag.probabilities()
    return sum(p[i] * loss_of_one(dag.trajectories.select(torch.tensor([i]))) for i in range(len(p)))


def loss(dag, objective):
    def of_one(trajectory):
        evaluated = evaluate(trajectory, dag.policy, quantities=objective.quantities, joint=True)
        (only,) = objective(evaluated).losses.values()
        return only.value

    return expected(dag, of_one)


def gradient(dag, value, parameter):
    return torch.autograd.grad(value, parameter, retain_graph=True)[0]


def kl_forward(dag):
    """KL(P_F || P_B R / Z), differentiable, the expectation written out."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,), joint=True)
    s = log_ratios(evaluated)
    p = evaluated.log_pf.sum(1).exp()
    return (p * (s + LOG_Z)).sum()


def test_terminating_distribution(dag):
    p = torch.zeros(9, dtype=torch.float64)
    last = dag.environment.index(dag.trajectories.terminal)
    p = p.index_add(0, last, dag.probabilities())
    golden = [0.408861, 0.043935, 0.010776, 0.238043, 0.013140, 0.023939, 0.146406, 0.010100, 0.104801]
    assert p.tolist() == pytest.approx(golden, abs=1e-6)
    assert 0.5 * (p - dag.log_reward.softmax(0)).abs().sum().item() == pytest.approx(0.650453, abs=1e-6)


@pytest.mark.parametrize(
    ("log_z", "value", "slope"),
    [(0.0, 8.291626, -4.797008), (2.0, 2.697610, -0.797008), (LOG_Z, 5.582541, 3.489261)],
)
def test_trajectory_balance(dag, log_z, value, slope):
    with torch.no_grad():
        dag.policy.log_z.constant.fill_(log_z)
    tb = loss(dag, TrajectoryBalance())
    assert tb.item() == pytest.approx(value, abs=1e-6)
    assert gradient(dag, tb, dag.policy.log_z.constant).item() == pytest.approx(slope, abs=1e-6)
    forward = gradient(dag, tb, dag.policy.forward_logits)
    assert forward.norm().item() == pytest.approx(1.562517, abs=1e-6)
    # identity 2: half the on-policy gradient is that of KL(P_F || P_B), for any log Z
    kl = gradient(dag, kl_forward(dag), dag.policy.forward_logits)
    torch.testing.assert_close(0.5 * forward, kl, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("log_z", "norm"), [(0.0, 0.607), (2.0, 0.189), (LOG_Z, 0.387)])
def test_joint_gradient_of_pb_depends_on_log_z(dag, log_z, norm):
    """Identity 5: unlike the forward gradient it is not a KL gradient."""
    with torch.no_grad():
        dag.policy.log_z.constant.fill_(log_z)
    half = 0.5 * gradient(dag, loss(dag, TrajectoryBalance()), dag.policy.backward_logits)
    assert (2 * half).norm().item() == pytest.approx(norm, abs=1e-3)


def test_detailed_balance(dag):
    assert loss(dag, DetailedBalance()).item() == pytest.approx(4.024172, abs=1e-6)


@pytest.mark.parametrize(("lambda_", "value"), [(0.9, 2.599066), (1.9, 3.794568), (1e-9, 1.380791)])
def test_subtrajectory_balance(dag, lambda_, value):
    assert loss(dag, SubTrajectoryBalance(lambda_=lambda_)).item() == pytest.approx(value, abs=1e-6)


def test_subtrajectory_balance_tends_to_tb(dag):
    with torch.no_grad():
        dag.policy.log_z.constant.copy_(dag.policy.flows[0])
    large = loss(dag, SubTrajectoryBalance(lambda_=1e9))
    assert large.item() == pytest.approx(loss(dag, TrajectoryBalance()).item(), abs=1e-6)


def test_geometric_weighting_is_normalised_over_the_batch(dag):
    """Against the double loop of the definition."""
    objective = SubTrajectoryBalance(lambda_=0.9, weighting="geometric")
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities)
    d = (steps(evaluated) + evaluated[LogFlow]).detach()
    numerator = denominator = 0.0
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        flow = evaluated[LogFlow][b].tolist()
        residual = [d[b, t].item() - (flow[t + 1] if t + 1 < length else 0.0) for t in range(length)]
        for i in range(length):
            for j in range(i + 1, length + 1):
                numerator += 0.9 ** (j - i) * sum(residual[i:j]) ** 2
                denominator += 0.9 ** (j - i)
    assert objective(evaluated).losses["subtb"].value.item() == pytest.approx(numerator / denominator, rel=1e-9)


def test_trajectory_likelihood(dag):
    objective = TrajectoryLikelihood()
    tlm = expected(dag, lambda t: objective(evaluate_backward(t, dag.policy)).losses["tlm"].value)
    assert tlm.item() == pytest.approx(0.344423, abs=1e-6)
    # identity 8: its gradient is that of KL(P_F || P_B) with respect to P_B
    kl = gradient(dag, kl_forward(dag), dag.policy.backward_logits)
    torch.testing.assert_close(gradient(dag, tlm, dag.policy.backward_logits), kl, rtol=0, atol=1e-10)


def test_transition_reduction_is_the_mean_over_all_transitions(dag):
    by_trajectory = DetailedBalance()
    by_transition = DetailedBalance(reduction="transition")
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=by_trajectory.quantities)
    total = by_trajectory(evaluated).losses["db"].value * 19
    assert by_transition(evaluated).losses["db"].value.item() == pytest.approx(
        total.item() / dag.trajectories.lengths.sum().item()
    )


def test_one_path_by_hand(dag):
    """(0,0) -> (1,0) -> (1,1) -> stop."""
    index = next(i for i in range(19) if dag.trajectories.select(torch.tensor([i])).actions.tolist() == [0, 1, 2])
    evaluated = evaluate(dag.trajectories.select(torch.tensor([index])), dag.policy, quantities=(LogPB, LogZ))
    assert evaluated.log_pf[0].tolist() == pytest.approx([-0.709895, -2.673693, -1.635456], abs=1e-6)
    assert evaluated[LogPB][0].tolist() == pytest.approx([0.0, -0.181594, 0.0], abs=1e-6)
    assert (-steps(evaluated))[0].tolist() == pytest.approx([0.709895, 2.492099, 3.581366], abs=1e-6)
    assert (2.0 + log_ratios(evaluated)).item() == pytest.approx(-4.783361, abs=1e-6)


@pytest.mark.parametrize("objective", [TrajectoryBalance(), DetailedBalance(), SubTrajectoryBalance()])
def test_zero_at_exact_flows(dag, objective):
    dag.solve()
    value = loss(dag, objective)
    assert value.item() < 1e-20
    assert gradient(dag, value, dag.policy.forward_logits).abs().max().item() < 1e-9


@pytest.mark.parametrize("objective", [TrajectoryBalance(), DetailedBalance(), SubTrajectoryBalance()])
def test_batch_size_does_not_matter(dag, objective):
    """The loss of a batch is the mean of the losses of its trajectories."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities)
    (whole,) = objective(evaluated).losses.values()
    ones = [
        next(
            iter(
                objective(
                    evaluate(dag.trajectories.select(torch.tensor([i])), dag.policy, quantities=objective.quantities)
                ).losses.values()
            )
        ).value
        for i in range(19)
    ]
    assert whole.value.item() == pytest.approx(torch.stack(ones).mean().item(), rel=1e-10)


def test_symmetry_term_is_taken_off_the_reward(dag):
    shifted = replace(dag.trajectories, log_symmetry=torch.full((19,), 0.5, dtype=torch.float64))
    plain = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    less = evaluate(shifted, dag.policy, quantities=(LogPB,))
    torch.testing.assert_close(log_ratios(less), log_ratios(plain) + 0.5)


def test_unscored_trajectories_are_refused(dag):
    with pytest.raises(ValueError, match="not been scored"):
        evaluate(replace(dag.trajectories, log_reward=None), dag.policy, quantities=())
