import numpy as np
import pytest

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError
from molgfn.oracles.structure.substructure import Substructure
from molgfn.testing import check_oracle

MOLECULES = parse(["CC(=O)O", "CCN", "NCC(=O)O", "CC"])
ACID, AMINE = "C(=O)[OH]", "[NH2]"


@pytest.mark.parametrize(("mode", "expected"), [("any", [1, 1, 1, 0]), ("all", [0, 0, 1, 0]), ("none", [0, 0, 0, 1])])
def test_modes(mode, expected):
    values = Substructure(smarts=[ACID, AMINE], mode=mode).values(MOLECULES)
    np.testing.assert_array_equal(values, expected)


def test_one_pattern():
    np.testing.assert_array_equal(Substructure(smarts=ACID).values(MOLECULES), [1, 0, 1, 0])
    np.testing.assert_array_equal(Substructure(smarts=ACID, mode="none").values(MOLECULES), [0, 1, 0, 1])


@pytest.mark.parametrize("mode", ["any", "all", "none"])
def test_contract(mode):
    check_oracle(Substructure(smarts=["c1ccccc1", "[OX2H]"], mode=mode), tolerance=0)


@pytest.mark.parametrize(
    ("smarts", "match"),
    [
        (None, "smarts: give a SMARTS"),
        ([], "smarts: give a SMARTS"),
        ([ACID, "c1ccc"], r"smarts\[1\]: not a SMARTS: 'c1ccc'"),
        (" ", r"smarts\[0\]"),
        (["OH"], r"if it is \[OH\], quote it twice"),
    ],
)
def test_bad_patterns_are_named(smarts, match):
    with pytest.raises(ConfigError, match=match):
        Substructure(smarts=smarts)


def test_all_bad_patterns_are_named_at_once():
    with pytest.raises(ConfigError) as error:
        Substructure(smarts=["[C", ACID, "c1ccc"])
    assert [problem.partition(":")[0] for problem in error.value.problems] == ["smarts[0]", "smarts[2]"]


def test_a_molecule_without_mol_is_refused():
    with pytest.raises(ValueError, match="not valid"):
        Substructure(smarts=ACID).values([Molecule.failed("no")])
