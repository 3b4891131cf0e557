"""Regression losses: definitions, the sign convention by its divergences, residuals of any size, refused keys."""

import math

import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.flow_matching import FlowMatching
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.regression import Regression, mean
from molgfn.testing import golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow, LogZ, NextLogFlow

LOSSES = ["squared", "huber", "linex", "linex_half", "shifted_cosh"]
FORMULAS = {
    "squared": lambda t: t**2,
    "huber": lambda t: t**2 / 2 if abs(t) < 1 else abs(t) - 0.5,
    "linex": lambda t: math.exp(t) - t - 1,
    "linex_half": lambda t: 4 * math.exp(t / 2) - 2 * t - 4,
    "shifted_cosh": lambda t: math.exp(t) + math.exp(-t) - 2,
}


@pytest.mark.parametrize("loss", LOSSES)
def test_definition(loss):
    """Of t = -residual; zero, with zero slope, at 0 alone."""
    residual = torch.tensor([-7.0, -1.5, -0.3, 0.0, 0.4, 2.0, 9.0], dtype=torch.float64, requires_grad=True)
    values = Regression(loss, 1.0)(residual)
    assert values.tolist() == pytest.approx([FORMULAS[loss](-r) for r in residual.tolist()], abs=1e-12)
    (slope,) = torch.autograd.grad(values.sum(), residual)
    assert (slope.sign() == residual.sign()).all()


def test_huber_delta():
    assert Regression("huber", 3.0)(torch.tensor([2.0, 5.0])).tolist() == pytest.approx([2.0, 10.5])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [200.0, 1e4])
def test_large_residuals_have_finite_values_and_slopes_that_still_pull(loss, dtype, size):
    residual = torch.tensor([-size, size], dtype=dtype, requires_grad=True)
    values = Regression(loss, 1.0)(residual)
    (slope,) = torch.autograd.grad(values.sum(), residual)
    assert values.isfinite().all()
    assert slope.square().sum().isfinite()
    assert (slope.sign() == residual.sign()).all()


@pytest.mark.parametrize("loss", ["linex", "linex_half", "shifted_cosh"])
def test_the_tangent_goes_on_where_the_exponential_ends(loss):
    end = 60.0 if loss == "linex_half" else 30.0
    residual = -torch.tensor([end - 1e-6, end + 1e-6, end + 10], dtype=torch.float64, requires_grad=True)
    residual = residual.detach().requires_grad_()
    values = Regression(loss, 1.0)(residual)
    (slope,) = torch.autograd.grad(values.sum(), residual)
    assert values[1].item() == pytest.approx(values[0].item(), rel=1e-5)
    assert slope[1].item() == pytest.approx(slope[0].item(), rel=1e-5)
    assert values[2].item() == pytest.approx(values[1].item() - 10 * slope[1].item(), rel=1e-5)


def _at_exact_log_z(loss):
    """(Expected on-policy TB gradient, a function that differentiates a functional of P_F(tau), target(tau))."""
    dag = golden_dag()
    with torch.no_grad():
        dag.policy.log_z.constant.fill_(math.log(63))
    objective = TrajectoryBalance(regression=loss)
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities)
    p = evaluated.log_pf.sum(1).exp()
    target = (evaluated[LogPB].sum(1) + evaluated.log_reward - math.log(63)).exp().detach()
    residual = evaluated[LogZ] + (evaluated.log_pf - evaluated[LogPB]).sum(1) - evaluated.log_reward
    expected = (p.detach() * objective.regression(residual)).sum()
    weights = dag.policy.forward_logits
    (gradient,) = torch.autograd.grad(expected, weights, retain_graph=True)
    return gradient, lambda value: torch.autograd.grad(value, weights, retain_graph=True)[0], p, target


@pytest.mark.parametrize(
    ("loss", "divergence"),
    [
        ("squared", lambda p, q: 2 * (p * (p / q).log()).sum()),  # reverse KL, twice: the paper's loss is t^2/2
        ("linex", lambda p, q: (q * (q / p).log()).sum()),  # forward KL
        ("linex_half", lambda p, q: -4 * (p * q).sqrt().sum()),  # alpha-divergence with alpha = 1/2
        ("shifted_cosh", lambda p, q: (q * (q / p).log()).sum() + (p**2 / q).sum() / 2),
    ],
)
def test_on_policy_gradient_is_that_of_the_divergence_of_the_paper(loss, divergence):
    """Table 2 of arXiv 2410.02596, p = P_F and q = P_B R / Z over trajectories: this fixes the sign of the residual."""
    gradient, of, p, target = _at_exact_log_z(loss)
    torch.testing.assert_close(gradient, of(divergence(p, target)), rtol=0, atol=1e-10)


def test_linex_costs_most_where_p_f_misses_mass():
    """Zero-avoiding: residual = log forward - log backward is negative there."""
    missed, found_too_often = Regression("linex", 1.0)(torch.tensor([-5.0, 5.0])).tolist()
    assert missed > 20 * found_too_often


@pytest.mark.parametrize("cls", [TrajectoryBalance, DetailedBalance, SubTrajectoryBalance, FlowMatching])
def test_a_delta_without_huber_is_refused(cls):
    cls(regression="huber", huber_delta=0.5)
    with pytest.raises(ConfigError, match="huber_delta is read with regression=huber"):
        cls(regression="linex", huber_delta=0.5)


@pytest.mark.parametrize("loss", LOSSES)
def test_objectives_apply_it_to_their_residuals(loss):
    """DB and SubTB of sub-trajectories of one transition are the same residuals under every loss."""
    dag = golden_dag()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow, NextLogFlow))
    db = DetailedBalance(regression=loss, reduction="transition")(evaluated).losses["db"].value
    sub = SubTrajectoryBalance(regression=loss, lambda_=1e-12, weighting="geometric")(evaluated).losses["subtb"].value
    assert sub.item() == pytest.approx(db.item(), rel=1e-9)


def test_mean():
    losses = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
    there = losses > 0
    assert mean(losses, there, "trajectory").item() == 5.0
    assert mean(losses, there, "transition").item() == 2.5
    assert mean(losses * 0, there & False, "transition").item() == 0.0
