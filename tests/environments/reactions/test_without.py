"""Groups that a reaction is without: in no slot, in no product, in no way back, and the space is still exact."""

import pickle
from dataclasses import replace

import pytest
from rdkit import Chem
from tests.environments.reactions.small import library
from tests.environments.reactions.spaces import Listed, random_routes, small

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.testing import check_environment

#: a methyl ester, which the arylation then refuses
ESTER = "C(=O)O[CH3]"
ARYLATION = 3


def without(*groups):
    whole = library()
    reactions = [replace(r, without=groups) if r.index == ARYLATION else r for r in whole.reactions]
    return ReactionLibrary(whole.blocks, reactions, whole.about)


@pytest.fixture(params=["molecule", "route"])
def environment(request):
    return small(without("[NX3;H2]-[CH2].[CX3](=O)[OH]"), max_reactions=2, state=request.param)


def test_a_block_with_the_group_fits_no_slot_and_gives_nothing():
    with_it, plain = without("[CX3](=O)[OH]"), library()
    glycine = plain.block_index("NCC(=O)O")
    slots = [s for s, (r, _) in enumerate(plain.slots) if r == ARYLATION]
    assert plain.block_fits[slots, glycine].tolist() == [False, True]
    assert not with_it.block_fits[slots, glycine].any()
    assert not with_it.fits("NCC(=O)O")[slots].any()
    reactants = ("Nc1ccc(Br)cc1", "NCC(=O)O")
    assert plain.products(ARYLATION, reactants)
    assert with_it.products(ARYLATION, reactants) == ()
    other = with_it.products(ARYLATION, ("Nc1ccc(Br)cc1", "NCCN"))
    assert other == plain.products(ARYLATION, ("Nc1ccc(Br)cc1", "NCCN"))


def test_a_group_of_two_parts_is_both_of_them():
    made = without("[NX3;H2]-[CH2].[CX3](=O)[OH]")
    assert not made.fits("NCC(=O)O")[-1]
    assert made.fits("NCCN")[-1]


@pytest.mark.filterwarnings("ignore:Reactions. not graded")
def test_the_contract(environment):
    check_environment(environment)


def test_molecules_are_exact_and_fewer(environment):
    space = Listed(environment)
    assert space.total_variation(corrected=True) < 1e-9
    everything = Listed(small(max_reactions=2, state=environment.state))
    assert set(space.molecules) < set(everything.molecules)


def test_no_route_has_it(environment):
    group = Chem.MolFromSmarts("[NX3;H2]-[CH2].[CX3](=O)[OH]")
    routes, failed = random_routes(environment, 200)
    assert not failed
    steps = [step for route in routes for step in route.steps if step.reaction == ARYLATION]
    assert steps
    assert not any(Chem.MolFromSmiles(r).HasSubstructMatch(group) for step in steps for r in step.reactants)


def test_it_comes_along():
    made = without(ESTER)
    for again in (
        ReactionLibrary.from_plain(made.plain()),
        pickle.loads(pickle.dumps(made)),
        made.part([0, 4, 5], [3]),
    ):
        assert again.reactions[-1].without == (ESTER,)
    assert [len(entry) for entry in made.plain()["reactions"]] == [4, 4, 4, 5]
