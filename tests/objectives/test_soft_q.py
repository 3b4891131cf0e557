"""Soft Q-learning: SoftDQN, M-DQN and SAC against explicit tables of Q, and their fixed points, in float64."""

import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.objectives.residuals import detailed_balance
from molgfn.objectives.soft_q.munchausen_dqn import MunchausenDQN
from molgfn.objectives.soft_q.soft_actor_critic import SoftActorCritic
from molgfn.objectives.soft_q.soft_dqn import SoftDQN
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for, networks_of
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.networks import Networks

LOG_F = [4.143135, 3.226922, 2.777630, 3.605444, 3.428777, 3.161826, 2.089419, 2.516592, 2.708050]
LEGAL = torch.tensor([[i < 2, j < 2, True] for i in range(3) for j in range(3)])
STRIDE = (3, 1)


@pytest.fixture
def dag():
    return golden_dag()


@pytest.mark.parametrize(
    ("objective", "zero"),
    [
        (SoftDQN(), True),
        (SoftDQN(regression="squared", leaf_weight=3.0, reduction="trajectory"), True),
        (MunchausenDQN(), True),
        (MunchausenDQN(alpha=0.5, regression="squared"), True),
        (SoftActorCritic(), False),
        (SoftActorCritic(critics=1, regression="squared", reduction="trajectory"), False),
    ],
    ids=lambda o: type(o).__name__,
)
def test_contract(objective, zero):
    check_objective(objective, zero_at_balance=zero)


def table(seed):
    """Random Q [9, 3], -inf where illegal."""
    q = torch.randn(9, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return q.masked_fill(~LEGAL, -torch.inf)


def install(policy, q, tau=1.0):
    """V = tau logsumexp(Q/tau) and P_F = softmax(Q/tau) as the policy's tables, differentiable in q; the flat pair."""
    with torch.no_grad():
        policy.flows.copy_(tau * (q / tau).logsumexp(1))
        policy.forward_logits.copy_((q / tau).clamp(min=-1e9))


def into_q(policy, q, tau=1.0):
    """The gradient of the policy's tables, as the gradient of the table of Q that they were made from."""
    legal = q.detach().clone().requires_grad_()
    v, logits = tau * (legal / tau).logsumexp(1), legal / tau
    return torch.autograd.grad(
        [v, logits], legal, [policy.flows.grad, policy.forward_logits.grad.masked_fill(~LEGAL, 0.0)]
    )[0]


def dense_error(dag, q, target, *, alpha=0.0, clip=-100.0):
    """[steps] of (state, action, is exit, Q - y) written out one by one, from tables of Q."""
    tau = 1 / (1 - alpha)
    log_pb = dag.policy(_states(dag), forward=False, backward=True).backward.log_probs().detach()
    t = dag.trajectories
    state = dag.environment.index(t.states).tolist()
    errors = []
    for s, a, b in zip(state, t.actions.tolist(), t.trajectory.tolist(), strict=True):
        v = tau * (target[s] / tau).logsumexp(0)
        y = alpha * torch.clamp(target[s, a] - v, clip, 0.0)
        if a == 2:
            y = y + t.log_reward[b]
        else:
            after = s + STRIDE[a]
            y = y + log_pb[after, a] + tau * (target[after] / tau).logsumexp(0)
        errors.append(q[s, a] - y)
    return torch.stack(errors)


def _states(dag):
    return dag.trajectories.states[
        torch.tensor([dag.environment.index(dag.trajectories.states).tolist().index(s) for s in range(9)])
    ]


def huber(x):
    return torch.where(x.abs() < 1, x.square() / 2, x.abs() - 0.5)


@pytest.mark.parametrize(
    ("objective", "alpha", "clip"),
    [
        (SoftDQN(), 0.0, -100.0),
        (SoftDQN(leaf_weight=4.0, regression="squared"), 0.0, -100.0),
        (MunchausenDQN(alpha=0.15), 0.15, -100.0),
        (MunchausenDQN(alpha=0.4, lower_clip=-0.5, leaf_weight=2.0), 0.4, -0.5),
    ],
)
def test_loss_and_gradient_are_those_of_an_explicit_table_of_q(dag, objective, alpha, clip):
    tau = 1 / (1 - alpha)
    q, target = table(0), table(1)
    install(dag.policy, q, tau)
    other = dag.policy.copy()
    install(other, target, tau)
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, networks=Networks(target=other))
    (loss,) = objective(evaluated).losses.values()
    loss.value.backward()
    explicit = q.clone().requires_grad_()
    error = dense_error(dag, explicit, target, alpha=alpha, clip=clip)
    shape = huber if objective.regression.loss == "huber" else torch.square
    weight = torch.where(dag.trajectories.actions == 2, objective.leaf_weight, 1.0)
    want = (weight * shape(error)).mean()
    want.backward()
    assert loss.value.item() == pytest.approx(want.item(), abs=1e-12)
    torch.testing.assert_close(into_q(dag.policy, q, tau)[LEGAL], explicit.grad[LEGAL], rtol=0, atol=1e-12)
    assert dag.policy.backward_logits.grad is None
    assert all(p.grad is None for p in other.parameters())


def test_soft_dqn_is_detailed_balance_but_for_the_gradient_at_the_next_state(dag):
    objective = SoftDQN(regression="squared", reduction="trajectory")
    evaluated = evaluate_for(objective, dag, networks=Networks())  # the target is the policy itself
    torch.testing.assert_close(objective.error(evaluated), detailed_balance(evaluated), rtol=0, atol=0)
    value = objective(evaluated).losses["q"].value
    assert value.item() == pytest.approx(detailed_balance(evaluated).square().sum(1).mean().item(), abs=1e-12)
    ours = torch.autograd.grad(value, dag.policy.flows, retain_graph=True)[0]
    theirs = torch.autograd.grad(detailed_balance(evaluated).square().sum(1).mean(), dag.policy.flows)[0]
    assert (ours - theirs).abs().max() > 0.1
    assert ours[0].item() == pytest.approx(theirs[0].item(), abs=1e-12)  # nothing leads to the source


def test_alpha_zero_is_soft_dqn(dag):
    networks = networks_of(SoftDQN(), dag)
    values = []
    for objective in (SoftDQN(), MunchausenDQN(alpha=0.0)):
        (loss,) = objective(evaluate_for(objective, dag, networks=networks)).losses.values()
        values.append(loss.value)
    gradients = [torch.autograd.grad(v, dag.policy.forward_logits)[0] for v in values]
    assert values[0].item() == pytest.approx(values[1].item(), abs=1e-14)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("alpha", [0.0, 0.15, 0.6])
def test_exact_value_iteration_reaches_the_exact_policy_and_flows(dag, alpha):
    """Q <- y until it stands still: softmax(Q/tau) = P_F of the flows, tau logsumexp(Q/tau) = log F (identity 9)."""
    tau = 1 / (1 - alpha)
    t = dag.trajectories
    state = dag.environment.index(t.states)
    objective = MunchausenDQN(alpha=alpha)
    q = torch.zeros(9, 3, dtype=torch.float64).masked_fill(~LEGAL, -torch.inf)
    for _ in range(200):
        install(dag.policy, q, tau)
        evaluated = evaluate(t, dag.policy, quantities=objective.quantities, networks=Networks())
        error = objective.error(evaluated).detach()[t.trajectory, t.step]
        q[state, t.actions] = q[state, t.actions] - error  # every visit of (s, a) has the same y
    install(dag.policy, q, tau)
    assert dag.policy.flows.tolist() == pytest.approx(LOG_F, abs=1e-6)
    exact = golden_dag()
    exact.solve()
    ours = dag.policy(_states(dag)).forward.log_probs().exp()
    torch.testing.assert_close(ours, exact.policy(_states(dag)).forward.log_probs().exp(), rtol=0, atol=1e-9)
    log_pf = ours.log()
    bonus = torch.where(LEGAL, q - (exact.policy.flows[:, None] + log_pf), 0.0)  # Q = Q* + alpha tau log pi
    torch.testing.assert_close(bonus, torch.where(LEGAL, alpha * tau * log_pf, 0.0), rtol=0, atol=1e-6)


def test_the_temperature_is_not_optional(dag):
    """With tau = 1 the exact flows are no fixed point."""
    dag.solve()
    objective = MunchausenDQN(alpha=0.3)
    assert objective.error(evaluate_for(objective, dag)).abs().max() < 1e-9
    objective.temperature = 1.0
    assert objective.error(evaluate_for(objective, dag)).abs().max() > 0.1


def test_leaf_weight_weighs_exits_only(dag):
    evaluated = evaluate_for(SoftDQN(), dag)
    total = evaluated.mask.sum()
    plain, heavy = (SoftDQN(leaf_weight=w)(evaluated).losses["q"].value for w in (1.0, 5.0))
    exits = torch.where(evaluated.is_exit, huber(SoftDQN().error(evaluated)), 0.0).sum() / total
    assert (heavy - plain).item() == pytest.approx(4 * exits.item(), abs=1e-12)


@pytest.mark.parametrize("critics", [1, 2])
def test_sac_losses_are_those_of_explicit_tables(dag, critics):
    objective = SoftActorCritic(critics=critics, regression="squared")
    networks = networks_of(objective, dag)
    for name, network in networks.targets.items():
        install(network, table(10 + int(name[1])))
    evaluated = evaluate_for(objective, dag, networks=networks)
    output = objective(evaluated)
    states = _states(dag)

    def q_of(network):
        out = network(states, flow=True)
        return out.log_flow[:, None] + out.forward.log_probs()

    names = [network.name for network in objective.networks]
    now = {n: q_of(networks.own[n]).detach().requires_grad_() for n in names}
    old = torch.stack([q_of(networks.targets[n]).detach() for n in names]).amin(0)
    logits = dag.policy.forward_logits.detach().clone().requires_grad_()
    log_pi = logits.masked_fill(~LEGAL, -torch.inf).log_softmax(1)
    pi = log_pi.exp()
    least = torch.stack([now[n].detach() for n in names]).amin(0)
    gap = (pi * torch.where(LEGAL, log_pi - torch.where(LEGAL, least, 0.0), 0.0)).nan_to_num().sum(1)
    value = (pi * torch.where(LEGAL, torch.where(LEGAL, old, 0.0) - log_pi, 0.0)).nan_to_num().sum(1).detach()
    log_pb = dag.policy(states, forward=False, backward=True).backward.log_probs().detach()
    t = dag.trajectories
    critic, actor = 0.0, 0.0
    for s, a, b in zip(
        dag.environment.index(t.states).tolist(), t.actions.tolist(), t.trajectory.tolist(), strict=True
    ):
        y = t.log_reward[b] if a == 2 else log_pb[s + STRIDE[a], a] + value[s + STRIDE[a]]
        critic = critic + sum((now[n][s, a] - y).square() for n in names)
        actor = actor + gap[s]
    n = len(t.actions)
    assert output.losses["critic"].value.item() == pytest.approx((critic / n).item(), abs=1e-10)
    assert output.losses["actor"].value.item() == pytest.approx((actor / n).item(), abs=1e-10)
    (want,) = torch.autograd.grad(actor / n, logits)
    (got,) = torch.autograd.grad(output.losses["actor"].value, dag.policy.forward_logits, retain_graph=True)
    torch.testing.assert_close(got[LEGAL], want[LEGAL], rtol=0, atol=1e-10)
    assert output.metrics["log_z"].item() == pytest.approx(-gap[0].item(), abs=1e-10)
    for name in names:
        network = networks.own[name]
        (want,) = torch.autograd.grad(critic / n, now[name], retain_graph=True)
        network.zero_grad()
        output.losses["critic"].value.backward(inputs=list(network.parameters()), retain_graph=True)
        torch.testing.assert_close(
            into_q(network, q_of(network).detach())[LEGAL], want[LEGAL], rtol=0, atol=1e-10, msg=name
        )


def test_each_loss_of_sac_reaches_its_own_networks_only(dag):
    objective = SoftActorCritic()
    networks = networks_of(objective, dag)
    output = objective(evaluate_for(objective, dag, networks=networks))
    reached = {}
    for name, loss in output.losses.items():
        loss.value.backward(retain_graph=True)
        networks_all = {
            "policy": dag.policy,
            **networks.own,
            **{f"{k} target": v for k, v in networks.targets.items()},
        }
        reached[name] = {k for k, v in networks_all.items() if any(p.grad is not None for p in v.parameters())}
        assert dag.policy.flows.grad is None
        assert dag.policy.backward_logits.grad is None
        for network in networks_all.values():
            network.zero_grad()
    assert reached == {"critic": {"q1", "q2"}, "actor": {"policy"}}


def test_settings_without_effect_or_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="huber_delta"):
        SoftDQN(regression="squared", huber_delta=2.0)
