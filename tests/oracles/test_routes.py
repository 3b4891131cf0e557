"""Cost and steps of the best route: values by hand, where there is none, and what is refused."""

import math

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.structure.route_cost import RouteCost
from molgfn.oracles.structure.route_steps import RouteSteps
from molgfn.testing import check_oracle

BLOCKS = "smiles,id,price\nOC(=O)c1ccc(Br)cc1,acid,2.5\nNCCO,amine,0.5\nOB(O)c1ccccc1,boronic,3\n"
REACTIONS = """
- name: amide coupling
  yield: 0.8
  smarts: "[CX3:1](=[O:2])-[OX2H1].[NX3;H2;!$(N-C=O):3]>>[C:1](=[O:2])-[N:3]"
- name: Suzuki coupling
  smarts: "[c:1]-[Br].[c:2]-[B](-[OH])-[OH]>>[c:1]-[c:2]"
"""
MOLECULES = ["NCCO", "OCCNC(=O)c1ccc(Br)cc1", "OCCNC(=O)c1ccc(cc1)-c1ccccc1", "CCCC"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "blocks.csv").write_text(BLOCKS)
    (tmp_path / "reactions.yaml").write_text(REACTIONS)
    (tmp_path / "library.yaml").write_text("name: tiny\n")
    return tmp_path


def test_values_by_hand(folder):
    cost = RouteCost(library=str(folder), unknown_yield=0.5).values(parse(MOLECULES))
    # coupled first: ((2.5 + 3) / .5 + .5) / .8 = 14.4; amide first: ((2.5 + .5) / .8 + 3) / .5 = 13.5
    np.testing.assert_allclose(cost, [0.5, 3.75, 13.5, math.nan])
    steps = RouteSteps(library=str(folder)).values(parse(MOLECULES))
    np.testing.assert_array_equal(steps, [0, 1, 2, math.nan])
    np.testing.assert_array_equal(RouteSteps(library=str(folder), max_steps=1).values(parse(MOLECULES))[2], math.nan)


def test_remarks_are_the_routes(folder):
    oracle = RouteCost(library=str(folder))
    routes = oracle.remarks(parse(MOLECULES))["route_cost_route"]
    assert routes[0] == "NCCO"
    assert routes[1] == "NCCO --[amide coupling + O=C(O)c1ccc(Br)cc1]--> O=C(NCCO)c1ccc(Br)cc1" or routes[1].startswith(
        "O=C(O)c1ccc(Br)cc1 --[amide coupling + NCCO]-->"
    )
    assert routes[3] == ""
    steps = RouteSteps(library=str(folder)).remarks(parse(MOLECULES))["route_steps_route"]
    assert steps[2].count("--[") == 2


def test_prices_that_are_not_there(folder):
    (folder / "blocks.csv").write_text(BLOCKS.replace("0.5", ""))
    with pytest.raises(ConfigError, match="unknown_price: 1 of 3 blocks of tiny have no price, such as NCCO"):
        RouteCost(library=str(folder), unknown_price=None)
    assert RouteCost(library=str(folder), unknown_price=7).values(parse(["NCCO"]))[0] == 7


def test_bad_libraries_are_refused_at_once(folder):
    (folder / "blocks.csv").write_text(BLOCKS + "c1ccc,open,1\n")
    for oracle in (RouteCost, RouteSteps):
        with pytest.raises(DataError, match=r"blocks\.csv, line 5: no molecule"):
            oracle(library=str(folder))
        with pytest.raises(DataError, match="no such folder"):
            oracle(library="no_library")


def test_caches_know_the_files(folder):
    names = {path.name for path in RouteCost(library=str(folder)).files}
    assert names == {"library.yaml", "blocks.csv", "reactions.yaml"}


def test_contract():
    objects = parse(["Nc1ccccc1", "O=C(NCc1ccccc1)c1ccccc1", "CCO", "c1ccc(-c2ccncc2)cc1"])
    check_oracle(RouteCost(library="textbook", max_steps=1), objects, tolerance=0)
    check_oracle(RouteSteps(library="textbook", max_steps=1), objects, tolerance=0)
