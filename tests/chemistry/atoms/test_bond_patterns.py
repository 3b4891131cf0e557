import pytest

from molgfn.chemistry.atoms.bond_patterns import BondPattern
from molgfn.chemistry.atoms.rules import atom_type
from molgfn.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "bond", "matches"),
    [
        ("N~S", ("N", "S", 1), True),
        ("N~S", ("S", "N", 2), True),
        ("N~S", ("S6", "N+", 1), True),
        ("N~S", ("N", "C", 1), False),
        ("C#C", ("C", "C", 3), True),
        ("C#C", ("C", "C", 2), False),
        ("C#C", ("C-", "C", 3), True),
        ("N+~O-", ("O-", "N+", 1), True),
        ("N+~O-", ("O-", "N", 1), False),
        ("S4~*", ("C", "S4", 1), True),
        ("S4~*", ("C", "S", 1), False),
        ("*~*", ("Br", "I", 1), True),
        ("Cl~O", ("O", "Cl", 1), True),
        ("C~O", ("O", "Cl", 1), False),
    ],
)
def test_what_a_pattern_stands_for(text, bond, matches):
    one, other, order = bond
    assert BondPattern.parse(text).matches(atom_type(one), atom_type(other), order) == matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("N", "is no bond"),
        ("N~", "is no bond"),
        ("N~N~N", "is no bond"),
        ("n~n", "is no bond"),
        ("N=N", "change places in aromatic rings.*write N~N"),
        ("N-N", "change places in aromatic rings.*write N~N"),
        ("C~Xx", "no type of atom 'Xx'"),
        ("C~S5", "no type of atom 'S5'; the nearest is 'S"),
    ],
)
def test_what_is_no_pattern(text, message):
    with pytest.raises(ConfigError, match=message):
        BondPattern.parse(text)
