"""States mean the same in every process; what cannot be used is refused."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from tests.environments.reactions.small import BLOCKS, REACTIONS, library
from tests.environments.reactions.spaces import Listed, small

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.reactions import Reactions, ReactionStates
from molgfn.environments.reactions.molecules import ELEMENTS, MoleculeTable
from molgfn.errors import ConfigError, ContractError, OutsideError


@pytest.mark.parametrize("state", ["molecule", "route"])
def test_a_new_environment_reads_the_states_of_another(state):
    """Replay and checkpoints keep states and actions; the order in which molecules were met must not matter."""
    listed = Listed(small(max_reactions=2, state=state))
    graph, order = listed.graph, torch.randperm(len(listed.graph.source), generator=torch.Generator().manual_seed(0))
    other = small(max_reactions=2, state=state)
    source, target = graph.states[graph.source[order]], graph.states[graph.target[order]]
    assert other.keys(target) == listed.environment.keys(target)
    assert torch.equal(other.hashes(target), listed.environment.hashes(target))
    back = other.backward_action(source, graph.action[order], target)
    assert torch.equal(back, graph.backward_action[order])
    assert other.keys(other.undo(target, back)) == listed.environment.keys(source)


def test_what_is_forgotten_is_found_again():
    environment, other = small(max_reactions=2, remembered=1000), small(max_reactions=2)
    listed = Listed(other)
    before = environment.keys(listed.graph.states)
    environment.remembered = 0
    environment.initial(1)
    assert len(environment.molecules) == 0
    assert environment.keys(listed.graph.states) == before == other.keys(listed.graph.states)


def test_molecules_from_elsewhere_get_a_route():
    environment = small(max_reactions=2)
    states = environment.states_of([Molecule.from_smiles("O=C(NCCN)C1CC1")])
    (route,) = environment.routes(states)
    assert (route.n_steps, route.product, route.replay(environment.library)) == (1, "NCCNC(=O)C1CC1", True)
    with pytest.raises(OutsideError, match=r"molecule 1 \(c1ccccc1\): no route of 1 to 2 reactions of small"):
        environment.states_of([Molecule.from_smiles("c1ccccc1")])


def test_draws_of_terminal_states_are_even():
    environment = small(max_reactions=2)
    molecules = [Molecule.from_smiles("CC(N)CNC(=O)C1CC1")] * 400
    states, weight = environment.terminal_draws(molecules, seed=1)
    steps = [route.n_steps for route in environment.routes(states)]
    assert 150 < steps.count(1) < 250
    assert weight.exp().tolist() == pytest.approx([2.0] * 400)


def test_objects_are_those_of_their_smiles_and_whoever_asks_may_change_them():
    environment = small(max_reactions=2)
    states = environment.states_of([Molecule.from_smiles("NCCNC(=O)C1CC1")])
    (first,) = environment.objects(states)
    plain = Molecule.from_smiles(first.smiles)
    assert first.smiles == plain.smiles
    assert Chem.MolToSmiles(first.mol, canonical=False) == Chem.MolToSmiles(plain.mol, canonical=False)
    first.mol.GetAtomWithIdx(0).SetAtomicNum(8)
    (again,) = environment.objects(states)
    assert Chem.MolToSmiles(again.mol) == plain.smiles


def test_atoms_and_bonds_are_drawn_as_rdkit_tells_them():
    """Each number by itself, of molecules with stereo, charges, rings and elements without a type of their own."""
    names = "C[C@H](N)C(=O)O F/C=C/Cl F/C=C\\Cl C[N+](C)(C)C[C@@H](O)c1cc[nH]c1 C[Si](C)(C)C#C [2H]C OB(O)c1ccsc1"
    found = MoleculeTable(library(), np.ones(len(library().slots), dtype=bool))
    mols = [Chem.MolFromSmiles(Chem.CanonSmiles(name)) for name in names.split()]
    rows = np.array([found.number(Chem.MolToSmiles(mol)) for mol in mols])
    found.draw(rows)
    marks = 0
    for row, mol in zip(rows, mols, strict=True):
        cip = [atom.GetPropsAsDict(includePrivate=True).get("_CIPCode", "") for atom in mol.GetAtoms()]
        atoms = [
            [a.GetFormalCharge(), a.GetTotalNumHs(), a.GetDegree(), a.GetIsAromatic(), a.IsInRing(), c == "R", c == "S"]
            for a, c in zip(mol.GetAtoms(), cip, strict=True)
        ]
        bonds = [
            [b.IsInRing(), b.GetStereo().name == "STEREOE", b.GetStereo().name == "STEREOZ"] for b in mol.GetBonds()
        ]
        n, m = len(atoms), len(bonds)
        assert found.atoms[row, :n].tolist() == np.array(atoms, dtype=int).tolist()
        assert found.bonds[row, :m, 1:].tolist() == np.array(bonds, dtype=int).tolist()
        assert found.ends[row, :m].tolist() == [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in mol.GetBonds()]
        assert [ELEMENTS[t] if t < len(ELEMENTS) else 0 for t in found.types[row, :n]] == [
            a.GetAtomicNum() if a.GetAtomicNum() in ELEMENTS else 0 for a in mol.GetAtoms()
        ]
        assert (found.types[row, n:] == -1).all()
        assert (found.ends[row, m:] == -1).all()
        marks += int(found.atoms[row, :n, 5:].sum() + found.bonds[row, :m, 2:].sum())
    assert marks == 4


def test_recipes_have_costs():
    environment = small(max_reactions=2)
    states = environment.states_of([Molecule.from_smiles("NCCNC(=O)C1CC1")])
    (recipe,) = environment.recipes(states)
    assert isinstance(recipe.numbers["steps"], int), "a table has 1, and not 1.0"
    assert recipe.numbers == {"steps": 1, "cost": (4 + 6) / 0.5}  # acid and diamine, at a yield of .5
    assert "amide coupling" in recipe.text
    assert recipe.record["product"] == "NCCNC(=O)C1CC1"


def test_a_library_that_starts_nothing_is_refused():
    with pytest.raises(
        ConfigError, match="none of the 1 blocks of small fits a reaction whose other slots have blocks"
    ):
        small(library(("CC(=O)O",), {"amide coupling": REACTIONS["amide coupling"]}))


def test_bad_numbers_and_names_are_refused():
    with pytest.raises(ConfigError, match=r"min_reactions \(3\) is above max_reactions \(2\)"):
        small(max_reactions=2, min_reactions=3)
    with pytest.raises(ConfigError) as error:
        small(only_reactions=["amide coupling", "Heck"], only_blocks=["b1", "benzene"])
    assert "only_reactions: small, has no" in str(error.value) or "has no reaction or family 'Heck'" in str(error.value)
    assert "only_blocks: small has no block 'benzene'" in str(error.value)


def test_parts_of_a_library():
    environment = small(only_reactions=["amide", "halogen exchange"], only_blocks=["b1", "CC(N)CN"])
    assert [r.name for r in environment.library.reactions] == ["amide coupling", "halogen exchange"]
    assert [b.smiles for b in environment.library.blocks] == ["CC(N)CN", "CC(=O)O"]
    again = Reactions(**{**environment.portable(), "max_reactions": 2})
    assert again.library.plain() == environment.library.plain()


def test_states_are_routes_where_inversion_is_not_exact():
    assert small(library(exact=True)).state == "molecule"
    assert small(library(exact=None)).state == "route"
    assert not small(library(exact=None)).corrects_symmetry


def test_an_inversion_that_misses_a_reaction_says_so():
    """The leaving group is not in the product: RDKit inverts the template to a wildcard, which is no molecule."""
    lossy = {"reduction": "[c:1][Br,Cl]>>[c:1]"}
    environment = small(library(("Brc1ccccc1", "Clc1ccccc1"), lossy), max_reactions=1, state="molecule")
    source = environment.initial(1)
    block = environment.step(source, torch.tensor([[1, 0]]))
    action = torch.tensor([[3, 0]])
    with pytest.raises(ContractError, match=r"which its inversion does not find: set environment\.state to route"):
        environment.backward_action(block, action, environment.step(block, action))


def test_a_reaction_that_gives_nothing_ends_as_no_molecule():
    """A valence that cannot be: five bonds at carbon."""
    broken = {"overcrowding": "[CH0:1][Br].[OH:2]>>[C:1](C)(C)[O:2]"}
    environment = small(library(("CC(C)(C)Br", "CO"), broken), max_reactions=1, state="route")
    block = environment.step(environment.initial(1), torch.tensor([[1, 0]]))
    after = environment.step(block, torch.tensor([[3, 1]]))
    assert environment.stop_mask(after).tolist() == [True]
    assert environment.objects(after)[0].problem == "the reaction gives nothing: overcrowding"
    assert isinstance(after, ReactionStates)


def test_blocks_are_canonical():
    assert [Molecule.from_smiles(smiles).smiles for smiles in BLOCKS] == list(BLOCKS)


def told(actions):
    """What is told of a trajectory of the small library."""
    environment = small(max_reactions=2)
    states, along = environment.initial(1), []
    for action in actions:
        along.append(states)
        states = environment.step(states, torch.tensor([action]))
    return environment.build_steps(ReactionStates(torch.cat([s.route for s in along])), torch.tensor(actions))


def test_what_was_done_is_told():
    """Start, a reaction with two products, one of them, stop."""
    steps = told([[1, 1], [3, 0], [2, 1], [0, 0]])
    assert [step.words for step in steps] == [
        "starts from CC(=O)O",
        "amide coupling with CC(N)CN",
        "of 2 products takes CC(=O)NCC(C)N",
        "stops",
    ]
    assert [step.svg.startswith("<svg") or step.svg.startswith("<?xml") for step in steps] == [True, False, True, False]
    assert "from the step before" not in steps[2].svg, "it is a block"


def test_what_a_reaction_made_is_not_called_out_of_stock():
    """Of an ester its acid, which is a block too; then an amide."""
    steps = told([[1, 2], [5, 0], [3, 5], [0, 0]])
    assert [step.words for step in steps[1:3]] == ["ester hydrolysis", "amide coupling with NCCN"]
    assert [step.svg.count("from the step before") for step in steps] == [0, 0, 1, 0]
    assert not any("not in stock" in step.svg for step in steps)
