"""Fragment trees beyond the contract: the correction over molecules, scaffolds, limits, molecules read back."""

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError, DataError, NotEnumerableError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.trajectories.sampler import Sampler

SYMMETRIC = [["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]
AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]


def total_variation(vocabulary, symmetry):
    """TV over molecules between the sampler with exactly solved flows and R/Z, for a random reward."""
    environment = Fragments(vocabulary=vocabulary, max_fragments=4, symmetry=symmetry)
    graph = enumerate_states(environment)
    stop = graph.can_stop.nonzero().squeeze(1)
    terminal = graph.states[stop]
    molecules = environment.objects(terminal)
    number = {m.smiles: i for i, m in enumerate({m.smiles: m for m in molecules}.values())}
    of = torch.tensor([number[m.smiles] for m in molecules])
    log_r = torch.randn(len(number), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_target[stop] = log_r[of] - environment.log_symmetry(terminal, molecules)
    p = torch.zeros(len(number), dtype=torch.float64)
    p = p.index_add(0, of, solve_flows(graph, log_target).log_terminal.exp()[stop])
    return len(number), 0.5 * (p - log_r.softmax(0)).abs().sum().item()


@pytest.mark.parametrize(
    ("vocabulary", "molecules", "tree_only", "without"),
    [(SYMMETRIC, 166, (0.0, 1e-9), (0.5, 0.6)), (AMBIGUOUS, 171, (0.2, 0.3), (0.4, 0.6))],
    ids=["symmetric", "ambiguous"],
)
def test_the_correction_is_exact_over_molecules(vocabulary, molecules, tree_only, without):
    """TV < 1e-9 with the correction; how large it is with the automorphism part alone, and without any."""
    count, exact = total_variation(vocabulary, "molecule")
    assert count == molecules
    assert exact < 1e-9
    for symmetry, (low, high) in {"tree": tree_only, "none": without}.items():
        assert low <= total_variation(vocabulary, symmetry)[1] <= high


def test_every_covered_molecule_is_reachable():
    """Molecules that can be cut into fragments are built again, step by legal step, from nothing."""
    environment = Fragments(vocabulary="rdkit", max_fragments=9)
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1)
    smiles = ["Cc1ccccc1", "O=C(NCc1ccccc1)c1ccncc1", "CCOc1ccc(cc1)S(=O)(=O)N1CCOCC1", "C1CCNCC1"]
    molecules = [m for m in parse(smiles) if environment.space.decompose(m, None) is not None]
    assert len(molecules) >= 3
    t = Sampler(environment).backward(policy, environment.states_of(molecules))
    assert environment.forward_mask(t.states).gather(1, t.actions[:, None]).all()
    state = environment.initial(len(molecules))
    for step in range(int(t.lengths.max()) - 1):
        at = t.pad(t.actions, 0)[:, step]
        state = environment.step(state, torch.where(t.lengths - 1 > step, at, environment.stop_action))
    assert [m.smiles for m in environment.objects(t.terminal)] == [m.smiles for m in molecules]


def test_draws_of_a_molecules_trees_are_weighted_right():
    """sum over trees of P(t|x) = 1: the mean of c(t) / weight over draws is 1, and the weight is C(x)."""
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=4)
    (molecule,) = parse(["CCCCCC"])
    states, log_weight = environment.terminal_draws([molecule] * 400, seed=1)
    keys = list(environment.keys(states))
    assert len(set(keys)) > 1
    log_c = environment.space.tree_log_symmetry(states.kinds.numpy(), states.joins.numpy())
    whole = environment.space.log_symmetry(molecule)
    assert np.allclose(log_weight.numpy(), whole)
    for key in set(keys):  # each tree as often as c(t) / C(x), within 5 sigma
        rows = [i for i, k in enumerate(keys) if k == key]
        p = float(np.exp(log_c[rows[0]] - whole))
        assert abs(len(rows) / 400 - p) < 5 * (p * (1 - p) / 400) ** 0.5


def test_molecules_that_cannot_be_built_are_named():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=3)
    with pytest.raises(DataError, match=r"molecule 2 \(c1ccccc1\): no way"):
        environment.states_of(parse(["CC", "c1ccccc1"]))
    with pytest.raises(DataError, match=r"molecule 1 .*not a SMILES"):
        environment.states_of(parse(["xyz"]))


def test_scaffold_is_in_every_molecule():
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=4, scaffold="c1ccc(*)nc1*")
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1)
    molecules = environment.objects(Sampler(environment).forward(policy, 20).terminal)
    (scaffold,) = parse(["c1ccncc1"])
    assert all(m.mol.HasSubstructMatch(scaffold.mol) for m in molecules)
    assert len({m.smiles for m in molecules}) > 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scaffold": "c1ccccc1"}, "no attachment point"),
        ({"scaffold": "c1ccccc1("}, "not a SMILES"),
        ({"scaffold": "C=*"}, "single bond"),
        ({"min_fragments": 5, "max_fragments": 4}, "above max_fragments"),
        ({"vocabulary": [["c1ccccc1", [0]]], "max_atoms": 5}, "smallest fragment"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Fragments(**{"vocabulary": AMBIGUOUS, **arguments})


def test_size_limits_hold():
    environment = Fragments(vocabulary="rdkit", max_fragments=5, min_fragments=3, max_atoms=20)
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1)
    terminal = Sampler(environment).forward(policy, 100).terminal
    molecules = environment.objects(terminal)
    atoms = [m.mol.GetNumHeavyAtoms() for m in molecules]
    assert max(atoms) <= 20
    assert int(terminal.n.max()) <= 5
    few = terminal.n < 3  # only where nothing fitted any more
    assert not environment.forward_mask(terminal[few])[:, 1:].any()


def test_too_large_a_space_says_why():
    with pytest.raises(NotEnumerableError, match="too many to list"):
        enumerate_states(Fragments(vocabulary="rdkit"))


def test_portable_arguments_rebuild_it():
    environment = Fragments(vocabulary="rdkit", max_fragments=3)
    again = Fragments(**{"max_fragments": 3, **environment.portable()})
    assert again.space.vocabulary.digest == environment.space.vocabulary.digest


@pytest.mark.parametrize("scaffold", [None, "c1ccc(*)cc1*"])
def test_knowing_the_tree_does_not_change_the_correction(scaffold):
    environment, other = (Fragments(vocabulary="rdkit", max_fragments=5, scaffold=scaffold) for _ in range(2))
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1)
    states = Sampler(environment).forward(policy, 64, generator=torch.Generator().manual_seed(0)).terminal
    molecules = environment.objects(states)
    assert len({m.smiles for m in molecules}) > 32
    found = environment.log_symmetry(states, molecules)
    assert found.tolist() == [other.space.log_symmetry(m) for m in molecules]
    # in another order of atoms, as molecules of a data set come
    assert (
        Fragments(vocabulary="rdkit", max_fragments=5, scaffold=scaffold)
        .log_symmetry(states, parse([m.smiles for m in molecules]))
        .tolist()
        == found.tolist()
    )
