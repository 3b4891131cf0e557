import numpy as np
import pytest

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError
from molgfn.oracles.structure.substructure_count import SubstructureCount
from molgfn.testing import check_oracle

MOLECULES = ["OCC(O)CO", "CC(=O)O", "NCCN", "C", "c1ccccc1O"]


def test_matches_on_the_same_atoms_count_once():
    np.testing.assert_array_equal(SubstructureCount(smarts="[OH]").values(parse(MOLECULES)), [3, 1, 0, 0, 1])
    # a ring of six matches in twelve ways
    np.testing.assert_array_equal(SubstructureCount(smarts="c1ccccc1").values(parse(MOLECULES)), [0, 0, 0, 0, 1])


def test_matches_of_several_patterns_add_up_and_patterns_do_not():
    patterns = ["[OH]", "[NH2]", "C=O"]
    np.testing.assert_array_equal(SubstructureCount(smarts=patterns).values(parse(MOLECULES)), [3, 2, 2, 0, 1])
    oracle = SubstructureCount(smarts=patterns, count="patterns")
    np.testing.assert_array_equal(oracle.values(parse(MOLECULES)), [1, 2, 1, 0, 1])


def test_more_matches_than_rdkit_stops_at():
    np.testing.assert_array_equal(SubstructureCount(smarts="[#6]").values(parse(["C" * 1500])), [1500])


def test_contract():
    check_oracle(SubstructureCount(smarts=["[#7]", "a"]), tolerance=0)


def test_explicit_hydrogens_are_no_atoms():
    explicit = Molecule.from_smiles("[H]C([H])([H])[2H]")
    assert SubstructureCount(smarts="[#1]").values([explicit])[0] == 1  # deuterium, which SMILES keeps


@pytest.mark.parametrize(
    ("smarts", "match"),
    [
        (None, "smarts: give a SMARTS"),
        ([], "smarts: give a SMARTS"),
        (["C", "c1cc"], r"smarts\[1\]: not a SMARTS: 'c1cc'"),
        (["NH2"], r"smarts\[0\]: not a SMARTS: 'NH2'; if it is \[NH2\], quote it twice"),
    ],
)
def test_what_cannot_be_read_is_named(smarts, match):
    with pytest.raises(ConfigError, match=match):
        SubstructureCount(smarts=smarts)
