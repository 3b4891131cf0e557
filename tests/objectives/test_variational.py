"""Expected gradients of the divergences on the golden DAG against the divergences themselves, differentiated."""

from dataclasses import replace

import pytest
import torch

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.divergences.renyi import RenyiDivergence
from molgfn.objectives.divergences.reverse_kl import ReverseKL
from molgfn.objectives.divergences.wake_sleep import WakeSleep
from molgfn.objectives.residuals import log_ratios
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB

LOG_Z = 4.143134726391533
ALL = [ReverseKL(), ReverseKL(baseline="none"), WakeSleep(), RenyiDivergence(), RenyiDivergence(alpha=1.7)]


@pytest.fixture
def dag():
    return golden_dag()


@pytest.mark.parametrize("objective", ALL, ids=lambda o: type(o).__name__)
def test_contract(objective):
    check_objective(objective, zero_at_balance=False)


def logs(dag):
    """log P_F(tau) with gradient and log P*(tau), of the 19 trajectories."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    log_pf = evaluated.log_pf.sum(1)
    return log_pf, (log_pf - log_ratios(evaluated)).detach() - LOG_Z


def reverse_kl(p, q):
    return (p.exp() * (p - q)).sum()


def forward_kl(p, q):
    return (q.exp() * (q - p)).sum()


def renyi(alpha):
    return lambda p, q: (alpha * p + (1 - alpha) * q).logsumexp(0) / (alpha - 1)


def gradient(dag, value):
    return torch.autograd.grad(value, dag.policy.forward_logits)[0]


def loss(objective, dag, trajectories):
    (only,) = objective(evaluate_for(objective, dag, trajectories=trajectories)).losses.values()
    return only.value


def test_golden_divergences(dag):
    p, q = logs(dag)
    assert reverse_kl(p, q).item() == pytest.approx(1.744631, abs=1e-6)
    assert forward_kl(p, q).item() == pytest.approx(1.826427, abs=1e-6)


@pytest.mark.parametrize("objective", [ReverseKL(), ReverseKL(baseline="none")])
def test_reverse_kl_is_unbiased_at_a_batch_of_two(dag, objective):
    """The mean over all pairs of trajectories, weighted by P_F, is the gradient of KL(P_F || P*), exactly."""
    p = dag.probabilities()
    total = sum(
        p[i] * p[j] * loss(objective, dag, dag.trajectories.select(torch.tensor([i, j])))
        for i in range(19)
        for j in range(19)
    )
    torch.testing.assert_close(gradient(dag, total), gradient(dag, reverse_kl(*logs(dag))), rtol=0, atol=1e-12)


def test_reverse_kl_is_half_of_on_policy_trajectory_balance(dag):
    """Each trajectory by itself: the residual weighs log P_F, less what has expectation 0 (the baseline)."""
    one = dag.trajectories.select(torch.tensor([7]))
    with torch.no_grad():
        dag.policy.log_z.constant.zero_()
    plain = loss(ReverseKL(baseline="none"), dag, one)
    evaluated = evaluate_for(TrajectoryBalance(), dag, trajectories=one, joint=False)
    tb = TrajectoryBalance()(evaluated).losses["tb"].value
    torch.testing.assert_close(gradient(dag, plain), gradient(dag, tb / 2))


@pytest.fixture
def proportional(dag):
    """Uniform P_F, and a batch of 108 in which every trajectory comes exactly as often as its P_F says."""
    with torch.no_grad():
        dag.policy.forward_logits.zero_()
    counts = 108 * dag.probabilities()
    assert (counts - counts.round()).abs().max() < 1e-9
    index = torch.repeat_interleave(torch.arange(19), counts.round().long())
    assert len(index) == 108
    return dag.trajectories.select(index)


@pytest.mark.parametrize(
    ("objective", "divergence", "factor"),
    [
        (ReverseKL(), reverse_kl, 108 / 107),
        (WakeSleep(), forward_kl, 1.0),
        (RenyiDivergence(), renyi(0.5), 1.0),
        (RenyiDivergence(alpha=0.1), renyi(0.1), 1.0),
        (RenyiDivergence(alpha=2.0), renyi(2.0), 1.0),
    ],
)
def test_in_the_limit_of_large_batches_it_is_the_gradient_of_the_divergence(
    dag, proportional, objective, divergence, factor
):
    """A batch with the exact shares of P_F is that limit (for reverse KL up to B / (B - 1))."""
    ours = gradient(dag, loss(objective, dag, proportional))
    theirs = gradient(dag, divergence(*logs(dag)))
    assert theirs.abs().max() > 0.01
    torch.testing.assert_close(ours, factor * theirs, rtol=0, atol=1e-12)


def test_log_z_of_the_batch_in_that_limit(dag, proportional):
    p, q = logs(dag)
    metrics = {type(o).__name__: o(evaluate_for(o, dag, trajectories=proportional)).metrics for o in ALL[2:4]}
    assert metrics["WakeSleep"]["log_z"].item() == pytest.approx(LOG_Z, abs=1e-12)
    want = LOG_Z - renyi(0.5)(p, q).item()
    assert metrics["RenyiDivergence"]["log_z"].item() == pytest.approx(want, abs=1e-12)
    share = metrics["WakeSleep"]["effective_share"].item()
    assert share == pytest.approx((1 / (2 * q - p).exp().sum()).item(), abs=1e-12)
    elbo = ReverseKL()(evaluate_for(ReverseKL(), dag, trajectories=proportional)).metrics["elbo"].item()
    assert elbo == pytest.approx(LOG_Z - reverse_kl(p, q).item(), abs=1e-12)


def test_the_limits_of_the_order(dag):
    """alpha -> 1: reverse KL (population baseline); alpha -> 0: alpha times forward KL; on any batch."""
    batch = dag.trajectories.select(torch.tensor([0, 3, 3, 8, 15]))
    near_one = gradient(dag, loss(RenyiDivergence(alpha=1.002), dag, batch))
    reverse = gradient(dag, loss(ReverseKL(), dag, batch)) * 4 / 5
    torch.testing.assert_close(near_one, reverse, rtol=0.01, atol=1e-3)
    near_zero = gradient(dag, loss(RenyiDivergence(alpha=1e-6), dag, batch)) / 1e-6
    forward = gradient(dag, loss(WakeSleep(), dag, batch))
    torch.testing.assert_close(near_zero, forward, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("objective", [ReverseKL(), WakeSleep(), RenyiDivergence()])
def test_the_gradient_of_every_batch_vanishes_at_the_optimum(dag, objective):
    dag.solve()
    batch = dag.trajectories.select(torch.tensor([0, 2, 2, 11]))
    assert gradient(dag, loss(objective, dag, batch)).abs().max() < 1e-9


@pytest.mark.parametrize("objective", [ReverseKL(), WakeSleep(), RenyiDivergence()], ids=lambda o: type(o).__name__)
def test_no_gradient_goes_through_the_weights(dag, objective):
    """The loss is linear in log P_F, with constant factors that sum to 0 over the batch."""
    evaluated = evaluate_for(objective, dag)
    log_pf = evaluated.log_pf.detach().requires_grad_()
    (only,) = objective(replace(evaluated, log_pf=log_pf)).losses.values()
    (weight,) = torch.autograd.grad(only.value, log_pf)
    first = weight[:, 0]
    assert first.sum().abs() < 1e-12
    assert only.value.item() == pytest.approx((first * log_pf.detach().sum(1)).sum().item(), abs=1e-12)
    assert dag.policy.backward_logits.grad is None


def test_what_cannot_work_is_refused(dag):
    one = dag.trajectories.select(torch.tensor([4]))
    for objective in (ReverseKL(), WakeSleep(), RenyiDivergence()):
        with pytest.raises(ContractError, match="at least two"):
            loss(objective, dag, one)
    with pytest.raises(ConfigError, match="reverse_kl"):
        RenyiDivergence(alpha=1.0)
