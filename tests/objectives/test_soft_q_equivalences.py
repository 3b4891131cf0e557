"""Soft reinforcement learning and balance conditions are the same residuals (Deleu et al., arXiv 2402.10309)."""

import pytest
import torch
from torch.nn.functional import pad

from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.modified_detailed_balance import ModifiedDetailedBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.soft_q.path_consistency import PathConsistency
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.quantities.forward import LogPFExit
from molgfn.trajectories.quantities.rewards import LogRewardState


@pytest.fixture(params=range(3))
def dag(request):
    """The golden DAG with random tables."""
    dag = golden_dag()
    draw = torch.Generator().manual_seed(request.param)
    with torch.no_grad():
        for p in dag.policy.parameters():
            p.copy_(torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return dag


def both(dag, value):
    """Gradients of P_F and of the flows (or of log Z, which stands for the flow of the source)."""
    forward, flows, log_z = torch.autograd.grad(
        value,
        [dag.policy.forward_logits, dag.policy.flows, dag.policy.log_z.constant],
        allow_unused=True,
        retain_graph=True,
    )
    if flows is None:
        flows = torch.zeros_like(dag.policy.flows)
    return forward, flows + (0 if log_z is None else torch.nn.functional.one_hot(torch.tensor(0), 9) * log_z)


def test_pcl_is_half_of_trajectory_balance(dag):
    with torch.no_grad():
        dag.policy.flows[0] = dag.policy.log_z.constant
    pcl = PathConsistency()(evaluate_for(PathConsistency(), dag)).losses["pcl"].value
    tb = TrajectoryBalance()(evaluate_for(TrajectoryBalance(), dag, joint=False)).losses["tb"].value
    assert pcl.item() == pytest.approx(tb.item() / 2, rel=1e-12)
    for ours, theirs in zip(both(dag, pcl), both(dag, tb / 2), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_pcl_of_single_steps_is_half_of_detailed_balance(dag):
    pcl = PathConsistency(span=1)(evaluate_for(PathConsistency(), dag)).losses["pcl"].value
    db = DetailedBalance()(evaluate_for(DetailedBalance(), dag, joint=False)).losses["db"].value
    assert pcl.item() == pytest.approx(db.item() / 2, rel=1e-12)
    for ours, theirs in zip(both(dag, pcl), both(dag, db / 2), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("span", [1, 2, 3, 9])
def test_pcl_of_stretches_written_out(dag, span):
    objective = PathConsistency(span=span)
    evaluated = evaluate_for(objective, dag)
    total = 0.0
    for b in range(len(evaluated)):
        n = int(evaluated.mask[b].sum())
        reward = [float(evaluated[LogPB][b, t]) + (t == n - 1) * float(evaluated.log_reward[b]) for t in range(n)]
        soft = [r - float(evaluated.log_pf[b, t].detach()) for t, r in enumerate(reward)]
        value = [*evaluated[LogFlow][b, :n].tolist(), 0.0]
        for i in range(n):
            j = min(i + span, n)
            total += (-value[i] + sum(soft[i:j]) + value[j]) ** 2 / 2
    assert objective(evaluated).losses["pcl"].value.item() == pytest.approx(total / len(evaluated), rel=1e-10)


@pytest.mark.parametrize("span", [None, 1, 3])
def test_pcl_contract(span):
    check_objective(PathConsistency(span=span))


def test_modified_detailed_balance_is_pi_sql(dag):
    """r + log pi(stop|s) - log pi(stop|s') - log pi(s'|s) with r = log R(s') - log R(s) + log P_B."""
    objective = ModifiedDetailedBalance()
    evaluated = evaluate_for(objective, dag, joint=False)
    mdb = objective(evaluated).losses["mdb"].value
    going = evaluated.mask & ~evaluated.is_exit
    after = pad(evaluated[LogRewardState][:, 1:], (0, 1))
    reward = after - evaluated[LogRewardState] + evaluated[LogPB]
    residual = reward + evaluated[LogPFExit] - pad(evaluated[LogPFExit][:, 1:], (0, 1)) - evaluated.log_pf
    pi_sql = (residual * going).square().sum(1).mean()
    assert mdb.item() == pytest.approx(pi_sql.item(), rel=1e-12)
    torch.testing.assert_close(both(dag, mdb)[0], both(dag, pi_sql)[0])


def test_forward_looking_detailed_balance_is_sql(dag):
    """Q(s,a) - (r + V(s')) with Q = V + log pi and r = phi(s') - phi(s) + log P_B; V(s_f) = 0 and no r at the exit."""
    objective = ForwardLookingDetailedBalance()
    evaluated = evaluate_for(objective, dag, joint=False)
    fldb = objective(evaluated).losses["fldb"].value
    q = evaluated[LogFlow] + evaluated.log_pf
    phi = evaluated[LogRewardState]
    reward = torch.where(evaluated.is_exit, 0.0, pad(phi[:, 1:], (0, 1)) - phi + evaluated[LogPB])
    value = torch.where(evaluated.is_exit, 0.0, pad(evaluated[LogFlow][:, 1:], (0, 1)))
    sql = ((q - reward - value) * evaluated.mask).square().sum(1).mean()
    assert fldb.item() == pytest.approx(sql.item(), rel=1e-12)
    for ours, theirs in zip(both(dag, fldb), both(dag, sql), strict=True):
        torch.testing.assert_close(ours, theirs)
