"""Growth from a scaffold, and linking of a second part: exact flows over molecules, and what may not be asked for."""

import pytest
import torch

from molgfn.chemistry.atoms.parts import Part
from molgfn.chemistry.molecules import Molecule
from molgfn.environments.atoms import Atoms
from molgfn.environments.atoms.growth import ALL_FORBIDDEN
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ConfigError, OutsideError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.testing import check_environment

CASES = {
    "two points": {"types": ["C", "O"], "max_atoms": 4, "scaffold": "*C(=O)*"},
    "one atom": {"types": ["C", "N"], "max_atoms": 4, "scaffold": "*C(*)*"},
    "all filled": {"types": ["C", "O"], "max_atoms": 5, "scaffold": "*C=C*", "fill": "all"},
    "one filled": {"types": ["C", "O"], "max_atoms": 5, "scaffold": "[*:1]CC[*:2]", "fill": [1]},
    "aromatic": {"types": ["C", "N"], "max_atoms": 8, "scaffold": "*c1ccccc1*"},
    "no ring through it": {"types": ["C", "F"], "max_atoms": 9, "scaffold": "*c1ccccc1*", "largest_ring": 6},
    "without hydrogens": {"types": ["C", "O", "S6"], "max_atoms": 6, "scaffold": "*S(=O)(=O)*"},
    "other types": {"types": ["C"], "max_atoms": 8, "scaffold": "*c1ncsc1", "min_atoms": 7},
    "link": {"types": ["C", "O"], "max_atoms": 6, "scaffold": "*CC", "link": "*C=O"},
    "link and fill": {"types": ["C", "O"], "max_atoms": 6, "scaffold": "[*:1]CC[*:2]", "link": "*CC", "fill": [2]},
    "link not at once": {
        "types": ["C", "O"],
        "max_atoms": 6,
        "scaffold": "*OC",
        "link": "*OC",
        "forbid": ["peroxides"],
    },
    "link and S": {"types": ["C", "S4", "O"], "max_atoms": 5, "scaffold": "*C", "link": "*O"},
    "link and rings": {"types": ["C"], "max_atoms": 6, "scaffold": "*CC*", "link": "*C=C", "largest_ring": 4},
    "aromatic link": {"types": ["C"], "max_atoms": 9, "scaffold": "*CC*", "link": "*c1ccccc1"},
}
OF_CASES = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def whole_states(environment):
    graph = enumerate_states(environment)
    stops = graph.can_stop.nonzero().flatten()
    terminal = graph.states[stops]
    return graph, stops, terminal, environment.objects(terminal)


@OF_CASES
def test_every_molecule_gets_its_share(case):
    """Flows solved exactly: P_T over molecules is R / Z; c adds up to C(x), which reading the molecule gives, too."""
    environment = Atoms(**case)
    graph, stops, terminal, molecules = whole_states(environment)
    assert all(m.valid for m in molecules)
    number = {smiles: i for i, smiles in enumerate(sorted({m.smiles for m in molecules}))}
    assert len(number) > 1
    of = torch.tensor([number[m.smiles] for m in molecules])
    log_r = torch.randn(len(number), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_target[stops] = log_r[of] - environment.log_symmetry(terminal, molecules)
    p = torch.zeros(len(number), dtype=torch.float64)
    p = p.index_add(0, of, solve_flows(graph, log_target).log_terminal.exp()[stops])
    assert 0.5 * (p - log_r.softmax(0)).abs().sum().item() < 1e-9
    weights = environment.log_multiplicity(terminal).exp()
    sums = torch.zeros(len(number), dtype=torch.float64).index_add(0, of, weights)
    read = [Molecule.from_smiles(smiles) for smiles in number]
    keys = set(environment.keys(terminal))
    drawn = set()
    for seed in range(4):
        states, log_weights = environment.terminal_draws(read, seed)
        torch.testing.assert_close(log_weights, sums.log(), atol=1e-12, rtol=0)
        assert [m.smiles for m in environment.objects(states)] == list(number)
        drawn |= set(environment.keys(states))
    assert drawn <= keys


@OF_CASES
def test_the_contract(case):
    check_environment(Atoms(**case))


@pytest.mark.parametrize("name", ["two points", "one atom", "one filled", "link and S"])
def test_nothing_is_missing(name):
    """Of all molecules of the space those are built in which the parts lie."""
    case = CASES[name]
    environment = Atoms(**case)
    free = Atoms(**{key: value for key, value in case.items() if key not in ("scaffold", "fill", "link")})
    found = {m.smiles for m in whole_states(environment)[3]}
    expected, reasons = set(), set()
    for molecule in {m.smiles: m for m in whole_states(free)[3]}.values():
        try:
            environment.states_of([molecule])
        except OutsideError as error:
            reasons.add(error.reason.split()[0])
        else:
            expected.add(molecule.smiles)
    assert found == expected
    assert reasons <= {"without", "no"}


def test_by_hand():
    """Ethylene with both points filled by C or O, in 4 atoms: a ring would need room to be opened again."""
    environment = Atoms(types=["C", "O"], max_atoms=4, scaffold="*C=C*", fill="all")
    graph, _, terminal, molecules = whole_states(environment)
    counts = dict(
        zip([m.smiles for m in molecules], environment.log_multiplicity(terminal).exp().tolist(), strict=True)
    )
    assert counts.keys() == {"CC=CC", "CC=CO", "OC=CO"}
    assert counts == pytest.approx({"CC=CC": 1, "CC=CO": 2, "OC=CO": 1})
    assert not graph.can_stop[0]


def test_the_scaffold_stays():
    environment = Atoms(types=["C", "N", "O"], max_atoms=12, scaffold="Cc1ccc(*)cc1*")
    generator = torch.Generator().manual_seed(0)
    source, states = environment.initial(1), environment.initial(64)
    for _ in range(6):
        mask = environment.forward_mask(states)
        mask[:, 0] &= ~mask[:, 1:].any(1)
        states = environment.step(states, torch.multinomial(mask.double(), 1, generator=generator).squeeze(1))
    for _ in range(20):
        mask = environment.backward_mask(states)
        going = mask.any(1)
        assert going.tolist() == (~environment.is_initial(states)).tolist()
        if not going.any():
            break
        actions = torch.multinomial(mask[going].double(), 1, generator=generator).squeeze(1)
        states = type(states).cat([states[~going], environment.undo(states[going], actions)])
        assert (states.types[:, :7] == source.types[:, :7]).all()
        assert (states.bonds[:, :7, :7] == source.bonds[:, :7, :7]).all()
    assert environment.is_initial(states).all()


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CCO", "without the scaffold"),
        ("Cc1ccccc1", "type C"),
        ("Oc1ccccc1F", "type F"),
        ("Oc1ccccc1OOOOOOO", "more atoms than max_atoms"),
        ("Oc1ccc(O)cc1", "without the scaffold"),
    ],
)
def test_molecules_that_are_refused(smiles, reason):
    environment = Atoms(types=["N", "O"], max_atoms=9, scaffold="*c1ccccc1*")
    with pytest.raises(OutsideError) as caught:
        environment.states_of([Molecule.from_smiles(smiles)])
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fill": "all"}, "fill: needs a scaffold"),
        ({"link": "*C"}, "link: needs a scaffold"),
        ({"scaffold": "CC"}, "scaffold: 'CC' has no attachment point"),
        ({"scaffold": "C(*"}, "scaffold: .* not a SMILES"),
        ({"scaffold": "C[C@H](N)*"}, "scaffold: .* stereo marks"),
        ({"scaffold": "*c1ccccc1"}, r"max_atoms \(5\): the parts that every molecule has are 6 atoms"),
        ({"scaffold": "*CC", "link": "*CCCC"}, r"max_atoms \(5\): the parts that every molecule has are 6 atoms"),
        ({"scaffold": "*CC", "link": "*CC*"}, "link: .* has 2 points"),
        ({"scaffold": "*CC", "link": "CC"}, "link: 'CC' has no attachment point"),
        ({"scaffold": "*CC", "fill": [2]}, "fill: '\\*CC' has no point 2; its points are 1"),
        ({"scaffold": "[*:1]C[*:2]", "fill": [1]}, "fill: of the points of one atom"),
        ({"scaffold": "*CC1CC1", "smallest_ring": 4}, "scaffold: .* breaks the rules itself: a ring smaller"),
        ({"scaffold": "*CC", "forbid": ["nitrogen_chains"], "link": "*N"}, "link: .* nitrogen_chains"),
        ({"scaffold": "*CCCCC", "fill": "all"}, "scaffold: the points .* that must be filled cannot be"),
        ({"scaffold": "*OCC", "link": "*OC", "forbid": ["peroxides"]}, "scaffold: nothing can be added .* linked"),
        ({"scaffold": "*C[Fe]"}, "scaffold: .*cannot"),
    ],
)
def test_what_cannot_be_asked_for(settings, message):
    with pytest.raises(ConfigError, match=message):
        Atoms(**{"types": ["C", "N", "O"], "max_atoms": 5, **settings})


def test_parts_as_arrays():
    part = Part.parse("[*:2]c1ccc([*:1])cc1", fill=[1])
    marked, numbers = part.marked_types()
    assert sorted(t.name for t in marked) == ["C(3)", "C(4*!)", "C(4*)"]
    assert (part.stars.sum(), part.filled.sum()) == (2, 1)
    assert (part.bonds.sum(1) == 3).all()
    assert [marked[n].valence - int(s) for n, s in zip(numbers.tolist(), part.stars, strict=True)] == [3] * 6
    sulfonyl = Part.parse("CS(=O)(=O)*")
    assert sulfonyl.filled[sulfonyl.stars > 0].all()


@pytest.mark.parametrize(
    "parts",
    [
        {"scaffold": "[*:1]c1ncnc2cc([*:2])ccc12", "fill": [1]},
        {"scaffold": "*c1ccncc1", "link": "*C(=O)NC"},
        {"scaffold": "*OC", "link": "*OC", "max_atoms": 10},
    ],
    ids=["scaffold", "link", "link not at once"],
)
def test_roll_outs_of_drug_like_size(parts):
    """Under all rules no way forward or back gets stuck; molecules are valid and are read back as themselves."""
    rules = {
        "types": ["C", "N", "O", "F", "S", "Cl", "S4", "S6", "N+", "O-"],
        "max_atoms": 26,
        "largest_ring": 8,
        "max_rings": 6,
        "forbid": [*ALL_FORBIDDEN, "N~S"],
    }
    environment = Atoms(**{**rules, **parts})
    generator = torch.Generator().manual_seed(0)
    states, ended = environment.initial(32), []
    for _ in range(environment.max_steps):
        mask = environment.forward_mask(states)
        assert mask.any(1).all()
        weights = mask.double()
        more = weights[:, 1:].sum(1)
        weights[:, 0] *= torch.where(more > 0, 0.04 * more, 1.0)
        actions = torch.multinomial(weights, 1, generator=generator).squeeze(1)
        leaving = environment.is_exit(states, actions)
        ended.append(states[leaving])
        states = environment.step(states, actions)[~leaving]
        if not len(states):
            break
    final = type(states).cat(ended)
    molecules = environment.objects(final)
    assert len(molecules) == 32
    assert [m.problem for m in molecules] == [None] * 32
    again = environment.objects(environment.states_of(molecules))
    assert [m.smiles for m in again] == [m.smiles for m in molecules]
    for _ in range(environment.max_steps):
        final = final[~environment.is_initial(final)]
        if not len(final):
            break
        mask = environment.backward_mask(final)
        assert mask.any(1).all()
        final = environment.undo(final, torch.multinomial(mask.double(), 1, generator=generator).squeeze(1))
    assert not len(final)
