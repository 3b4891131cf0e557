"""Relative trajectory balance on the golden DAG: values by enumeration, and its zero, the posterior."""

import math
from dataclasses import replace

import pytest
import torch

from molgfn.objectives.balance.relative_trajectory_balance import RelativeTrajectoryBalance
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.networks import Networks


@pytest.fixture
def dag():
    return golden_dag()


@pytest.fixture
def prior(dag):
    """Another table of logits: cos(i - j + 2a)."""
    table = dag.policy.copy()
    with torch.no_grad():
        for s in range(9):
            table.forward_logits[s] = torch.cos(
                torch.tensor([s // 3 - s % 3 + 2.0 * a for a in range(3)], dtype=torch.float64)
            )
    return table


def evaluated(dag, prior, trajectories=None):
    return evaluate(
        dag.trajectories if trajectories is None else trajectories,
        dag.policy,
        quantities=RelativeTrajectoryBalance.quantities,
        joint=True,
        networks=Networks(frozen={"prior": prior}),
    )


def loss(dag, prior):
    """Expected under P_F, which is not differentiated."""
    p = dag.probabilities()
    objective = RelativeTrajectoryBalance(prior="of the test")
    return sum(
        p[i] * objective(evaluated(dag, prior, dag.trajectories.select(torch.tensor([i])))).losses["rtb"].value
        for i in range(19)
    )


def by_hand(policy, dag):
    """log P(tau) of the 19 trajectories, from the table of logits in plain Python."""
    logits = policy.forward_logits.tolist()
    out = []
    for i in range(19):
        t = dag.trajectories.select(torch.tensor([i]))
        total = 0.0
        for s, a in zip(dag.environment.index(t.states).tolist(), t.actions.tolist(), strict=True):
            legal = [b for b, ok in enumerate((s // 3 < 2, s % 3 < 2, True)) if ok]
            total += logits[s][a] - math.log(sum(math.exp(logits[s][b]) for b in legal))
        out.append(total)
    return torch.tensor(out, dtype=torch.float64)


def test_contract():
    check_objective(RelativeTrajectoryBalance(prior="of the test"))
    check_objective(RelativeTrajectoryBalance(prior="of the test", regression="huber"))


def test_golden_value(dag, prior):
    """Written out, and pinned."""
    p = by_hand(dag.policy, dag)
    residual = 2.0 + p - by_hand(prior, dag) - dag.trajectories.log_reward
    want = (p.exp() * residual.square()).sum().item()
    got = loss(dag, prior)
    assert got.item() == pytest.approx(want, rel=1e-9)
    assert want == pytest.approx(4.464571, abs=1e-6)
    slope = torch.autograd.grad(got, dag.policy.log_z.constant, retain_graph=True)[0]
    assert slope.item() == pytest.approx(2 * (p.exp() * residual).sum().item(), rel=1e-9)


def posterior(dag, prior):
    """Give P_F the posterior under the prior by backward recursion: h(s) = sum_a P_prior(a|s) h(s'), R at stop."""
    log_p = prior.forward_logits.detach().clone()
    h = torch.zeros(9, dtype=torch.float64)
    for s in sorted(range(9), key=lambda s: -(s // 3 + s % 3)):
        legal = torch.tensor([s // 3 < 2, s % 3 < 2, True])
        row = log_p[s].masked_fill(~legal, -torch.inf).log_softmax(0)
        ahead = torch.stack([h[min(s + 3, 8)], h[min(s + 1, 8)], dag.log_reward[s]])
        with torch.no_grad():
            dag.policy.forward_logits[s] = (row + ahead).clamp(min=-1e9)
        h[s] = (row + ahead).logsumexp(0)
    with torch.no_grad():
        dag.policy.log_z.constant.copy_(h[0])
    return h[0]


def test_the_zero_is_the_posterior_and_log_z_its_normaliser(dag, prior):
    log_z = posterior(dag, prior)
    value = loss(dag, prior)
    assert value.item() < 1e-20
    assert torch.autograd.grad(value, dag.policy.forward_logits)[0].abs().max() < 1e-9
    last = dag.environment.index(dag.trajectories.terminal)
    p_t, of_prior = (
        torch.zeros(9, dtype=torch.float64).index_add(0, last, by_hand(policy, dag).exp())
        for policy in (dag.policy, prior)
    )
    torch.testing.assert_close(p_t, of_prior * dag.log_reward.exp() / log_z.exp())
    assert (p_t - dag.log_reward.softmax(0)).abs().sum() > 0.2  # it is not R / Z


def test_log_weights_have_z_as_their_mean(dag, prior):
    """Whatever P_F: what log Z starts at ("importance") and is drawn to is right for this objective."""
    log_z = posterior(golden_dag(), prior)
    weights = RelativeTrajectoryBalance(prior="of the test").log_weights(evaluated(dag, prior)).exp()
    torch.testing.assert_close((dag.probabilities() * weights).sum(), log_z.exp())


def test_symmetry_is_in_the_prior_already(dag, prior):
    """R of the object counts, not R' = R / C."""
    t = replace(dag.trajectories, log_symmetry=torch.linspace(0, 1, 19, dtype=torch.float64))
    objective = RelativeTrajectoryBalance(prior="of the test")
    one, other = (objective(evaluated(dag, prior, x)).losses["rtb"].value for x in (t, dag.trajectories))
    assert one.item() == other.item()


def test_neither_the_prior_nor_pb_gets_a_gradient(dag, prior):
    loss(dag, prior).backward()
    assert all(p.grad is None for p in prior.parameters())
    reached = {name for name, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == {"forward", "log_z"}
