"""Policy gradients on the golden DAG: advantages, identities 7 and the variances, critics; all by exact enumeration."""

import pytest
import torch
from tests.objectives import policy_gradients as exact

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives.policy_gradients import advantages
from molgfn.objectives.policy_gradients.critics import Critic
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.objectives.residuals import log_ratios
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow

KINDS = ["total", "leave_one_out", "reward_to_go", "baseline", "gae"]


@pytest.fixture
def dag():
    return golden_dag()


def with_values(dag, values):
    with torch.no_grad():
        dag.policy.flows.copy_(values)
    return dag


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("center", [False, True])
def test_contract(kind, center):
    objective = PolicyGradient(advantage=kind, center=center)
    if center and kind == "reward_to_go":  # a step is in the mean that is taken off it, and G_t does not vanish
        with pytest.raises(ContractError, match="expected gradient"):
            check_objective(objective, zero_at_balance=False)
    else:
        check_objective(objective, zero_at_balance=False)
    has_critic = kind in {"baseline", "gae"}
    assert ("flow" in objective.trains) == ("flow" in objective.separate) == has_critic
    assert (LogFlow in (*objective.quantities, *objective.prepares_from)) == has_critic


@pytest.mark.parametrize("arguments", [{"critic": "sub_eb"}, {"critic_epochs": 4, "critic_splits": 2}])
def test_contract_of_other_critics(arguments):
    check_objective(PolicyGradient(**arguments), zero_at_balance=False)


def test_golden_path(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    g = advantages.soft_rewards(evaluated)
    assert g[exact.PATH, :3].tolist() == pytest.approx([0.709895, 2.492099, 3.581366], abs=1e-6)
    assert advantages.rewards_to_go(g)[exact.PATH, 0].item() == pytest.approx(6.783361, abs=1e-6)
    for lambda_, golden in ((0.7, [4.071234, 4.659056, 3.381366]), (1.0, [6.483361, 5.673466, 3.381366])):
        gae = advantages.gae(g, evaluated[LogFlow], evaluated.mask, lambda_)
        assert gae[exact.PATH].tolist() == pytest.approx([*golden, 0.0, 0.0], abs=1e-6)


def test_gae_by_the_recursion(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    g, v = advantages.soft_rewards(evaluated), evaluated[LogFlow]
    for lambda_ in (0.0, 0.7, 1.0):
        gae = advantages.gae(g, v, evaluated.mask, lambda_)
        for b, length in enumerate(dag.trajectories.lengths.tolist()):
            ahead = 0.0
            for t in reversed(range(length)):
                following = v[b, t + 1].item() if t + 1 < length else 0.0
                ahead = g[b, t].item() + following - v[b, t].item() + lambda_ * ahead
                assert gae[b, t].item() == pytest.approx(ahead, abs=1e-12)


def test_pads_do_not_enter_the_recursion(dag):
    """Neither more pads nor anything that stands on them; a final state that is repeated there would bias the exit."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    g = advantages.soft_rewards(evaluated)
    dirty = torch.where(evaluated.mask, evaluated[LogFlow], 7.0)
    wide = [torch.cat([x, x.new_zeros(19, 3)], 1) for x in (g, dirty, evaluated.mask)]
    narrow = advantages.gae(g, evaluated[LogFlow], evaluated.mask, 0.7)
    close(advantages.gae(*wide, 0.7)[:, :-3], narrow)
    for kind in ("td_lambda", "sub_eb"):
        critic = Critic(kind)
        target = critic.target(g, evaluated[LogFlow], evaluated.mask)
        close(critic.target(*wide)[:, :-3], target)
        wider = torch.cat([target, torch.full((19, 3), 9.0, dtype=g.dtype)], 1)
        close(critic.loss(wide[1], wider, wide[2]), critic.loss(evaluated[LogFlow], target, evaluated.mask))


@pytest.mark.parametrize("kind", ["total", "reward_to_go", "baseline"])
def test_expected_gradient_is_that_of_the_kl(dag, kind):
    """Identity 7, with an arbitrary V."""
    close(exact.gradient(exact.expected(PolicyGradient(advantage=kind), dag), dag), exact.kl_gradient(dag))


@pytest.mark.parametrize(("lambda_", "bias"), [(0.7, 0.226), (0.99, 0.0094), (1.0, 0.0)])
def test_gae_needs_the_right_values_below_lambda_1(dag, lambda_, bias):
    objective = PolicyGradient(lambda_=lambda_)
    error = exact.gradient(exact.expected(objective, dag), dag) - exact.kl_gradient(dag)
    assert error.abs().max().item() == pytest.approx(bias, abs=5e-4 if lambda_ < 0.9 else 5e-5)
    with_values(dag, exact.exact_values(dag))
    close(exact.gradient(exact.expected(objective, dag), dag), exact.kl_gradient(dag))


def test_exact_values(dag):
    assert exact.exact_values(dag).tolist() == pytest.approx(exact.V_PI, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "trace"),
    [
        ({"advantage": "total"}, 14.87),
        ({"advantage": "reward_to_go"}, 9.71),
        ({"advantage": "baseline"}, 2.18),
        ({"lambda_": 0.7}, 1.87),
        ({"lambda_": 0.0}, 1.65),
    ],
)
def test_variance_of_the_gradient_of_one_trajectory(dag, arguments, trace):
    with_values(dag, exact.exact_values(dag))
    losses = exact.each(PolicyGradient(**arguments), dag)
    g = torch.stack([exact.gradient(loss, dag).flatten() for loss in losses])
    p = dag.probabilities()
    mean = p @ g
    assert (p @ (g - mean).square().sum(1)).item() == pytest.approx(trace, abs=5e-3)


def test_leave_one_out_is_half_the_gradient_of_the_log_variance(dag):
    """Of the same batch, with the unbiased variance; and it refuses a batch of one."""
    objective = PolicyGradient(advantage="leave_one_out")
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities)
    ours = exact.gradient(objective(evaluated).losses["policy"].value, dag)
    close(ours, 0.5 * exact.gradient(log_ratios(evaluated).var(), dag))
    with pytest.raises(ContractError, match="at least two"):
        objective(evaluate(dag.trajectories.select(torch.tensor([0])), dag.policy, quantities=objective.quantities))


def test_no_gradient_goes_through_the_weights(dag):
    """Not to P_B, not to V, and not through the -log P_F inside the reward."""
    objective = PolicyGradient()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, joint=True)
    output = objective(evaluated)
    output.losses["policy"].value.backward(retain_graph=True)
    assert dag.policy.backward_logits.grad is None
    assert dag.policy.flows.grad is None
    frozen = objective.prepare(evaluated.detach())[Advantage]
    plain = exact.gradient(-(evaluated.log_pf * frozen).sum() / 19, dag)
    close(dag.policy.forward_logits.grad, plain)
    dag.policy.forward_logits.grad = None
    output.losses["critic"].value.backward()
    assert dag.policy.forward_logits.grad is None
    assert dag.policy.flows.grad is not None


def test_center(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    plain, centred = (PolicyGradient(center=c).prepare(evaluated)[Advantage] for c in (False, True))
    assert centred[evaluated.mask].mean().abs().item() < 1e-12
    close((plain - centred)[evaluated.mask].std(), torch.zeros((), dtype=torch.float64))
    assert not centred[~evaluated.mask].any()


def population_loss(critic, dag, values):
    """Expected loss of the critic as a function of V [9]; td_lambda with the target at the V it is asked at."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    g, p = advantages.soft_rewards(evaluated), dag.probabilities()
    index = torch.zeros(evaluated.mask.shape, dtype=torch.long)
    index[evaluated.mask] = dag.environment.index(dag.trajectories.states)
    value = values[index] * evaluated.mask
    target = critic.target(g, value.detach(), evaluated.mask)
    rows = [critic.loss(*(x[i : i + 1] for x in (value, target, evaluated.mask))) for i in range(19)]
    return (p * torch.stack(rows)).sum()


@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("reduction", ["trajectory", "transition"])
def test_td_lambda_has_the_values_of_the_policy_as_its_fixed_point(dag, lambda_, reduction):
    critic = Critic("td_lambda", lambda_, reduction=reduction)
    values = exact.exact_values(dag).requires_grad_()
    slope = torch.autograd.grad(population_loss(critic, dag, values), values)[0]
    if reduction == "trajectory":
        close(slope, torch.zeros_like(slope), 1e-9)
    else:  # a mean over the steps of one trajectory alone weighs by 1 / T, which the future decides; not a batch mean
        assert slope.abs().max() > 1e-3
    off = (values.detach() + 1).requires_grad_()
    assert torch.autograd.grad(population_loss(critic, dag, off), off)[0].abs().max() > 1e-2


def minimiser(critic, dag):
    """The loss is quadratic in V: one Newton step from 0."""
    start = torch.zeros(9, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(population_loss(critic, dag, start), start)[0]
    bend = torch.autograd.functional.hessian(lambda v: population_loss(critic, dag, v), start.detach())
    return torch.linalg.lstsq(bend, -slope[:, None]).solution[:, 0]


def test_a_mean_over_steps_is_off_by_how_trajectories_weigh(dag):
    """Monte-Carlo targets, one trajectory a batch: the fixed point is E[G / T] / E[1 / T] over visits, not V^pi."""
    found = minimiser(Critic("td_lambda", 1.0, reduction="transition"), dag)
    assert (found - exact.exact_values(dag)).abs().max().item() == pytest.approx(0.65, abs=0.02)


@pytest.mark.parametrize(("lambda_", "source"), [(1e-6, 1.329), (0.9, 1.716), (1.9, 1.953), (50.0, 2.378)])
def test_sub_eb_misses_the_values_of_an_inexact_policy(dag, lambda_, source):
    """The residual-gradient problem: true V^pi(s0) is 2.3985."""
    critic = Critic("sub_eb", lambda_)
    found = minimiser(critic, dag)
    assert found[0].item() == pytest.approx(source, abs=5e-4)
    assert (found - exact.exact_values(dag)).abs().max() > 2
    dag.solve()
    close(minimiser(critic, dag), torch.tensor(exact.LOG_FLOW, dtype=torch.float64), 2e-5 if lambda_ < 1e-3 else 2e-6)


def test_sub_eb_by_the_double_loop(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow)).detach()
    g, critic = advantages.soft_rewards(evaluated), Critic("sub_eb", 0.9)
    total = 0.0
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        value = [*evaluated[LogFlow][b, :length].tolist(), 0.0]
        pairs = [(i, j) for i in range(length) for j in range(i + 1, length + 1)]
        weights = sum(0.9 ** (j - i) for i, j in pairs)
        residuals = [value[i] - g[b, i:j].sum().item() - value[j] for i, j in pairs]
        total += sum(0.9 ** (j - i) * r**2 for (i, j), r in zip(pairs, residuals, strict=True)) / weights
    loss = critic.loss(evaluated[LogFlow], critic.target(g, evaluated[LogFlow], evaluated.mask), evaluated.mask)
    assert loss.item() == pytest.approx(total / 19, rel=1e-12)


def test_sub_eb_stays_finite_on_long_trajectories():
    value = torch.randn(3, 100, requires_grad=True)
    mask = torch.arange(100) < torch.tensor([[100], [50], [1]])
    loss = Critic("sub_eb", 50.0).loss(value * mask, torch.zeros_like(value), mask)
    (slope,) = torch.autograd.grad(loss, value)
    assert torch.isfinite(loss)
    assert torch.isfinite(slope).all()


def test_phases():
    """One step on both losses where the critic takes one; else P_F once, and the critic alone as often as said."""
    assert [p.name for p in PolicyGradient().phases()] == ["policy"]
    policy, critic = PolicyGradient(critic_epochs=4, critic_splits=2).phases()
    assert (policy.epochs, policy.splits) == (1, 1)
    assert (critic.epochs, critic.splits, critic.needs_log_pf, critic.quantities) == (4, 2, False, (LogFlow,))
    assert len(PolicyGradient(advantage="total").phases()) == 1


def test_two_phases_take_the_same_gradients_as_one(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow))
    whole = PolicyGradient()(evaluated)
    split = PolicyGradient(critic_epochs=2)
    now = evaluated.having(split.prepare(evaluated.detach()))
    for phase, name, parameter in zip(
        split.phases(), ("policy", "critic"), (dag.policy.forward_logits, dag.policy.flows), strict=True
    ):
        (loss,) = phase.loss(now).losses.values()
        one, other = (
            torch.autograd.grad(x, parameter, retain_graph=True)[0] for x in (loss.value, whole.losses[name].value)
        )
        close(one, other)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"advantage": "total", "critic": "sub_eb", "lambda_": 0.5}, "lambda_, critic would be ignored"),
        ({"critic_lambda": 1.5}, "in \\[0, 1\\]"),
        ({"critic": "sub_eb", "critic_lambda": 0.0}, "> 0"),
    ],
)
def test_settings_that_cannot_work(arguments, says):
    with pytest.raises(ConfigError, match=says):
        PolicyGradient(**arguments)


def test_metrics(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogFlow))
    mean = -log_ratios(evaluated).mean().item()
    for kind in KINDS:
        metrics = PolicyGradient(advantage=kind)(evaluated).metrics
        assert metrics["elbo"].item() == pytest.approx(mean)
        assert metrics["log_z"].item() == pytest.approx(0.3 if kind in {"baseline", "gae"} else mean)


def test_the_baselines_critic_is_fitted_to_the_return_to_go():
    """V's target is advantage + V, which for W = G_t - V is G_t itself; lambda_ belongs to gae."""
    from molgfn.errors import ConfigError
    from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient

    assert PolicyGradient(advantage="baseline").critic.lambda_ == 1.0
    assert PolicyGradient(advantage="gae").critic.lambda_ == 0.9
    with pytest.raises(ConfigError, match="critic_lambda"):
        PolicyGradient(advantage="baseline", lambda_=0.5)
