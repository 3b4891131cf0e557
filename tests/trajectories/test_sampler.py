import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.policies.exploration import Exploration
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.sampler import Sampler

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


def fragments():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=5)
    return environment, GraphTransformerPolicy(environment=environment, learned_backward=True, width=16, layers=1)


def grid():
    environment = HyperGrid(dimensions=3, side=5)
    return environment, TabularPolicy(environment=environment, learned_backward=True)


def consistent(environment, t: Trajectories):
    assert t.lengths.sum() == len(t.states) == len(t.actions)
    first = t.step == 0
    assert environment.is_initial(t.states[first]).all()
    assert not environment.is_initial(t.states[~first]).any()
    last = torch.zeros_like(first)
    last[t.last] = True
    assert torch.equal(last, t.actions == environment.stop_action)
    assert torch.equal(last, t.exits)
    assert environment.forward_mask(t.states).gather(1, t.actions[:, None]).all()
    going = (~last).nonzero().squeeze(1)
    following = t.states[going + 1]
    assert list(environment.keys(environment.step(t.states[going], t.actions[going]))) == list(
        environment.keys(following)
    )
    undone = environment.undo(following, t.backward_actions[going])
    assert list(environment.keys(undone)) == list(environment.keys(t.states[going]))


@pytest.mark.parametrize("make", [fragments, grid])
def test_both_directions_are_consistent(make):
    environment, policy = make()
    sampler = Sampler(environment)
    forward = sampler.forward(policy, 20, exploration=Exploration(epsilon=0.3, temperature=2.0))
    consistent(environment, forward)
    backward = sampler.backward(policy, forward.terminal)
    consistent(environment, backward)
    assert list(environment.keys(backward.terminal)) == list(environment.keys(forward.terminal))


@pytest.mark.parametrize("make", [fragments, grid])
def test_seeded(make):
    environment, policy = make()
    a, b, c = (Sampler(environment).forward(policy, 16, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(a.actions, b.actions)
    assert a.actions.shape != c.actions.shape or not torch.equal(a.actions, c.actions)


def test_terminal_frequencies_are_the_exact_distribution():
    """20,000 trajectories on the golden DAG against P_T by hand; every state within 5 sigma."""
    dag = golden_dag()
    t = Sampler(dag.environment).forward(dag.policy, 20_000, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(dag.environment.index(t.terminal), minlength=9) / 20_000
    p = torch.tensor([0.408861, 0.043935, 0.010776, 0.238043, 0.013140, 0.023939, 0.146406, 0.010100, 0.104801])
    assert ((counts - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt()).all()


def test_backward_frequencies_are_pb():
    """From (1, 1) the golden P_B undoes x with a known probability."""
    dag = golden_dag()
    start = dag.environment.initial(20_000)
    start.position.fill_(1)
    t = Sampler(dag.environment).backward(dag.policy, start, generator=torch.Generator().manual_seed(0))
    share = (t.backward_actions[t.step == 1] == 0).double().mean()
    p = dag.policy(start[:1], forward=False, backward=True).backward.log_probs()[0, 0].exp()
    assert abs(share - p) < 5 * (p * (1 - p) / 20_000) ** 0.5


def test_select_and_cat():
    environment, policy = grid()
    t = Sampler(environment).forward(policy, 10)
    index = torch.tensor([7, 2, 2, 9])
    part = t.select(index)
    consistent(environment, part)
    assert list(environment.keys(part.terminal)) == [environment.keys(t.terminal)[i] for i in index.tolist()]
    whole = Trajectories.cat([part, t])
    consistent(environment, whole)
    assert len(whole) == 14


def test_no_synchronisation_form_gives_the_same_law():
    """The fixed-size rollout that a GPU uses, run on the CPU: consistent trajectories, all finished."""
    environment, policy = fragments()
    t = Sampler(environment, compact=False).forward(policy, 20)
    consistent(environment, t)
    assert len(t) == 20


@pytest.mark.parametrize("make", [fragments, grid])
@pytest.mark.parametrize("compact", [True, False])
def test_from_given_states(make, compact):
    environment, policy = make()
    t = Sampler(environment).forward(policy, 20)
    middle = t.states[(t.last - t.lengths + 1) + (t.lengths - 1) // 2]
    rest = Sampler(environment, compact=compact).forward(policy, 20, start=middle)
    assert list(environment.keys(rest.states[rest.step == 0])) == list(environment.keys(middle))
    assert len(rest) == 20
    assert (rest.actions[rest.last] == environment.stop_action).all()
    assert environment.forward_mask(rest.states).gather(1, rest.actions[:, None]).all()
