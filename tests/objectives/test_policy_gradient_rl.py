"""RL-U and RL-T on the golden DAG: the cost convention, log Z, the surrogate and its divergence."""

import pytest
import torch
from tests.objectives import policy_gradients as exact

from molgfn.objectives import residuals
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.policy_gradients.frozen import Advantage, LogPFOld, ValueTarget
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.objectives.policy_gradients.rl_trust_region import RLTrustRegion
from molgfn.objectives.policy_gradients.rl_uniform import RLUniform
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.divergences import KLOld
from molgfn.trajectories.quantities.flows import LogFlow, LogZ


@pytest.fixture
def dag():
    return golden_dag()


@pytest.mark.parametrize("cls", [RLUniform, RLTrustRegion])
@pytest.mark.parametrize("arguments", [{}, {"center": False}, {"critic_epochs": 4, "critic_splits": 2}])
def test_contract(cls, arguments):
    check_objective(cls(**arguments), zero_at_balance=False)


def test_costs_are_rewards_with_the_other_sign(dag):
    """The paper's own recursion, with log Z in the exit cost and V_F = log Z - V, gives minus our advantages."""
    objective = RLUniform(center=False)
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities).detach()
    ours = objective.prepare(evaluated)[Advantage]
    cost = residuals.steps(evaluated) + evaluated.is_exit * evaluated[LogZ]
    v_f = (evaluated[LogZ] - evaluated[LogFlow]) * evaluated.mask
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        ahead = 0.0
        for t in reversed(range(length)):
            following = v_f[b, t + 1].item() if t + 1 < length else 0.0
            ahead = cost[b, t].item() + following - v_f[b, t].item() + 0.99 * ahead
            assert ours[b, t].item() == pytest.approx(-ahead, abs=1e-12)


@pytest.mark.parametrize("log_z", [0.0, 2.0, exact.LOG_Z])
def test_log_z_moves_towards_the_elbo(dag, log_z):
    """Its gradient is E[D] = log Z - ELBO, half that of TB; and nothing else gets any."""
    with torch.no_grad():
        dag.policy.log_z.constant.fill_(log_z)
    ours = exact.expected(RLUniform(), dag, loss="log_z")
    slope = torch.autograd.grad(ours, dag.policy.log_z.constant)[0].item()
    assert slope == pytest.approx(log_z - exact.ELBO, abs=1e-6)
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogZ))
    d = evaluated[LogZ] + residuals.log_ratios(evaluated)
    tb = (dag.probabilities() * d.square()).sum()
    assert torch.autograd.grad(tb, dag.policy.log_z.constant)[0].item() == pytest.approx(2 * slope)
    assert TrajectoryBalance()(evaluated).losses["tb"].value.item() == pytest.approx(d.square().mean().item())


def test_log_z_loss_trains_log_z_alone(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=RLUniform().quantities, joint=True)
    loss = RLUniform()(evaluated).losses["log_z"]
    assert loss.groups == {"log_z"}
    loss.value.backward()
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == {"log_z"}


@pytest.mark.parametrize("cls", [RLUniform, RLTrustRegion])
def test_log_z_does_not_enter_advantages_or_values(dag, cls):
    objective = cls()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities).detach()
    for name in (Advantage, ValueTarget):
        one, other = (objective.prepare(evaluated.having({LogZ: evaluated[LogZ] + x}))[name] for x in (0, 100))
        assert torch.equal(one, other)


def test_the_critic_is_fitted_to_monte_carlo_returns(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=RLUniform().quantities).detach()
    target = RLUniform().prepare(evaluated)[ValueTarget]
    torch.testing.assert_close(target[:, 0], -residuals.log_ratios(evaluated))


@pytest.mark.parametrize("cls", [RLUniform, RLTrustRegion])
def test_gradient_at_the_anchor_is_the_policy_gradient(dag, cls):
    ours = exact.gradient(exact.expected(cls(center=False), dag), dag)
    theirs = exact.gradient(exact.expected(PolicyGradient(lambda_=0.99), dag), dag)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_divergence_of_the_trust_region(dag):
    objective = RLTrustRegion()
    first, anchor = evaluate_and_anchor(dag.trajectories, dag.policy, quantities=objective.quantities)
    frozen = objective.prepare(first.detach())
    here = objective.policy(
        evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, anchor=anchor).having(frozen)
    )
    assert here.divergence.abs() < 1e-15
    assert exact.gradient(here.divergence, dag).abs().max() < 1e-15
    exact.shifted(dag)
    there = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, anchor=anchor).having(frozen)
    assert objective.policy(there).divergence.item() == pytest.approx(there[KLOld].sum().item() / 19)
    assert (golden_dag().probabilities() @ there[KLOld].sum(1)).item() == pytest.approx(0.199286, abs=1e-6)
    surrogate = -((there.log_pf - there[LogPFOld]).exp() * there[Advantage]).sum().item() / 19
    assert objective.policy(there).losses["policy"].value.item() == pytest.approx(surrogate)


def test_phases():
    policy, log_z, critic = RLTrustRegion(max_kl=0.02, damping=0.1, cg_iterations=7, backtracks=3).phases()
    assert vars(policy.trust_region) == {
        "max_divergence": 0.02, "cg_iterations": 7, "damping": 0.1, "backtracks": 3, "shrink": 0.5
    }  # fmt: skip
    assert (policy.quantities, log_z.quantities, critic.quantities) == ((KLOld,), (LogZ,), (LogFlow,))
    assert [p.name for p in RLUniform().phases()] == ["policy"]
    assert [p.name for p in RLUniform(critic_epochs=2).phases()] == ["policy", "critic"]
