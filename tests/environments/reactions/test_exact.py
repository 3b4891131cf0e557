"""Exactness over molecules, on spaces that are listed."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from tests.environments.reactions.small import THREE, THREE_BLOCKS, library
from tests.environments.reactions.spaces import Listed, random_routes, small

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.loading import load_library
from molgfn.environments.reactions import Reactions
from molgfn.testing import check_environment

STATES = ["molecule", "route"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("reactions", "fewest"), [(1, 1), (2, 0), (2, 1), (2, 2)])
@pytest.mark.filterwarnings("ignore:Reactions. not graded")  # a choice of the product is a step of its own
def test_the_contract(state, reactions, fewest):
    check_environment(small(max_reactions=reactions, min_reactions=fewest, state=state))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.filterwarnings("ignore:Reactions. not graded")
def test_three_reactants(state):
    environment = small(library(THREE_BLOCKS, THREE), max_reactions=2, state=state)
    assert len(environment.parts) == 3
    check_environment(environment)


@pytest.mark.parametrize(("state", "least"), [("molecule", 0.003), ("route", 0.09)])
def test_the_correction_makes_molecules_exact(state, least):
    """A molecule of two lengths, or of several routes, gets its share, and too much without the correction."""
    space = Listed(small(max_reactions=2, state=state))
    assert space.total_variation(corrected=True) < 1e-9
    assert space.total_variation(corrected=False) > least


@pytest.mark.parametrize("state", STATES)
def test_log_z_counts_the_states(state):
    space = Listed(small(max_reactions=2, state=state))
    ones = torch.zeros(len(space.molecules), dtype=torch.float64)
    assert space.solved(ones, corrected=True)[1] == pytest.approx(math.log(len(space.molecules)), abs=1e-6)
    assert space.solved(ones, corrected=False)[1] == pytest.approx(math.log(len(space.stop)), abs=1e-6)


def test_both_kinds_of_states_reach_the_same_molecules():
    molecules, routes = (Listed(small(max_reactions=2, state=state)) for state in STATES)
    assert set(molecules.molecules) == set(routes.molecules)
    assert len(routes.graph) > len(molecules.graph)


def test_numbers_of_routes_are_those_of_the_listed_routes():
    environment = small(max_reactions=2, state="route")
    space = Listed(environment)
    counts = torch.bincount(space.of)
    found = [sum(environment.inverse.routes(smiles, n) for n in (1, 2)) for smiles in space.molecules]
    assert counts.tolist() == found


def test_a_molecule_of_two_lengths():
    """The acid is a block, and what is left of the ester: so is every amide of it."""
    environment = small(max_reactions=2)
    assert environment.lengths("O=C(O)C1CC1") == [1]  # as a block it needs no reaction, but one is the least
    assert environment.lengths("CC(N)CNC(=O)C1CC1") == [1, 2]
    assert small(max_reactions=2, min_reactions=0).lengths("O=C(O)C1CC1") == [0, 1]


def test_random_walks_end_and_replay_from_the_stock():
    environment = small(max_reactions=4)
    routes, failed = random_routes(environment, 200)
    assert not failed
    assert all(route.replay(library()) for route in routes)
    assert {route.n_steps for route in routes} == {1, 2, 3, 4}


@pytest.mark.slow
def test_ten_thousand_random_routes_replay():
    """Of up to three textbook reactions, in RDKit, by a library that remembers nothing of the walks."""
    replayed(Reactions(max_reactions=3))


@pytest.mark.slow
@pytest.mark.optional_data
def test_ten_thousand_random_routes_of_scent_replay(optional_data):
    folder = optional_data("reactions/templates.txt").parent
    replayed(Reactions(library=str(folder), max_reactions=3))


def replayed(environment):
    routes, failed = random_routes(environment, 10_000)
    again = ReactionLibrary.from_plain(environment.library.plain())
    problems = [problem for route in routes if (problem := route.problem(again)) is not None]
    steps = Counter(route.n_steps for route in routes)
    print(
        f"{len(routes)} routes {sorted(steps.items())}, {failed} failed, {len(problems)} do not replay: {problems[:3]}"
    )
    assert not problems
    assert failed <= 10  # of 10,000


@pytest.mark.slow
@pytest.mark.optional_data
def test_the_whole_depth_one_space_of_scent(optional_data):
    """106,786 molecules from 110,334 combinations."""
    folder = optional_data("reactions/templates.txt").parent
    environment = Reactions(library=str(folder), max_reactions=1, state="molecule")
    space = Listed(environment)
    assert len(space.molecules) == 106_786
    assert space.total_variation(corrected=True) < 1e-9


@pytest.mark.slow
@pytest.mark.optional_data
def test_two_reactions_of_a_part_of_scent(optional_data):
    """20 blocks and 15 reactions that fit each other."""
    whole = load_library(str(optional_data("reactions/templates.txt").parent))
    part = connected_part(whole, 20, 15)
    environment = small(part, max_reactions=2, state="molecule")
    space = Listed(environment)
    assert space.total_variation(corrected=True) < 1e-9
    assert float(space.log_symmetry.max()) > 0
    ones = torch.zeros(len(space.molecules), dtype=torch.float64)
    assert space.solved(ones, corrected=True)[1] == pytest.approx(math.log(len(space.molecules)), abs=1e-6)


def connected_part(whole, n_blocks, n_reactions, seed=0):
    """Random reactions that have blocks, and the blocks that fit most of their slots, one for each slot at least."""
    rng, fits = np.random.default_rng(seed), whole.block_fits
    of = np.array([reaction for reaction, _ in whole.slots])
    usable = [r.index for r in whole.reactions if (fits[of == r.index].sum(1) >= 3).all()]
    reactions = sorted(rng.choice(usable, n_reactions, replace=False).tolist())
    slots = fits[np.isin(of, reactions)]
    score = slots.sum(0) + rng.random(slots.shape[1]) / 2
    needed = dict.fromkeys(int(np.where(slot, score, -1).argmax()) for slot in slots)
    blocks = list(dict.fromkeys([*needed, *np.argsort(-score).tolist()]))
    return whole.part(sorted(blocks[: max(n_blocks, len(needed))]), reactions)
