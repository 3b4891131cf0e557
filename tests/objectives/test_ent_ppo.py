"""Ent-PPO on the golden DAG: golden values off the anchor and the properties that the method stands on."""

import pytest
import torch
from tests.objectives import policy_gradients as exact

from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.objectives.policy_gradients.frozen import Advantage, LogPFOld
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.objectives.residuals import log_ratios
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import reordered, widened
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.divergences import KL, KLOld
from molgfn.trajectories.quantities.flows import LogFlow


def moved(objective, amount=None):
    """(dag, evaluated) after P_F has moved off the anchor, with what the iteration froze."""
    dag = golden_dag()
    first, anchor = evaluate_and_anchor(dag.trajectories, dag.policy, quantities=objective.quantities)
    frozen = objective.prepare(first.detach())
    if amount is None:
        exact.shifted(dag)
    else:
        with torch.no_grad():
            dag.policy.forward_logits.add_(amount)
    again = evaluate(dag.trajectories, dag.policy, quantities=(*objective.quantities, KLOld), anchor=anchor)
    return dag, again.having(frozen)


@pytest.mark.parametrize("arguments", [{}, {"clip": None}, {"kl": False}, {"critic": "sub_eb"}, {"epochs": 1}])
def test_contract(arguments):
    check_objective(EntPPO(**arguments), zero_at_balance=False)


@pytest.mark.parametrize(
    ("arguments", "value", "norm"),
    [
        ({}, -3.220721, 0.638257),
        ({"kl": False}, -3.393553, 0.448012),
        ({"clip": None}, -3.546043, 0.235905),
    ],
)
def test_golden_values_off_the_anchor(arguments, value, norm):
    objective = EntPPO(**arguments)
    dag, evaluated = moved(objective)
    loss = exact.expected(objective, dag, evaluated)
    assert loss.item() == pytest.approx(value, abs=1e-6)
    assert exact.gradient(loss, dag).norm().item() == pytest.approx(norm, abs=1e-6)


def test_golden_divergences():
    dag, evaluated = moved(EntPPO())
    p = golden_dag().probabilities()
    assert (p @ evaluated[KL].sum(1)).item() == pytest.approx(0.172832, abs=1e-6)
    assert (p @ evaluated[KLOld].sum(1)).item() == pytest.approx(0.199286, abs=1e-6)
    outside = ((evaluated.log_pf - evaluated[LogPFOld]).exp() - 1).abs() > 0.2
    share = (outside & evaluated.mask).sum(1) / evaluated.mask.sum(1)
    assert (p @ share.double()).item() == pytest.approx(0.68, abs=5e-3)
    assert dag.policy.backward_logits.grad is None


def test_the_first_step_is_the_policy_gradient():
    """(a): ratio 1, KL 0, the gradient of VPG with the same GAE; also where the KL is computed at the anchor."""
    dag = golden_dag()
    objective = EntPPO()
    ours = exact.gradient(exact.expected(objective, dag), dag)
    theirs = exact.gradient(exact.expected(PolicyGradient(lambda_=0.7), dag), dag)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    same, evaluated = moved(objective, 0.0)
    assert torch.equal(evaluated.log_pf, evaluated[LogPFOld])
    assert evaluated[KL].abs().max() < 1e-15
    again = exact.gradient(exact.expected(objective, same, evaluated), same)
    torch.testing.assert_close(again, theirs, rtol=0, atol=1e-10)


def test_removing_kl_or_clip_changes_the_loss_by_that_term():
    """(c)."""
    objective = EntPPO()
    _, evaluated = moved(objective)

    def value(**arguments):
        return EntPPO(**arguments).policy(evaluated).losses["policy"].value.item()

    assert value() - value(kl=False) == pytest.approx(evaluated[KL].sum().item() / 19, abs=1e-12)
    ratio, a = (evaluated.log_pf - evaluated[LogPFOld]).exp(), evaluated[Advantage]
    cut = (ratio * a - torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a)).sum().item() / 19
    assert cut > 0.01
    assert value() - value(clip=None) == pytest.approx(cut, abs=1e-12)


def test_the_coefficient_of_the_kl_is_exact():
    """E_pi[A_old] - KL(pi || old) is the one-step soft advantage of pi: maximal at old * exp(A)."""
    old = torch.tensor([0.2, 0.5, 0.3]).double().log()
    a = torch.tensor([0.3, -0.7, 1.1]).double()
    best = torch.log_softmax(old + a, 0).requires_grad_()
    pi = torch.log_softmax(best, 0)
    gain = (pi.exp() * a).sum() - (pi.exp() * (pi - old)).sum()
    (slope,) = torch.autograd.grad(gain, best)
    assert slope.abs().max() < 1e-12
    assert gain.item() == pytest.approx(torch.logsumexp(old + a, 0).item())


def test_pads_and_order_do_not_matter_off_the_anchor():
    """(d)."""
    objective = EntPPO()
    _, evaluated = moved(objective)
    base = objective.policy(evaluated)
    wide, mixed = widened(evaluated, 3), reordered(evaluated, torch.randperm(19))
    for other in (objective.policy(wide), objective.policy(mixed)):
        torch.testing.assert_close(other.losses["policy"].value, base.losses["policy"].value)
        assert {k: pytest.approx(v.item()) for k, v in other.metrics.items()} == {
            k: v.item() for k, v in base.metrics.items()
        }


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("clip", [0.2, None])
def test_gradients_are_finite_far_from_the_anchor(sign, clip):
    """(e): log-ratios of 50 in single precision."""
    objective = EntPPO(clip=clip)
    dag, evaluated = moved(objective, sign * torch.tensor([50.0, 0.0, -50.0], dtype=torch.float64))
    ratios = (evaluated.log_pf - evaluated[LogPFOld]).abs()
    assert ratios.max() > 49
    loss = objective.policy(evaluated).losses["policy"].value
    assert torch.isfinite(loss)
    assert torch.isfinite(exact.gradient(loss, dag)).all()
    single = evaluated.map(lambda v, _: v.float() if v.is_floating_point() else v)
    assert torch.isfinite(objective.policy(single).losses["policy"].value)


def test_pb_gets_no_gradient():
    """(g), even where P_B could be trained jointly."""
    dag = golden_dag()
    objective = EntPPO()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, joint=True)
    for loss in objective(evaluated).losses.values():
        loss.value.backward(retain_graph=True)
    assert dag.policy.backward_logits.grad is None
    assert "backward" not in objective.trains


def test_phases_ask_for_no_more_than_they_read():
    policy, critic = EntPPO().phases()
    assert (policy.epochs, policy.splits, policy.quantities) == (4, 1, (KL,))
    assert (critic.epochs, critic.splits, critic.quantities, critic.needs_log_pf) == (4, 2, (LogFlow,), False)


def test_metrics():
    objective = EntPPO()
    _, evaluated = moved(objective)
    metrics = objective.policy(evaluated).metrics
    ratio = (evaluated.log_pf - evaluated[LogPFOld]).exp()
    assert metrics["kl"].item() == pytest.approx(evaluated[KL].sum().item() / 19)
    assert metrics["ratio/largest"].item() == pytest.approx(ratio.max().item())
    outside = ((ratio - 1).abs() > 0.2).sum() / evaluated.mask.sum()
    assert metrics["clip_fraction"].item() == pytest.approx(outside.item())
    old = evaluate(golden_dag().trajectories, golden_dag().policy, quantities=(LogPB,))
    assert metrics["elbo"].item() == pytest.approx(-log_ratios(old).mean().item())
