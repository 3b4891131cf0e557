"""Graph policies on graphs of another kind: numbers on nodes, typed edges with numbers, pairs and edges to choose."""

from dataclasses import replace

import pytest
import torch
from tests.environments.joined import Joined, Joins

from molgfn.environments.enumeration import enumerate_states
from molgfn.evaluation.exact.answers import exact_terminal
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.exploration import Exploration
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.testing import check_environment
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler

FOUR = (0.0, 0.0, 1.0, 1.0)
KINDS = [GraphTransformerPolicy, MessagePassingPolicy]


def make(environment, kind=GraphTransformerPolicy, std=0.3, **arguments):
    torch.manual_seed(0)
    policy = kind(environment=environment, learned_backward=True, width=16, layers=2, **arguments).double()
    if std:
        for p in policy.parameters():
            torch.nn.init.normal_(p, std=std)
    return policy


def some(environment, n=40):
    g = torch.Generator().manual_seed(0)
    kind = torch.randint(0, 3, (n, len(environment.pairs)), generator=g)
    kind[0] = 0
    return Joins(kind)


def outputs(policy, states):
    out = policy(states, backward=True, flow=True)
    return out.forward.log_probs(), out.backward.log_probs(), out.log_flow


@pytest.mark.parametrize("shown", ["edge", "pair"])
def test_the_environment_keeps_its_contract(shown):
    check_environment(Joined(shown=shown))


@pytest.mark.parametrize("shown", ["edge", "pair"])
@pytest.mark.parametrize("kind", KINDS)
class TestElements:
    def test_masks_and_normalisation(self, kind, shown):
        environment = Joined(FOUR, shown=shown)
        states = some(environment)
        forward, backward, _ = outputs(make(environment, kind), states)
        assert torch.equal(forward.isfinite(), environment.forward_mask(states))
        inner = ~environment.is_initial(states)
        assert torch.equal(backward.isfinite()[inner], environment.backward_mask(states)[inner])
        for table in (forward, backward[inner]):
            torch.testing.assert_close(table.exp().sum(1), torch.ones(len(table), dtype=torch.float64))

    def test_packed_is_padded(self, kind, shown, monkeypatch):
        environment = Joined(FOUR, shown=shown)
        policy, states = make(environment, kind), some(environment)
        packed = outputs(policy, states)
        monkeypatch.setattr(Joined, "encode", lambda self, s, e=Joined.encode: e(self, s, padded=True))
        for a, b in zip(packed, outputs(policy, states), strict=True):
            torch.testing.assert_close(a, b)

    def test_isomorphic_states_get_the_same_numbers(self, kind, shown):
        environment = Joined(FOUR, shown=shown)
        policy, states = make(environment, kind), some(environment)
        before = outputs(policy, states)
        for image in environment.images:
            other = Joins(torch.empty_like(states.kind).index_copy(1, image, states.kind))
            after = outputs(policy, other)
            torch.testing.assert_close(after[2], before[2])
            torch.testing.assert_close(after[1][:, image], before[1])
            sites = [t[:, 1:].view(len(states), -1, 2) for t in (after[0], before[0])]
            torch.testing.assert_close(sites[0][:, image], sites[1])

    def test_what_is_shown_is_read(self, kind, shown):
        """Another number on a node, another type and number of an edge: other outputs, in all three heads."""
        environment = Joined((0.0, 0.3, 1.0), shown=shown)
        policy = make(environment, kind)
        states = Joins(torch.tensor([[1, 2, 0]]))
        before = outputs(policy, states)
        batch = environment.encode(states)
        for name in ("node_features", "edge_type", "edge_features"):
            value = getattr(batch, name)
            other = replace(batch, **{name: 1 - value})
            read = dict.fromkeys(("encode", "encode_forward"), lambda self, s, g=other: g)
            policy.environment = type("Shown", (), {**read, "condition_size": 0})()
            for a, b in zip(outputs(policy, states), before, strict=True):
                shown_at = b.isfinite()
                assert (a[shown_at] - b[shown_at]).abs().max() > 1e-6, name


def test_edges_are_told_apart_by_what_they_are():
    """Two edges of one node, of different types: removals differ, though their other ends are alike."""
    for shown in ("edge", "pair"):
        policy = make(Joined((0.0, 0.0, 1.0), shown=shown))
        back = policy(Joins(torch.tensor([[0, 1, 2], [0, 2, 2]])), forward=False, backward=True).backward.log_probs()
        assert abs(back[0, 1] - back[0, 2]) > 1e-4
        torch.testing.assert_close(back[1, 1], back[1, 2])


@pytest.mark.parametrize(
    ("kind", "shown", "rate"), [(GraphTransformerPolicy, "edge", 0.005), (MessagePassingPolicy, "pair", 0.003)]
)
def test_training_samples_the_target_over_objects(kind, shown, rate):
    """Trajectory balance on three nodes, of which two are alike: 27 graphs are 18 objects; TV over them below .03."""
    environment = Joined(shown=shown)
    graph = enumerate_states(environment)
    keys = list(environment.keys(graph.states))
    assert len(keys) == len(set(keys)) == 18
    log_r = 1.5 * torch.randn(18, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    of = dict(zip(keys, log_r.tolist(), strict=True))

    def tv():
        return 0.5 * (exact_terminal(policy, graph).exp() - log_r.softmax(0)).abs().sum().item()

    policy = make(environment, kind, std=None)
    groups = policy.parameter_groups()
    rows = [{"params": g, "lr": 0.1 if k == "log_z" else rate} for k, g in groups.items() if k != "flow"]
    optimizer = torch.optim.Adam(rows)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    objective, g = TrajectoryBalance(), torch.Generator().manual_seed(0)
    before = tv()
    for _ in range(400):
        t = Sampler(environment).forward(policy, 48, generator=g, exploration=Exploration(epsilon=0.1))
        log_reward = torch.tensor([of[key] for key in environment.keys(t.terminal)], dtype=torch.float64)
        t = replace(t, log_reward=log_reward, log_symmetry=environment.log_symmetry(t.terminal, None))
        evaluated = evaluate(t, policy, quantities=objective.quantities, joint=True)
        optimizer.zero_grad()
        objective(evaluated).losses["tb"].value.backward()
        optimizer.step()
        schedule.step()
    assert before > 0.2
    assert tv() < 0.03
