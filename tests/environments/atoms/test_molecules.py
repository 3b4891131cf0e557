"""Molecules to states and back, the correction over molecules, validity of random walks, what is refused."""

import csv

import numpy as np
import pytest
import torch
from rdkit import Chem
from tests.environments.atoms.spaces import DRUG_LIKE, terminals
from tests.optional_data import optional

from molgfn.chemistry.molecules import parse
from molgfn.environments.atoms import Atoms
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.trajectories.sampler import Sampler

#: 2-picoline and its like have two Kekule forms that are not isomorphic
PICOLINES = {
    "types": ["C", "N"],
    "max_atoms": 7,
    "orders": [1, 2],
    "smallest_ring": 6,
    "largest_ring": 6,
    "max_rings": 1,
    "forbid": ["cumulated", "nitrogen_chains"],
}


def total_variation(arguments, symmetry):
    """(states, molecules, TV over molecules between the sampler with exactly solved flows and R/Z), random reward."""
    environment = Atoms(**arguments, symmetry=symmetry)
    graph = enumerate_states(environment)
    stop = graph.can_stop.nonzero().squeeze(1)
    molecules = environment.objects(graph.states[stop])
    assert all(m.valid for m in molecules)
    number = {smiles: i for i, smiles in enumerate(dict.fromkeys(m.smiles for m in molecules))}
    of = torch.tensor([number[m.smiles] for m in molecules])
    log_r = torch.randn(len(number), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_target[stop] = log_r[of] - environment.log_symmetry(graph.states[stop], molecules)
    p = torch.zeros(len(number), dtype=torch.float64)
    p = p.index_add(0, of, solve_flows(graph, log_target).log_terminal.exp()[stop])
    return len(stop), len(number), 0.5 * (p - log_r.softmax(0)).abs().sum().item()


def test_the_correction_is_exact_over_molecules():
    """Graph automorphisms alone are enough where each molecule has one Kekule form."""
    arguments = {"types": ["C", "N", "O"], "max_atoms": 4}
    assert total_variation(arguments, "molecule") == (571, 571, pytest.approx(0, abs=1e-9))
    assert total_variation(arguments, "graph")[2] < 1e-9
    assert 0.1 < total_variation(arguments, "none")[2] < 0.2


@pytest.mark.slow
def test_the_correction_counts_kekule_forms():
    states, molecules, tv = total_variation(PICOLINES, "molecule")
    assert states > molecules
    assert tv < 1e-9
    assert total_variation(PICOLINES, "graph")[2] > 1e-3


def test_draws_of_kekule_forms_are_weighted_right():
    environment = Atoms(types=["C", "N", "O"], max_atoms=9)
    (molecule,) = parse(["Cc1ccccc1O"])  # two forms, neither symmetric
    states, log_weight = environment.terminal_draws([molecule] * 400, seed=1)
    keys = list(environment.keys(states))
    assert len(set(keys)) == 2
    assert log_weight.tolist() == [environment.log_symmetry(states[:1], [molecule]).item()] * 400
    c = environment.log_multiplicity(states).exp()
    for key in set(keys):  # each form as often as c(t) / C(x), within 5 sigma
        rows = [i for i, k in enumerate(keys) if k == key]
        p = float(c[rows[0]] / log_weight[0].exp())
        assert abs(len(rows) / 400 - p) < 5 * (p * (1 - p) / 400) ** 0.5


@pytest.mark.parametrize("arguments", [{}, {**DRUG_LIKE, "max_atoms": 20}], ids=["qm9", "drug-like"])
def test_random_walks_end_in_molecules(arguments):
    """1,000 of them; 10,000 of each size in the slow test below."""
    environment = Atoms(**arguments)
    molecules = environment.objects(terminals(environment, 1000, 0))
    assert [m.problem for m in molecules if not m.valid] == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{}, DRUG_LIKE], ids=["qm9", "drug-like"])
def test_ten_thousand_random_walks_end_in_molecules(arguments):
    environment = Atoms(**arguments)
    problems, sizes = [], []
    for seed in range(20):
        ended = terminals(environment, 500, seed, stop=False)
        molecules = environment.objects(ended)
        sizes += ended.n.tolist()
        problems += [m.problem for m in molecules if not m.valid]
    assert len(sizes) == 10_000
    assert len(problems) <= 10, problems
    assert np.mean(sizes) > environment.limits.max_atoms / 2


def replayed(environment, molecules):
    """SMILES after taking molecules apart at random and building them again, each step legal.

    A step puts a new atom into the last slot, so states are compared up to the order of atoms, by hash.
    """
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1)
    states, _ = environment.terminal_draws(molecules, seed=0)
    t = Sampler(environment).backward(policy, states, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(len(t.states)).split(2048)  # masks of many large graphs at once take much memory
    assert all(environment.forward_mask(t.states[r]).gather(1, t.actions[r, None]).all() for r in rows)
    assert environment.is_initial(t.states[t.step == 0]).all()
    going = ~t.exits
    after = environment.hashes(environment.step(t.states[going], t.actions[going]))
    assert torch.equal(after, environment.hashes(t.states[t.step > 0]))
    before_last = t.lengths.cumsum(0) - 2  # every molecule has an atom
    return [m.smiles for m in environment.objects(environment.step(t.states[before_last], t.actions[before_last]))]


DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "NS(=O)(=O)c1ccc(C(=O)NCc2ccccn2)cc1",
    "O=[N+]([O-])c1ccc(Cl)cc1",
    "CP(=O)(O)OCC1CCS(=O)C1",
    "C1CC2CCC1C2",
    "C12C3C4C1C5C2C3C45",
]


def test_molecules_are_taken_apart_and_built_again():
    environment = Atoms(**{**DRUG_LIKE, "forbid": []})
    molecules = parse(DRUGS[:-1])
    assert replayed(environment, molecules) == [m.smiles for m in molecules]
    cubane = parse(DRUGS[-1:])
    assert replayed(Atoms(), cubane) == [cubane[0].smiles]
    with pytest.raises(DataError, match=r"molecule 1 .*ring system of more rings than max_fused \(4\)"):
        environment.states_of(cubane)


@pytest.mark.parametrize(
    ("smiles", "arguments", "says"),
    [
        ("CCS", {}, "element S"),
        ("C[N+](C)(C)C", {}, r"type N\+"),
        ("CCCCCCCCCC", {}, r"more atoms than max_atoms \(9\)"),
        ("C.C", {}, "several components"),
        ("xyz", {}, "not a SMILES"),
        ("[13CH4]", {}, "isotope"),
        ("C#C", {"orders": [1, 2]}, "a bond of order 3"),
        ("C1CC1", {"smallest_ring": 4}, "smaller than smallest_ring"),
        ("C1CCC2CC2C1", {"smallest_ring": 4}, "smaller than smallest_ring"),
        ("C1CCCCCC1", {"largest_ring": 6}, "larger than largest_ring"),
        ("C1CC12CC2", {"max_rings": 1}, "more rings than max_rings"),
        ("C1CC12CC2", {"max_fused": 1}, "ring system of more rings"),
        ("OO", {"forbid": ["peroxides"]}, "neighbours that are forbidden"),
        ("FN", {"forbid": ["halogen_heteroatom"]}, "neighbours that are forbidden"),
        ("NNN", {"forbid": ["nitrogen_chains"]}, "chain of nitrogens"),
        ("C=C=C", {"forbid": ["cumulated"]}, "cumulated"),
        ("C1CCC#CCCC1", {"forbid": ["strained"]}, "triple bond or two double bonds in a ring"),
    ],
)
def test_molecules_outside_the_rules_are_refused_with_the_reason(smiles, arguments, says):
    with pytest.raises(DataError, match=says):
        Atoms(**arguments).states_of(parse(["CC", smiles]))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"types": ["C", "Xx"]}, "no type of atom 'Xx'"),
        ({"types": []}, "at least one type"),
        ({"orders": [4]}, "some of 1, 2 and 3"),
        ({"orders": []}, "some of 1, 2 and 3"),
        ({"types": ["C", "F"], "orders": [2]}, "F has valence 1, which no order"),
        ({"min_atoms": 10}, r"min_atoms \(10\) is above max_atoms \(9\)"),
        ({"smallest_ring": 6, "largest_ring": 5}, "largest_ring.*below smallest_ring"),
        ({"largest_ring": 6, "max_fused": 5}, "at most 4"),
        ({"types": ["S6", "C"], "max_atoms": 3}, "S6 and the atoms that fill it"),
        ({"max_rings": 1, "max_fused": 2}, "above max_rings"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Atoms(**arguments)


def read_qm9():
    with optional("qm9_smiles.csv").open() as file:
        return [row["smiles"] for row in csv.DictReader(file)]


def covered(environment, molecules):
    """(those inside the rules, reason -> number of those outside)."""
    inside, reasons = [], {}
    for molecule in molecules:
        try:
            environment.states_of([molecule])
            inside.append(molecule)
        except DataError as error:
            reason = str(error).split("): ", 1)[1]
            reasons[reason] = reasons.get(reason, 0) + 1
    return inside, reasons


def flat(molecule):
    """SMILES without stereo marks, which states do not have."""
    mol = Chem.Mol(molecule.mol)
    Chem.RemoveStereochemistry(mol)
    return parse([Chem.MolToSmiles(mol)])[0].smiles


@pytest.mark.optional_data
@pytest.mark.parametrize("every", [200, pytest.param(1, marks=pytest.mark.slow)])
def test_qm9_comes_back(every):
    environment = Atoms(types=["C", "N", "O", "F", "N+", "O-", "C-", "N-"])
    molecules = parse(read_qm9()[::every])
    inside, reasons = covered(environment, molecules)
    assert len(inside) > 0.98 * len(molecules), reasons
    for start in range(0, len(inside), 1000):
        part = inside[start : start + 1000]
        assert replayed(environment, part) == [flat(m) for m in part]


def test_symmetric_molecules_are_not_too_rare():
    """The page's figure for cyclohexane, under R = 1: solved flows give all 82 molecules one share each, or C(x)."""
    environment = Atoms(types=["C"], max_atoms=6, min_atoms=6, orders=[1, 2], max_rings=1, smallest_ring=5)
    graph = enumerate_states(environment)
    stops = graph.can_stop.nonzero().flatten()
    terminal = graph.states[stops]
    molecules = environment.objects(terminal)
    correction = environment.log_symmetry(terminal, molecules)
    shares = {}
    for name, taken_off in (("molecule", correction), ("none", torch.zeros_like(correction))):
        log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
        log_target[stops] = -taken_off
        flows = solve_flows(graph, log_target).log_terminal.exp()[stops]
        shares[name] = sum(p for p, m in zip(flows.tolist(), molecules, strict=True) if m.smiles == "C1CCCCC1")
    assert len({m.smiles for m in molecules}) == 82
    assert shares["molecule"] == pytest.approx(1 / 82)
    assert shares["none"] == pytest.approx(0.00151469, rel=1e-4)
