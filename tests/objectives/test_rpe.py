"""Random policy evaluation: exact values of the uniform policy, and the policy read off them."""

from dataclasses import replace

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.objectives.soft_q.random_policy_evaluation import RandomPolicyEvaluation
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.children import LogChildren, LogPathFactor, LogPFAll
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.sampler import Sampler

ENVIRONMENTS = [
    HyperGrid(dimensions=1, side=6),
    Strings(alphabet="AB", length=3, mode="append"),
    Strings(alphabet="AB", length=3, mode="prepend_append"),
    Strings(alphabet="AB", length=3, mode="any_slot"),
]


def reward_of(environment):
    """A fixed log R of every state by its number, float64."""
    draw = torch.Generator().manual_seed(5)
    return torch.randn(environment.n_states, generator=draw, dtype=torch.float64)


def batch(environment, n=400):
    """Uniform trajectories with log R at the exit and at every state that stands for an object."""
    policy = TabularPolicy(environment=environment).double()
    drawn = Sampler(environment).forward(policy, n, generator=torch.Generator().manual_seed(0))
    values = reward_of(environment)[environment.index(drawn.states)]
    return policy, replace(
        drawn,
        log_reward=values[drawn.last],
        log_reward_state=torch.where(environment.has_object(drawn.states), values, 0.0),
    )


def backups(policy, trajectories, rounds=8):
    """Put log F at every visited state where evaluation wants it, until it stands still."""
    objective, environment = RandomPolicyEvaluation(), policy.environment
    index = environment.index(trajectories.states)
    for _ in range(rounds):
        evaluated = evaluate(trajectories, policy, quantities=objective.quantities, networks=Networks())
        following, n_actions = objective.log_next_values(evaluated)
        wanted = following.logsumexp(-1) - n_actions - evaluated[LogPathFactor]
        with torch.no_grad():
            policy.flows[index] = wanted[trajectories.trajectory, trajectories.step]


def uniform_value(environment, policy_index, states, log_g):
    """mean over legal actions of V(s'), V = R' g A at the exit, by recursion over single states."""
    mask = environment.forward_mask(states)[0]
    n = int(mask.sum())
    total = 0.0
    for action in mask.nonzero().flatten().tolist():
        if action == environment.stop_action:
            total += float(policy_index[environment.index(states)].exp()) * float(torch.tensor(log_g).exp()) * n
        else:
            below = environment.step(states, torch.tensor([action]))
            parents = int(environment.backward_mask(below).sum())
            total += uniform_value(environment, policy_index, below, log_g + float(torch.tensor(n / parents).log()))
    return total / n


def test_contract():
    check_objective(RandomPolicyEvaluation())
    check_objective(RandomPolicyEvaluation(reduction="trajectory"))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{type(e).__name__}-{getattr(e, 'mode', '')}")
def test_evaluation_finds_the_value_of_the_uniform_policy(environment):
    """V(s0) = F(s0) is the uniform policy's expected R' g A, and, for uniform P_B, the sum of all R'."""
    policy, trajectories = batch(environment)
    backups(policy, trajectories)
    source = environment.initial(1)
    by_recursion = uniform_value(environment, reward_of(environment), source, 0.0)
    found = policy.flows[environment.index(source)].exp().item()
    assert found == pytest.approx(by_recursion, rel=1e-9)
    last = environment.index(trajectories.terminal)
    everything = reward_of(environment)[last.unique()].exp().sum().item()
    assert len(last.unique()) == (6 if isinstance(environment, HyperGrid) else 8)
    assert found == pytest.approx(everything, rel=1e-9)


@pytest.mark.parametrize("environment", ENVIRONMENTS[::3], ids=lambda e: type(e).__name__)
def test_extraction_gives_the_policy_of_the_exact_flows(environment):
    policy, trajectories = batch(environment)
    backups(policy, trajectories)
    objective = RandomPolicyEvaluation()
    evaluated = evaluate(trajectories, policy, quantities=objective.quantities, networks=Networks())
    losses = objective(evaluated).losses
    assert losses["evaluation"].value.item() < 1e-18
    assert losses["extraction"].value.item() > 0.01
    index = environment.index(trajectories.states)
    with torch.no_grad():
        log_q = objective.log_next_values(evaluated)[0].log_softmax(-1)[trajectories.trajectory, trajectories.step]
        policy.forward_logits[index] = log_q.clamp(min=-1e9)
    again = evaluate(trajectories, policy, quantities=(*objective.quantities, LogPB), networks=Networks())
    assert abs(objective(again).losses["extraction"].value.item()) < 1e-12
    # P_F(tau) / P_B(tau|x) = R / Z for every trajectory: the policy is that of the exact flows for uniform P_B
    ratio = again.log_pf.sum(1) - again[LogPB].sum(1) - again.log_reward
    assert (ratio - ratio[0]).abs().max() < 1e-9
    assert -ratio[0].item() == pytest.approx(policy.flows[environment.index(environment.initial(1))].item(), abs=1e-9)


def test_both_losses_vanish_at_the_exact_flows_of_uniform_p_b():
    dag = golden_dag(learned_backward=False)
    dag.solve()
    objective = RandomPolicyEvaluation()
    losses = objective(evaluate_for(objective, dag)).losses
    assert losses["evaluation"].value.item() < 1e-20
    assert abs(losses["extraction"].value.item()) < 1e-12


def test_each_loss_reaches_its_own_parameters_only():
    dag = golden_dag()
    objective = RandomPolicyEvaluation()
    networks = Networks(target=dag.policy.copy())
    losses = objective(evaluate_for(objective, dag, networks=networks)).losses
    reached = {}
    for name, loss in losses.items():
        loss.value.backward(retain_graph=True)
        reached[name] = {k for k, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
        dag.policy.zero_grad()
    assert (
        reached == {"evaluation": {"flow"}, "extraction": {"forward"}} == {k: set(v.groups) for k, v in losses.items()}
    )
    assert all(p.grad is None for p in networks.target.parameters())


def test_children_are_read_from_the_target_network():
    dag = golden_dag()
    objective = RandomPolicyEvaluation()
    target = dag.policy.copy()
    with torch.no_grad():
        target.flows += 1.0
    shifted = evaluate_for(objective, dag, networks=Networks(target=target))
    same = evaluate_for(objective, dag, networks=Networks(target=dag.policy))
    on = same[LogChildren].isfinite()
    torch.testing.assert_close(shifted[LogChildren][on], same[LogChildren][on] + 1.0)


def test_the_extraction_gradient_is_that_of_the_cross_entropy():
    dag = golden_dag()
    objective = RandomPolicyEvaluation(reduction="trajectory")
    evaluated = evaluate_for(objective, dag)
    q = objective.log_next_values(evaluated)[0].masked_fill(~evaluated.mask[..., None], 0.0).softmax(-1)
    there = (q > 0) & evaluated.mask[..., None]
    cross = -(q * torch.where(there, evaluated[LogPFAll], 0.0))[evaluated.mask].sum() / len(evaluated)
    ours = torch.autograd.grad(
        objective(evaluated).losses["extraction"].value, dag.policy.forward_logits, retain_graph=True
    )
    torch.testing.assert_close(ours[0], torch.autograd.grad(cross, dag.policy.forward_logits)[0])
