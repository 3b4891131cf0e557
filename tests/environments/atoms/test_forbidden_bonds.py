"""Bonds that ``forbid`` names are never built, all else is."""

import pytest

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.atoms import Atoms
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ConfigError, OutsideError
from molgfn.testing import check_environment

SPACE = {"types": ["C", "N", "S", "S4"], "max_atoms": 4, "max_rings": 1}
NAMES = ("C", "N", "S", "S")


def graphs(environment):
    """Key -> bonds of each state, as (element, element, order)."""
    states = enumerate_states(environment).states
    found = {}
    for key, types, bonds in zip(environment.keys(states), states.types.tolist(), states.bonds.tolist(), strict=True):
        found[key] = {
            (*sorted((NAMES[types[i] - 1], NAMES[types[j] - 1])), bonds[i][j])
            for i in range(len(types))
            for j in range(i)
            if bonds[i][j]
        }
    return found


def test_the_states_are_those_without_them():
    """S4 takes part: what fills it must not be what is forbidden."""
    found = graphs(Atoms(**SPACE, forbid=["N~S", "S~S", "C#C"]))
    free = graphs(Atoms(**SPACE))
    whole = {
        key: bonds
        for key, bonds in free.items()
        if not any(pair[:2] in (("N", "S"), ("S", "S")) or pair == ("C", "C", 3) for pair in bonds)
    }
    assert found.keys() <= whole.keys()
    assert len(found) < len(free)
    # what is not reached has an S4 for which the room is too small once N and S may not fill it
    plain = {"types": ["C", "N", "S"], "max_atoms": 4}
    found, free = graphs(Atoms(**plain, forbid=["N~S", "S~S", "C#C"])), graphs(Atoms(**plain))
    expected = {
        key
        for key, bonds in free.items()
        if not any(pair[:2] in (("N", "S"), ("S", "S")) or pair == ("C", "C", 3) for pair in bonds)
    }
    assert found.keys() == expected
    assert 0 < len(expected) < len(free)


def test_the_contract():
    check_environment(Atoms(**{**SPACE, "max_atoms": 3}, forbid=["N~S", "C#C"]))


def test_molecules_are_refused_with_the_reason():
    environment = Atoms(types=["C", "N", "S"], max_atoms=6, forbid=["N~S", "peroxides"])
    with pytest.raises(OutsideError) as caught:
        environment.states_of([Molecule.from_smiles("CNSC")])
    assert caught.value.reason == "neighbours that are forbidden (N~S, peroxides)"
    environment.states_of([Molecule.from_smiles("CNCS")])


@pytest.mark.parametrize(
    ("forbid", "message"),
    [
        (["peroxide"], "forbid: 'peroxide' is no bond.*the nearest name is 'peroxides'"),
        (["N=N"], "forbid: 'N=N': single and double"),
        (["C~Q"], "forbid: 'C~Q': there is no type"),
    ],
)
def test_what_cannot_be_forbidden(forbid, message):
    with pytest.raises(ConfigError, match=message):
        Atoms(forbid=forbid)


def test_a_type_that_nothing_can_fill():
    with pytest.raises(ConfigError, match="nothing in these types can fill S4"):
        Atoms(types=["C", "S4"], forbid=["S4~*"])
