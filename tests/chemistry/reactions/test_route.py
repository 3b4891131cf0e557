"""Routes: what they say, cost, and whether they can be run again; and the best route of a molecule."""

import itertools
import json

import pytest

from molgfn.chemistry.reactions.route import Route
from molgfn.chemistry.reactions.search import RouteSearch
from molgfn.chemistry.reactions.step import Step
from molgfn.errors import ConfigError

ACID, AMINE = "O=C(O)c1ccc(Br)cc1", "NCCO"
AMIDE = "O=C(NCCO)c1ccc(Br)cc1"
BIARYL = "O=C(NCCO)c1ccc(-c2ccccc2)cc1"
BORONIC = "OB(O)c1ccccc1"
ROUTE = Route(ACID, (Step(0, (ACID, AMINE), AMIDE), Step(2, (AMIDE, BORONIC), BIARYL)))


def test_a_route_in_words_and_json(small):
    assert ROUTE.text(small) == (
        f"{ACID} --[amide coupling, primary amine + {AMINE}]--> {AMIDE} --[Suzuki coupling + {BORONIC}]--> {BIARYL}"
    )
    record = json.loads(json.dumps(ROUTE.record(small)))
    assert (record["product"], record["n_steps"]) == (BIARYL, 2)
    assert record["steps"][0]["reactants"][1] == {"smiles": AMINE, "block": "ethanolamine", "price": 0.5}
    assert record["steps"][1]["reactants"][0] == {"smiles": AMIDE, "block": None, "price": None}
    assert Route.from_record(record, small) == ROUTE
    with pytest.raises(ValueError, match="has no reaction"):
        Route.from_record(record, small.part(range(7), [0]))
    with pytest.raises(ValueError, match="no record of a route"):
        Route.from_record({"steps": [{}]}, small)


def test_replay_runs_every_step_again(small):
    assert ROUTE.replay(small)
    assert Route(AMINE).replay(small)
    wrong = Route(ACID, (ROUTE.steps[0], Step(2, (AMIDE, BORONIC), "O=C(NCCO)c1cccc(-c2ccccc2)c1")))
    assert wrong.problem(small) == f"step 2: Suzuki coupling gives {BIARYL}, not O=C(NCCO)c1cccc(-c2ccccc2)c1"
    assert Route(BIARYL).problem(small) == f"{BIARYL} is no block of the library"
    other = Route(AMINE, (ROUTE.steps[1],))
    assert other.problem(small) == f"step 1: {AMINE} is none of its reactants ({AMIDE}, {BORONIC})"


def test_cost_by_hand(small):
    assert Route(AMINE).cost(small) == 0.5
    assert ROUTE.cost(small) == pytest.approx(((2.5 + 0.5) / 0.8 + 3) / 0.75)


def every_route(library, smiles, steps):
    """All linear routes by brute force: every reaction on every reactants, forwards."""
    routes = {block.smiles: {Route(block.smiles)} for block in library.blocks}
    now = dict(routes)
    found = set(routes.get(smiles, ()))
    stock = [block.smiles for block in library.blocks]
    for _ in range(steps):
        after = {}
        for present, reaction in itertools.product(now, library.reactions):
            for slot in range(reaction.slots):
                for partners in itertools.product(stock, repeat=reaction.slots - 1):
                    reactants = (*partners[:slot], present, *partners[slot:])
                    for product in library.products(reaction.index, reactants):
                        step = Step(reaction.index, reactants, product)
                        extended = {Route(r.block, (*r.steps, step)) for r in now[present]}
                        after.setdefault(product, set()).update(extended)
        now = after
        found |= now.get(smiles, set())
    return found


@pytest.mark.parametrize("smiles", [BIARYL, AMIDE, AMINE, "O=C(O)c1ccc(-c2ccccc2)cc1"])
def test_the_best_route_is_that_of_all_routes(small, smiles):
    routes = every_route(small, smiles, 2)
    cheapest = RouteSearch(small, best="cheapest", max_steps=2)
    assert cheapest.value(smiles) == pytest.approx(min(route.cost(small) for route in routes))
    assert cheapest.route(smiles).cost(small) == pytest.approx(cheapest.value(smiles))
    shortest = RouteSearch(small, best="shortest", max_steps=2)
    assert shortest.value(smiles) == shortest.route(smiles).n_steps == min(route.n_steps for route in routes)


def test_no_route_no_value(small):
    assert RouteSearch(small, max_steps=1).route(BIARYL) is None
    assert RouteSearch(small, best="shortest", max_steps=4).value("CCCCCCCC") is None


def test_a_block_without_a_price_is_refused(small):
    from dataclasses import replace

    from molgfn.chemistry.reactions.library import ReactionLibrary

    blocks = [replace(block, price=None) if block.id == "boc" else block for block in small.blocks]
    library = ReactionLibrary(blocks, small.reactions, small.about)
    with pytest.raises(ConfigError, match="1 of 7 blocks of small have no price"):
        RouteSearch(library)
    assert RouteSearch(library, unknown_price=9.0).value(blocks[6].smiles) == 9.0
    with pytest.raises(ValueError, match=r"block boc .* has no price"):
        Route(blocks[6].smiles).cost(library)
