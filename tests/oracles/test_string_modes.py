import numpy as np
import pytest

from molgfn.errors import ConfigError, DataError
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.testing import check_oracle

BITS = ["00000000", "11111111", "11110000", "00001111", "00111100"]


def test_values_by_hand():
    oracle = StringModes(alphabet="AB", length=4, modes=["AAAA", "ABAB"])
    values = oracle.values(["AAAA", "ABAB", "AAAB", "BBBB", "BABA", "BABB"])
    np.testing.assert_allclose(values, [1, 1, 0.75, 0.5, 0.5, 0.25])
    assert StringModes(alphabet="AB", length=2, modes=["AA"]).values(["BB"]).tolist() == [0.0]
    assert oracle.values([]).shape == (0,)


def test_values_equal_those_of_a_loop():
    oracle = StringModes(alphabet="ACGT", length=9, n_modes=7, seed=3)
    rng = np.random.default_rng(0)
    strings = ["".join(rng.choice(list("ACGT"), 9)) for _ in range(50)]
    nearest = [min(sum(a != b for a, b in zip(x, m, strict=True)) for m in oracle.modes) for x in strings]
    np.testing.assert_allclose(oracle.values(strings), 1 - np.array(nearest) / 9)
    check_oracle(oracle, strings, tolerance=0)


def test_bit_sequences():
    """60 different modes of 15 blocks each, the same for the same seed."""
    arguments = {"alphabet": "01", "length": 120, "n_modes": 60, "blocks": BITS}
    oracle = StringModes(**arguments, seed=42)
    assert len(set(oracle.modes)) == 60
    assert {m[i : i + 8] for m in oracle.modes for i in range(0, 120, 8)} == set(BITS)
    assert oracle.modes == StringModes(**arguments, seed=42).modes != StringModes(**arguments, seed=43).modes
    assert oracle.values(oracle.modes).tolist() == [1.0] * 60


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"modes": ["ACGT", "ACG"]}, "'ACG' is not a string of 4"),
        ({"modes": ["ACGX"]}, "'ACGX'"),
        ({"blocks": ["AC", "G"]}, "one length"),
        ({"blocks": ["ACG"]}, "divides"),
        ({"blocks": ["XX"], "n_modes": 1}, "XXXX"),
        ({"blocks": ["AC", "GT"], "n_modes": 5}, "only 4"),
        ({"modes": ["ACGT"], "blocks": ["AC"]}, "modes are given"),
    ],
)
def test_what_does_not_fit_is_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        StringModes(**{"length": 4, **arguments})


@pytest.mark.parametrize("bad", ["ACG", "ACGTA", "ACGX", 7])
def test_other_strings_are_refused(bad):
    with pytest.raises(DataError, match="not a string of 4"):
        StringModes(length=4).values(["ACGT", bad])


def test_a_task_says_what_strings_there_are():
    oracle = StringModes(task="qm9")
    assert all(len(mode) == 5 and set(mode) <= set("0123456789a") for mode in oracle.modes)
    assert StringModes(task="bits", length=16, blocks=BITS).length == 16
