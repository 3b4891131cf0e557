"""Policies for actions in two parts, on ten places reached by paths of different lengths."""

from dataclasses import replace

import pytest
import torch
from tests.environments.hops import Hops, Places

from molgfn.environments.enumeration import enumerate_states
from molgfn.evaluation.exact.answers import exact_terminal
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.distributions import Staged
from molgfn.policies.exploration import Exploration
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler

PLACES = Places(torch.arange(10))
LOG_R = 2 * torch.randn(10, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def mlp(**arguments):
    torch.manual_seed(0)
    return MLPPolicy(environment=Hops(), hidden=32, layers=1, **arguments).double()


def tabular(**arguments):
    return TabularPolicy(environment=Hops(), **arguments).double()


def shaken(policy):
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in policy.parameters():
            p.copy_(torch.randn(p.shape, generator=g, dtype=p.dtype) * 0.3)
    return policy


def legal(environment, backward=False):
    """bool [10, *parts]: what is legal, exits included."""
    row, actions = (environment.legal_backward_actions if backward else environment.legal_actions)(PLACES)
    table = torch.zeros(10, *(environment.backward_parts if backward else environment.parts), dtype=torch.bool)
    table[(row, *actions.T)] = True
    if not backward:
        table[:, 0, 0] = environment.stop_mask(PLACES)
    return table


@pytest.mark.parametrize("make", [mlp, tabular])
@pytest.mark.parametrize("learned", [True, False])
def test_masks_are_respected_and_probabilities_sum_to_one(make, learned):
    policy = shaken(make(learned_backward=learned))
    assert policy.distribution is policy.backward_distribution is Staged
    out = policy(PLACES, backward=True, flow=True)
    assert torch.equal(out.forward.log_probs().isfinite(), legal(policy.environment))
    inner = PLACES.place > 0
    back = out.backward.log_probs()[inner]
    assert torch.equal(back.isfinite(), legal(policy.environment, backward=True)[inner])
    for table in (out.forward.log_probs(), back):
        torch.testing.assert_close(table.flatten(1).exp().sum(1), torch.ones(len(table), dtype=torch.float64))
    assert out.log_flow.shape == (10,)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    mixed = policy(PLACES[order], backward=True, flow=True)
    torch.testing.assert_close(mixed.forward.log_probs(), out.forward.log_probs()[order])
    torch.testing.assert_close(mixed.log_flow, out.log_flow[order])


@pytest.mark.parametrize("make", [mlp, tabular])
def test_the_second_part_depends_on_the_first_and_on_the_state(make):
    table = shaken(make())(PLACES[:6]).forward.log_probs().exp()
    jumps = table[:, 2] / table[:, 2].sum(1, keepdim=True)
    assert jumps.std(0).max() > 0.02
    assert torch.allclose(table[:, 1].sum(1), table[:, 1, 0])  # a walk has one way


@pytest.mark.parametrize("make", [mlp, tabular])
def test_a_fixed_backward_policy_is_uniform_over_whole_actions(make):
    """Place 9 has four ways back, one of them a walk: a quarter each, not a half for the walk."""
    policy = make()
    table = policy(PLACES, forward=False, backward=True).backward.log_probs()[1:].exp()
    mask = legal(policy.environment, backward=True)[1:]
    torch.testing.assert_close(table, (mask / mask.sum((1, 2), keepdim=True)).double())


@pytest.mark.parametrize("make", [mlp, tabular])
def test_a_fixed_backward_policy_of_maximum_entropy_counts_paths(make, monkeypatch):
    counts = [1.0]  # n(s) = n(s - 1) + ... + n(s - 4)
    for place in range(1, 10):
        counts.append(sum(counts[max(0, place - 4) : place]))
    log_n = torch.tensor(counts, dtype=torch.float64).log()
    monkeypatch.setattr(Hops, "log_path_count", lambda self, states: log_n[states.place])
    policy = make()
    policy.backward_rule = "maxent"
    table = policy(PLACES, forward=False, backward=True).backward.log_probs().exp()
    assert table[9, 0, 0].item() == pytest.approx(counts[8] / counts[9])
    assert table[9, 1].tolist() == pytest.approx([counts[p] / counts[9] for p in (7, 6, 5)])


@pytest.mark.parametrize("make", [mlp, tabular])
def test_a_learned_backward_policy_starts_evenly_at_each_part(make):
    table = make(learned_backward=True)(PLACES, forward=False, backward=True).backward.log_probs().exp()
    torch.testing.assert_close(table[9].flatten()[[0, 3, 4, 5]], torch.tensor([3, 1, 1, 1], dtype=torch.float64) / 6)


def tv(policy):
    found = exact_terminal(policy, enumerate_states(policy.environment)).exp()[1:]
    return 0.5 * (found - LOG_R[1:].softmax(0)).abs().sum().item()


@pytest.mark.parametrize(
    ("make", "learned", "objective", "rate"),
    [
        (mlp, True, TrajectoryBalance(), 0.01),
        (mlp, False, DetailedBalance(), 0.01),
        (tabular, False, TrajectoryBalance(), 0.05),
        (tabular, True, DetailedBalance(), 0.05),
    ],
    ids=["mlp-tb", "mlp-db", "tabular-tb", "tabular-db"],
)
def test_training_samples_the_target(make, learned, objective, rate):
    """400 steps, a fifth of the actions at random: total variation below .03, from above .2."""
    policy = make(learned_backward=learned)
    groups = policy.parameter_groups()
    rates = {"forward": rate, "backward": rate, "flow": 2 * rate, "log_z": 0.1}
    rows = [{"params": [p for p in g if p.requires_grad], "lr": rates[k]} for k, g in groups.items() if g]
    optimizer = torch.optim.Adam([r for r in rows if r["params"]])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    g = torch.Generator().manual_seed(0)
    before = tv(policy)
    for _ in range(400):
        t = Sampler(policy.environment).forward(policy, 48, generator=g, exploration=Exploration(epsilon=0.2))
        t = replace(t, log_reward=LOG_R[t.terminal.place])
        evaluated = evaluate(t, policy, quantities=objective.quantities, joint=learned)
        optimizer.zero_grad()
        sum(loss.value for loss in objective(evaluated).losses.values()).backward()
        optimizer.step()
        schedule.step()
    assert before > 0.2
    assert tv(policy) < 0.03


def test_a_copy_has_tables_of_its_own():
    policy = shaken(tabular(learned_backward=True))
    other = policy.copy()
    before = policy(PLACES).forward.log_probs()
    with torch.no_grad():
        for p in other.parameters():
            p.zero_()
    assert torch.equal(policy(PLACES).forward.log_probs(), before)
    assert policy.environment is other.environment
