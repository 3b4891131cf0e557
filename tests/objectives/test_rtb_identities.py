"""What relative trajectory balance must be where the prior is known: trajectory balance, and its variance form."""

import math

import pytest
import torch

from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.balance.relative_trajectory_balance import RelativeTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.shares import on_each
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.union import Union

RTB = RelativeTrajectoryBalance


def of(objective, trajectories, policy, prior=None, union=None):
    more = {} if union is None else {"union": union}
    networks = Networks(frozen={} if prior is None else {"prior": prior})
    return evaluate(trajectories, policy, quantities=objective.quantities, networks=networks, **more)


def loss_and_gradients(objective, trajectories, policy, prior=None):
    output = objective(of(objective, trajectories, policy, prior))
    (loss,) = output.losses.values()
    parameters = [policy.forward_logits, policy.log_z.constant]
    found = torch.autograd.grad(loss.value, parameters, allow_unused=True)
    return loss.value.detach(), found, output.metrics


@pytest.fixture
def tree():
    """All strings of three of two symbols, appended: one way to each, so that log P_B is 0; a policy and its draws."""
    environment = Strings(alphabet="AB", length=3, mode="append")
    policy = TabularPolicy(environment=environment, initial_log_z=0.7).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        policy.forward_logits.copy_(torch.randn(policy.forward_logits.shape, generator=generator, dtype=torch.float64))
    trajectories = Sampler(environment).forward(policy, 40, generator=generator)

    class Counted:
        """log R is the number of As."""

        kind, reads, ranks = environment.kind, frozenset(), None

        def __call__(self, objects, keys, condition=None):
            from molgfn.rewards.base import Scores

            log_r = torch.tensor([float(text.count("A")) for text in objects], dtype=torch.float64)
            return Scores(log_r, log_r, {}, [None] * len(objects))

    uniform = policy.copy()
    with torch.no_grad():
        uniform.forward_logits.zero_()
    return environment, policy, uniform, find_rewards(trajectories, environment, Counted()).trajectories


def test_a_uniform_prior_of_equal_support_recovers_trajectory_balance(tree):
    """P_prior is 2^-3 for every string, so log Z differs by 3 log 2, and nothing else."""
    _, policy, uniform, trajectories = tree
    shift = 3 * math.log(2)
    value, (logits, log_z), _ = loss_and_gradients(TrajectoryBalance(), trajectories, policy)
    with torch.no_grad():
        policy.log_z.constant.sub_(shift)
    again, (same_logits, same_log_z), _ = loss_and_gradients(RTB(prior="p"), trajectories, policy, uniform)
    torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same_logits, logits, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same_log_z, log_z, rtol=1e-12, atol=1e-12)


def test_a_uniform_prior_recovers_vargrad_as_it_is(tree):
    """The variance knows no log Z, so nothing is shifted."""
    _, policy, uniform, trajectories = tree
    value, (logits, _), metrics = loss_and_gradients(LogVariance(), trajectories, policy)
    again, (same, none), others = loss_and_gradients(RTB(prior="p", log_z="batch"), trajectories, policy, uniform)
    assert none is None
    torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same, logits, rtol=1e-12, atol=1e-12)
    assert others["log_z"].item() == pytest.approx(metrics["log_z"].item() - 3 * math.log(2), abs=1e-12)


def test_on_a_graph_it_is_trajectory_balance_with_the_priors_own_backward_policy():
    """P_prior(tau) = P_prior(x) P_B(tau | x) with P_B of the prior: RTB is TB to R(x) P_prior(x) with this P_B."""
    dag = golden_dag()
    prior = dag.policy.copy()
    with torch.no_grad():
        prior.forward_logits.copy_(torch.cos(torch.arange(27, dtype=torch.float64)).view(9, 3))
    e = dag.environment
    states = e.initial(1)
    states = type(states)(torch.cartesian_prod(torch.arange(3), torch.arange(3)))
    p = prior(states).forward.log_probs().exp()
    flow = torch.zeros(9, dtype=torch.float64)
    flow[0] = 1
    for s in sorted(range(9), key=lambda s: s // 3 + s % 3):
        for action, stride, legal in ((0, 3, s // 3 < 2), (1, 1, s % 3 < 2)):
            if legal:
                flow[s + stride] += flow[s] * p[s, action]
    with torch.no_grad():  # P_B of the prior: F(s) P_F(s' | s) / F(s')
        for s in range(9):
            for action, stride, there in ((0, 3, s >= 3), (1, 1, s % 3 > 0)):
                if there:
                    dag.policy.backward_logits[s, action] = (flow[s - stride] * p[s - stride, action]).log()
    last = e.index(dag.trajectories.terminal)
    of_x = (flow * p[:, 2]).log()[last]
    from dataclasses import replace

    target = replace(dag.trajectories, log_reward=dag.trajectories.log_reward + of_x)
    value, (logits, log_z), _ = loss_and_gradients(TrajectoryBalance(), target, dag.policy)
    again, (same_logits, same_log_z), _ = loss_and_gradients(RTB(prior="p"), dag.trajectories, dag.policy, prior)
    torch.testing.assert_close(again, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same_logits, logits, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(same_log_z, log_z, rtol=1e-11, atol=1e-12)


def test_the_variance_form_is_the_learned_one_at_the_best_log_z(tree):
    """The least of the mean of D^2 over log Z is (n - 1) / n of the unbiased variance, with the same gradient."""
    _, policy, uniform, trajectories = tree
    n = len(trajectories)
    variance, (logits, _), metrics = loss_and_gradients(RTB(prior="p", log_z="batch"), trajectories, policy, uniform)
    with torch.no_grad():
        policy.log_z.constant.copy_(metrics["log_z"])
    value, (same, slope), _ = loss_and_gradients(RTB(prior="p"), trajectories, policy, uniform)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(value, variance * (n - 1) / n, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same, logits * (n - 1) / n, rtol=1e-11, atol=1e-12)


def test_the_variance_by_hand(tree):
    _, policy, uniform, trajectories = tree
    objective = RTB(prior="p", log_z="batch")
    s = objective.log_weights(of(objective, trajectories, policy, uniform)).detach()
    value, _, _ = loss_and_gradients(objective, trajectories, policy, uniform)
    assert value.item() == pytest.approx(s.var(unbiased=True).item(), rel=1e-12)


def test_contract_of_the_variance_form():
    check_objective(RTB(prior="of the test", log_z="batch"))
    with pytest.raises(ConfigError, match="squared"):
        RTB(prior="p", log_z="batch", regression="huber")


def test_two_processes_have_one_variance(tree):
    _, policy, uniform, trajectories = tree
    objective = RTB(prior="p", log_z="batch")

    def half(ranks):
        rows = torch.arange(20 * ranks.rank, 20 * ranks.rank + 20)
        share = of(objective, trajectories.select(rows), policy, uniform, Union(ranks))
        return objective(share).losses["rtb"].value.detach()

    whole, _, _ = loss_and_gradients(objective, trajectories, policy, uniform)
    one, other = on_each(half)
    assert ((one + other) / 2).item() == pytest.approx(whole.item(), rel=1e-12)
