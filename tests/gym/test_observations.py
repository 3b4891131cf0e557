"""What is seen of a state is right and, but for the fingerprint, whole."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from tests.environments.hops import Hops
from tests.extras import extra
from tests.gym.spaces_of_tests import FEW

gymnasium = extra("gymnasium", "gymnasium")
pytestmark = pytest.mark.extras

from molgfn.chemistry.fingerprints import morgan  # noqa: E402
from molgfn.conditions.temperature import Temperature  # noqa: E402
from molgfn.environments.conditional import conditional  # noqa: E402
from molgfn.environments.enumeration import enumerate_states  # noqa: E402
from molgfn.environments.fragments import Fragments  # noqa: E402
from molgfn.environments.hypergrid import HyperGrid  # noqa: E402
from molgfn.gym.actions import numbered  # noqa: E402
from molgfn.gym.observations import observation  # noqa: E402

ORDER = {2: Chem.BondType.SINGLE, 3: Chem.BondType.AROMATIC, 4: Chem.BondType.DOUBLE, 6: Chem.BondType.TRIPLE}


@pytest.fixture(scope="module")
def walked():
    """Fragments, and all states along 200 random walks: of one tree in several orders."""
    environment = Fragments(vocabulary="rdkit", max_fragments=6)
    generator = torch.Generator().manual_seed(0)
    states, seen = environment.initial(200), []
    for _ in range(6):
        seen.append(states)
        mask = environment.forward_mask(states).clone()
        stuck = ~mask[:, 1:].any(1)
        mask[~stuck, 0] = False
        states = environment.step(states, torch.multinomial(mask.float(), 1, generator=generator).squeeze(1))
    return environment, type(states).cat([*seen, states])


def rebuilt(seen, i):
    """Canonical SMILES of what an observation shows, put together by RDKit."""
    mol, place = Chem.RWMol(), {}
    for a in np.flatnonzero(seen["element"][i]).tolist():
        atom = Chem.Atom(int(seen["element"][i, a]))
        atom.SetFormalCharge(int(seen["charge"][i, a]))
        place[a] = mol.AddAtom(atom)
    for (a, b), order in zip(seen["bonds"][i].tolist(), seen["order"][i].tolist(), strict=True):
        if order:
            mol.AddBond(place[a], place[b], ORDER[order])
            if order == 3:
                mol.GetAtomWithIdx(place[a]).SetIsAromatic(True)
                mol.GetAtomWithIdx(place[b]).SetIsAromatic(True)
    return mol


def test_atoms_are_those_of_the_molecule(walked):
    environment, states = walked
    some = states[states.n > 0][::3]
    objects = environment.objects(some)
    seen = observation(environment, "atoms")(some)
    compared = 0
    for i, molecule in enumerate(objects):
        mol = rebuilt(seen, i)
        own = Chem.Mol(molecule.mol)
        assert mol.GetNumAtoms() == own.GetNumAtoms()
        for m in (mol, own):  # hydrogens of aromatic nitrogen are not shown
            for atom in m.GetAtoms():
                atom.SetNoImplicit(True)
                atom.SetNumExplicitHs(0)
        assert Chem.MolToSmiles(mol) == Chem.MolToSmiles(own)
        compared += 1
    assert compared > 300


def test_open_bonds_are_the_free_points(walked):
    environment, states = walked
    seen = observation(environment, "atoms")(states)
    points = environment.tables.has_point[states.kinds.clamp(min=0)] & (states.kinds >= 0)[..., None] & ~states.used
    assert np.array_equal(seen["open"].sum(1), points.sum((1, 2)).numpy())


@pytest.mark.parametrize("word", ["graph", "atoms", "state"])
def test_different_states_look_different(walked, word):
    """Up to what does not change what may be done: the order in which the joins were made."""
    environment, states = walked
    seen = observation(environment, word)(states)
    rows = {}
    for i in range(len(states)):
        look = b"".join(array[i].tobytes() for array in seen.values())
        joins = sorted(tuple(row) for row in states.joins[i].tolist())
        rows.setdefault(look, set()).add((tuple(states.kinds[i].tolist()), tuple(joins)))
    most = max(len(group) for group in rows.values())
    if word == "atoms":  # two points of one atom are one place
        whole = [len({k for k, _ in group}) for group in rows.values()]
        assert max(whole) == 1
    else:
        assert most == 1
    assert len(rows) > 500


def test_a_condition_is_seen():
    environment = conditional(Fragments(vocabulary=FEW, max_fragments=2), Temperature())
    states = environment.draw_initial(3, torch.Generator().manual_seed(0))
    for word in ("graph", "atoms"):
        seen = observation(environment, word)
        assert np.allclose(seen(states)["condition"], environment.condition(states).numpy())
        assert seen.space["condition"].shape == (environment.condition_size,)
    fingerprint = observation(environment, "fingerprint")(states)
    assert np.allclose(fingerprint[:, 2048:], environment.condition(states).numpy())
    grid = conditional(HyperGrid(side=3), Temperature())
    states = grid.draw_initial(3, torch.Generator().manual_seed(0))
    assert np.array_equal(observation(grid, None)(states), grid.encode(states).float().numpy())


def test_fingerprints_are_those_of_the_molecules():
    environment = Fragments(vocabulary=FEW, max_fragments=3)
    states = enumerate_states(environment).states
    seen = observation(environment, "fingerprint")(states)
    assert (seen[0] == 0).all()
    assert np.array_equal(seen[1:], morgan(environment.objects(states[1:])))


def test_fragments_is_the_graph_by_its_name():
    environment = Fragments(vocabulary=FEW, max_fragments=3)
    assert observation(environment, "fragments").space == observation(environment, None).space


def test_graphs_as_gymnasium_has_them():
    from molgfn.gym.graph_space import GraphSpace

    env = GraphSpace(gymnasium.make("molgfn.gym:molgfn/Fragments-v0", vocabulary=FEW, max_fragments=3))
    seen, info = env.reset(seed=0)
    assert seen in env.observation_space
    assert seen.nodes.tolist() == [[-1]]
    for _ in range(2):
        action = int(np.flatnonzero(info["action_mask"])[-1])
        seen, *_, info = env.step(action)
        assert seen in env.observation_space
    assert len(seen.nodes) == 2
    assert seen.edge_links.tolist() == [[0, 1], [1, 0]]


def test_actions_in_parts_are_numbered():
    environment = Hops()
    states = environment.initial(10)
    states = type(states)(torch.arange(10))
    actions = numbered(environment)
    mask = actions.mask(states)
    assert actions.count == 9
    for i in range(10):
        _, parts = environment.legal_actions(states[i : i + 1])
        want = {tuple(p) for p in parts.tolist()}
        if environment.stop_mask(states[i : i + 1])[0]:
            want.add(tuple(environment.exit_action(states[i : i + 1])[0].tolist()))
        number = mask[i].nonzero().squeeze(1)
        assert {tuple(p) for p in actions.actions(number).tolist()} == want


def test_atoms_of_the_atoms_environment_are_those_of_its_molecules():
    from molgfn.environments.atoms import Atoms

    environment = Atoms(types=["C", "N", "O", "N+", "O-"], max_atoms=7)
    generator = torch.Generator().manual_seed(0)
    states, seen_states = environment.initial(150), []
    for _ in range(9):
        mask = environment.forward_mask(states).clone()
        mask[mask[:, 1:].any(1), 0] = False
        states = environment.step(states, torch.multinomial(mask.float(), 1, generator=generator).squeeze(1))
        seen_states.append(states)
    states = type(states).cat(seen_states)
    states = states[environment.has_object(states)]
    seen = observation(environment, "atoms")(states)
    for i, molecule in enumerate(environment.objects(states)):
        mol = rebuilt(seen, i).GetMol()
        Chem.SanitizeMol(mol)
        assert Chem.MolToSmiles(mol) == molecule.smiles
        assert seen["open"][i].sum() == sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
