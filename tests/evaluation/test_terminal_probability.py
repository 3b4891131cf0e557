"""The backward-sampling estimate of log P_T against exact values."""

import pytest
import torch

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import DataError
from molgfn.evaluation.exact.answers import exact_distribution, exact_target, exact_terminal, solve_flows
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.base import Scores


def random_table(environment: HyperGrid) -> TabularPolicy:
    policy = TabularPolicy(environment=environment, learned_backward=True)
    stream = torch.Generator().manual_seed(5)
    for table in (policy.forward_logits, policy.backward_logits):
        table.data = torch.randn(table.shape, generator=stream)
    return policy


def test_estimates_on_a_grid_agree_with_the_exact_values():
    environment = HyperGrid(dimensions=2, side=4)
    policy = random_table(environment)
    graph = enumerate_states(environment)
    exact = exact_terminal(policy, graph)
    estimate = log_terminal_probability(
        environment, policy, graph.states.position, samples=400, generator=torch.Generator().manual_seed(0), batch=7
    )
    several = estimate.standard_error > 1e-6  # states with one path only are exact
    assert several.sum() == 9
    z = ((estimate.log_p - exact) / estimate.standard_error)[several]
    assert z.abs().max() < 4
    torch.testing.assert_close(estimate.log_p[~several], exact[~several], atol=1e-5, rtol=0)


def test_exact_flows_make_every_trajectory_tell_the_same():
    """With balanced flows P_F(tau) / P_B(tau|x) is P_T(x) for every tau: no error at all."""
    environment = HyperGrid(dimensions=2, side=3)
    graph = enumerate_states(environment)
    log_reward = torch.arange(9).double().add(1).log()
    flows = solve_flows(graph, log_reward)
    policy = TabularPolicy(environment=environment)
    policy.forward_logits.data[:, environment.stop_action] = flows.log_stop.float()
    index = environment.index(graph.states)
    assert index.tolist() != list(range(9)), "the graph has its own order"
    table = torch.zeros(9, 3)
    table[index, 2] = flows.log_stop.float()
    table[index[graph.source], graph.action] = flows.log_pf.float()
    policy.forward_logits.data = table
    estimate = log_terminal_probability(environment, policy, graph.states.position, samples=4)
    torch.testing.assert_close(estimate.log_p, log_reward.log_softmax(0), atol=1e-5, rtol=0)
    assert estimate.standard_error.max() < 1e-5


class HeavyAtoms:
    """R = number of heavy atoms."""

    def __call__(self, objects, keys, condition=None):
        value = torch.tensor([float(molecule.mol.GetNumHeavyAtoms()) for molecule in objects]).double()
        return Scores(value.log(), value, {}, [None] * len(keys))


@pytest.mark.parametrize("symmetry", ["molecule", "tree", "none"])
def test_molecules_built_by_several_symmetric_trees_are_summed(symmetry):
    """C, CC, CCO and benzene: symmetric fragments, and molecules with several trees, whatever the reward corrects."""
    environment = Fragments(
        vocabulary=[["C", [0, 0], 0], ["CC", [0, 1], 0], ["CCO", [0, 1], 0], ["c1ccccc1", [0, 3], 0]],
        max_fragments=3,
        symmetry=symmetry,
    )
    torch.manual_seed(3)
    policy = MessagePassingPolicy(environment=environment, learned_backward=True, width=8, layers=1)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    policy.eval()
    target = exact_target(environment, HeavyAtoms())
    exact = exact_distribution(environment, policy, HeavyAtoms(), target=target)
    chosen = list(range(0, len(target.keys), max(len(target.keys) // 20, 1)))
    first = {int(k): m for m, k in reversed(list(enumerate(target.objects.tolist()))) if k >= 0}
    molecules = environment.objects(target.graph.states[torch.tensor([first[k] for k in chosen])])
    estimate = log_terminal_probability(
        environment, policy, molecules, samples=100, generator=torch.Generator().manual_seed(1)
    )
    error = estimate.log_p - exact.p[torch.tensor(chosen)].log()
    assert (error.abs() / estimate.standard_error.clamp(min=1e-3)).max() < 5
    assert error.abs().max() < 0.5


def test_one_sample_has_no_standard_error_and_no_objects_are_fine():
    environment = HyperGrid(dimensions=2, side=3)
    policy = TabularPolicy(environment=environment)
    with pytest.raises(ValueError, match="at least 2"):
        log_terminal_probability(environment, policy, torch.zeros(1, 2, dtype=torch.int64), samples=1)
    assert len(log_terminal_probability(environment, policy, torch.zeros(0, 2, dtype=torch.int64)).log_p) == 0


def test_a_molecule_that_cannot_be_built_is_refused():
    environment = Fragments(vocabulary=[["C", [0, 0], 0], ["CC", [0, 1], 0]], max_fragments=2)
    policy = MessagePassingPolicy(environment=environment, width=8, layers=1)
    with pytest.raises(DataError, match="fragments"):
        log_terminal_probability(environment, policy, [Molecule.from_smiles("c1ccccc1")], samples=2)
