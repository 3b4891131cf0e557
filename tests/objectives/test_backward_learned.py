"""Backward policies that a loss of their own trains, and maximum entropy, by exact enumeration of the golden DAG."""

from math import comb

import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.objectives.backward.base import Guide
from molgfn.objectives.backward.guided import GuidedTrajectoryBalance
from molgfn.objectives.backward.joint import Joint
from molgfn.objectives.backward.maximum_entropy import MaximumEntropy
from molgfn.objectives.backward.pessimistic import Pessimistic
from molgfn.objectives.backward.policy_gradient import BackwardPolicyGradient
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Network
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag
from molgfn.testing.objective import reordered, widened
from molgfn.trajectories.evaluate import evaluate, evaluate_backward
from molgfn.trajectories.quantities.backward import LogGuide, LogPB
from molgfn.trajectories.quantities.backward_values import BackwardValue
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.quantities.forward import ConstantLogPF
from molgfn.trajectories.quantities.inflow import LogInflow
from molgfn.trajectories.quantities.networks import Networks

LOG_PATHS = torch.tensor([[comb(i + j, i) for j in range(3)] for i in range(3)], dtype=torch.float64).flatten().log()


class Fixed(Guide):
    """Any number for each edge."""

    table = torch.randn(9, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def log_prob(self, trajectories, policy):
        edge = self.table[policy.environment.index(trajectories.states), trajectories.actions]
        return torch.where(trajectories.exits, 0.0, edge)


@pytest.fixture
def dag():
    return golden_dag()


def own_networks(backward, dag):
    """Tables with random numbers."""
    out = {}
    for i, name in enumerate(n.name for n in backward.networks):
        out[name] = dag.policy.copy()
        with torch.no_grad():
            out[name].flows.copy_(torch.randn(9, generator=torch.Generator().manual_seed(i), dtype=torch.float64))
    return out


def evaluated_for(backward, dag, trajectories=None, networks=None):
    t = dag.trajectories if trajectories is None else trajectories
    guide = None if backward.guide is None else backward.guide.log_prob(t, dag.policy)
    networks = networks or own_networks(backward, dag)
    beside = Networks(own=networks, log_guide=guide)
    return evaluate_backward(t, dag.policy, quantities=backward.quantities, networks=beside)


LEARNED = [
    TrajectoryLikelihood(),
    Pessimistic(),
    MaximumEntropy(counts="learned"),
    BackwardPolicyGradient(),
    BackwardPolicyGradient(lambda_=0.7),
    BackwardPolicyGradient(guide=Fixed()),
    GuidedTrajectoryBalance(guide=Fixed()),
]


@pytest.mark.parametrize("backward", LEARNED, ids=lambda b: type(b).__name__)
def test_gradient_reaches_what_is_declared_and_nothing_else(dag, backward):
    networks = own_networks(backward, dag)
    evaluated = evaluated_for(backward, dag, networks=networks)
    groups = {k: v[0] for k, v in dag.policy.parameter_groups().items()}
    groups |= {k: v.flows for k, v in networks.items()}
    declared = set()
    for loss in backward(evaluated).losses.values():
        assert torch.isfinite(loss.value)
        found = torch.autograd.grad(loss.value, list(groups.values()), retain_graph=True, allow_unused=True)
        assert {k for k, g in zip(groups, found, strict=True) if g is not None} == loss.groups
        declared |= loss.groups
    assert declared == {"backward", *(n.name for n in backward.networks)}


@pytest.mark.parametrize("backward", LEARNED, ids=lambda b: type(b).__name__)
def test_pads_and_the_order_of_trajectories_change_nothing(dag, backward):
    evaluated = evaluated_for(backward, dag)
    order = torch.randperm(19, generator=torch.Generator().manual_seed(0))
    base = backward(evaluated).losses
    for other in (widened(evaluated, 3), reordered(evaluated, order)):
        for name, loss in backward(other).losses.items():
            torch.testing.assert_close(loss.value, base[name].value, rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------------------------------------- maximum entropy


def test_maximum_entropy_makes_all_paths_equally_likely():
    """Identity 12."""
    dag = golden_dag(learned_backward=False)
    policy = TabularPolicy(environment=dag.environment, backward_rule=MaximumEntropy().fixed).double()
    log_pb = evaluate(dag.trajectories, policy, quantities=(LogPB,))[LogPB].sum(1)
    last = dag.environment.index(dag.trajectories.terminal)
    torch.testing.assert_close(log_pb, -LOG_PATHS[last], rtol=0, atol=1e-12)


def test_learned_maximum_entropy_is_solved_by_the_counts_alone(dag):
    backward = MaximumEntropy(counts="learned")
    networks = own_networks(backward, dag)
    assert backward(evaluated_for(backward, dag, networks=networks)).losses["maxent"].value.item() > 1
    with torch.no_grad():
        networks["log_paths"].flows.copy_(LOG_PATHS + torch.nn.functional.one_hot(torch.tensor(0), 9) * 5.0)  # pinned
        i, j = (torch.arange(9) // 3).double(), (torch.arange(9) % 3).double()
        dag.policy.backward_logits[:, 0] = i.clamp(min=1e-30).log()
        dag.policy.backward_logits[:, 1] = j.clamp(min=1e-30).log()
    loss = backward(evaluated_for(backward, dag, networks=networks)).losses["maxent"].value
    assert loss.item() < 1e-20


def test_maximum_entropy_counts_or_learns():
    assert not MaximumEntropy(counts_paths=True).learned
    assert MaximumEntropy(counts_paths=False).networks == (Network("log_paths"),)
    assert MaximumEntropy(counts="learned", counts_paths=True).has_loss
    assert MaximumEntropy(counts="counted", counts_paths=True).networks == ()
    with pytest.raises(ConfigError, match="does not count its paths"):
        MaximumEntropy(counts="counted", counts_paths=False)


# ---------------------------------------------------------------------------------------------- pessimistic


def test_pessimistic_is_the_likelihood_of_recent_batches(dag):
    tlm, pessimistic = TrajectoryLikelihood(), Pessimistic(memory=5, steps=2, target_rate=None)
    a = tlm(evaluated_for(tlm, dag)).losses["tlm"].value
    b = pessimistic(evaluated_for(pessimistic, dag)).losses["pessimistic"].value
    assert a.item() == b.item()
    assert (pessimistic.trajectories, pessimistic.memory, pessimistic.steps) == ("recent", 5, 2)
    assert not pessimistic.on_policy
    assert [b.target.rate for b in (TrajectoryLikelihood(), Pessimistic())] == [0.25, 0.05]
    assert [b.target for b in (TrajectoryLikelihood(target_rate=None), pessimistic)] == [None, None]


# ---------------------------------------------------------------------------------------------- RL-B, RL-G


def backward_weights(dag):
    """P_T(x) P_B(tau|x) [19] with its gradient; log P_B(tau|x); log P_F(tau) without the exit; that of the exit."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,), joint=True)
    last = dag.environment.index(dag.trajectories.terminal)
    p_t = torch.zeros(9, dtype=torch.float64).index_add(0, last, dag.probabilities())
    log_pb, log_pf = evaluated[LogPB].sum(1), evaluated.log_pf.detach()
    exits = (log_pf * evaluated.is_exit).sum(1)
    return p_t[last] * log_pb.exp(), log_pb, log_pf.sum(1) - exits, exits


def test_rl_b_cost_is_the_divergence(dag):
    backward = BackwardPolicyGradient()
    weight, *_, exits = backward_weights(dag)
    cost = sum(
        weight[i].item()
        * backward(evaluated_for(backward, dag, dag.trajectories.select(torch.tensor([i])))).metrics["rl_b/cost"].item()
        for i in range(19)
    )
    assert cost - (weight * exits).sum().item() == pytest.approx(1.732679, abs=1e-6)


@pytest.mark.parametrize("guide", [None, Fixed()], ids=["rl_b", "rl_g"])
def test_score_function_gradient_is_the_exact_one(dag, guide):
    """With lambda 1 whatever V_B is: V_B here is random."""
    backward = BackwardPolicyGradient(guide=guide)
    weight, log_pb, log_pf, _ = backward_weights(dag)
    evaluated = evaluated_for(backward, dag)
    teacher = log_pf if guide is None else evaluated[LogGuide].sum(1)
    (exact,) = torch.autograd.grad((weight * (log_pb - teacher)).sum(), dag.policy.backward_logits)
    name = "rl_b" if guide is None else "rl_g"

    networks, surrogate = own_networks(backward, dag), 0.0
    for i in range(19):
        one = evaluated_for(backward, dag, dag.trajectories.select(torch.tensor([i])), networks)
        surrogate = surrogate + weight[i].detach() * backward(one).losses[name].value
    (surrogate,) = torch.autograd.grad(surrogate, dag.policy.backward_logits)
    torch.testing.assert_close(surrogate, exact, rtol=0, atol=1e-12)
    assert exact.norm() > 0.05


@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
def test_advantages_run_from_the_object_to_the_source(dag, lambda_):
    """Against the recursion A_t = delta_t + lambda A_{t-1}, by hand."""
    backward = BackwardPolicyGradient(lambda_=lambda_)
    evaluated = evaluated_for(backward, dag)
    value = evaluated[BackwardValue].detach().clone()
    value[:, 0] = 0
    policy = critic = 0.0
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        advantage = 0.0
        for t in range(length - 1):
            cost = (evaluated[LogPB][b, t] - evaluated[ConstantLogPF][b, t]).item()
            advantage = cost + value[b, t].item() - value[b, t + 1].item() + lambda_ * advantage
            policy += advantage * evaluated[LogPB][b, t].item() / 19
            critic += advantage**2 / 19
    losses = backward(evaluated).losses
    assert losses["rl_b"].value.item() == pytest.approx(policy, rel=1e-10)
    assert losses["critic"].value.item() == pytest.approx(critic, rel=1e-10)


def test_the_critic_is_done_at_the_expected_cost_to_go(dag):
    """V_B from the recursion over states: then the expected gradient of the critic is 0."""
    backward = BackwardPolicyGradient()
    networks = own_networks(backward, dag)
    states = dag.trajectories.states
    out = dag.policy(states, backward=True)
    index, pb = dag.environment.index(states), out.backward.log_probs().detach()
    table = {int(i): row for i, row in zip(index, pb, strict=True)}
    forward = {int(i): row for i, row in zip(index, out.forward.log_probs().detach(), strict=True)}
    value = torch.zeros(9, dtype=torch.float64)
    for s in range(1, 9):
        for action, before in ((0, s - 3 if s >= 3 else None), (1, s - 1 if s % 3 else None)):
            if before is not None:
                log_p = table[s][action]
                value[s] += log_p.exp() * (log_p - forward[before][action] + value[before])
    with torch.no_grad():
        networks["value_backward"].flows.copy_(value)
    weight = backward_weights(dag)[0].detach()
    total = 0.0
    for i in range(19):
        one = evaluated_for(backward, dag, dag.trajectories.select(torch.tensor([i])), networks)
        total = total + weight[i] * backward(one).losses["critic"].value
    (gradient,) = torch.autograd.grad(total, networks["value_backward"].flows)
    assert gradient.abs().max() < 1e-12


# ---------------------------------------------------------------------------------------------- guided TB


class Own(Guide):
    """P_B itself."""

    def log_prob(self, trajectories, policy):
        log_pb = evaluate_backward(trajectories, policy)[LogPB].detach()
        return log_pb[trajectories.trajectory, trajectories.step]


def test_guided_loss_vanishes_where_pb_is_the_guide_whatever_the_reward(dag):
    assert dag.log_reward.abs().max() > 1
    own, other = GuidedTrajectoryBalance(guide=Own()), GuidedTrajectoryBalance(guide=Fixed())
    assert own(evaluated_for(own, dag)).losses["guided_tb"].value.item() == 0
    evaluated = evaluated_for(other, dag)
    squares = (evaluated[LogPB].sum(1) - evaluated[LogGuide].sum(1)).square()
    assert other(evaluated).losses["guided_tb"].value.item() == pytest.approx(squares.mean().item(), rel=1e-12)
    low = GuidedTrajectoryBalance(guide=Fixed(), clamp=0.5)
    assert low(evaluated).losses["guided_tb"].value.item() == pytest.approx(squares.clamp(max=0.5).mean().item())
    assert (squares > 0.5).any()


def test_the_forward_objective_reads_the_mixture(dag):
    guide = Fixed().log_prob(dag.trajectories, dag.policy)
    mixed = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,), networks=Networks(log_guide=guide, share=0.25))
    plain = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    torch.testing.assert_close(mixed[LogPB], 0.25 * plain[LogPB] + 0.75 * dag.trajectories.pad(guide))


def test_misfits():
    guided = GuidedTrajectoryBalance(guide=Fixed())
    assert guided.misfit(TrajectoryBalance()) is None
    for objective in (DetailedBalance(), SubTrajectoryBalance(), PolicyGradient(), PolicyGradient(advantage="total")):
        assert "step by step" in guided.misfit(objective)
    assert GuidedTrajectoryBalance(guide=Fixed(), share=1.0).misfit(DetailedBalance()) is None

    class NoPB(TrajectoryBalance):
        quantities = (LogFlow, LogInflow)

    assert "does not read P_B" in guided.misfit(NoPB())
    assert "gives P_B no gradient" in Joint().misfit(PolicyGradient())
    assert Joint().misfit(TrajectoryBalance()) is None
    assert all(b.misfit(PolicyGradient()) is None for b in LEARNED[:-1])
