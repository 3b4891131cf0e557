"""Test functions on a grid: values from the formulas, computed by other means."""

import numpy as np
import pytest
import torch

from molgfn.errors import DataError
from molgfn.oracles.synthetic.grid_function import FUNCTIONS, GridFunction
from molgfn.testing import check_oracle

GRID = torch.cartesian_prod(torch.arange(32), torch.arange(32))
POINTS = torch.tensor([[0, 0], [7, 0], [31, 0], [12, 20], [31, 31]])
#: of a 32 x 32 grid, point by point in plain Python from the formulas: values at POINTS, and the sum over the grid
GOLDEN = {
    "branin": ([2.934e-06, 0.711612977, 0.964427712, 0.868790677, 0.526588807], 836.2531140422155),
    "currin": ([0.217864924, 1.0, 0.739251066, 0.493208593, 0.290872629], 557.826924292809),
    "shubert": ([0.474054402, 0.459354268, 0.434762071, 0.459031263, 0.833397884], 481.8415082799379),
    "sphere": ([1.0, 0.650364204, 1.0, 0.067637877, 1.0], 363.35483870967704),
    "beale": ([0.997503222, 0.661271633, 0.146987758, 0.435252324, 0.366059923], 403.3440019854298),
}


def test_there_is_a_golden_value_of_each():
    assert set(GOLDEN) == set(FUNCTIONS)


@pytest.mark.parametrize("function", GOLDEN)
def test_golden_values_on_the_grid_of_side_32(function):
    oracle = GridFunction(function=function, side=32)
    values, total = GOLDEN[function]
    np.testing.assert_allclose(oracle.values(POINTS), values, rtol=0, atol=6e-10)
    assert oracle.values(GRID).sum() == pytest.approx(total, rel=1e-12)


def test_known_places():
    beale = FUNCTIONS["beale"]
    assert beale(np.array([3.0]), np.array([0.5]))[0] == 0.0  # its minimum
    branin = FUNCTIONS["branin"]
    x, y = (np.pi + 5) / 7.5 - 1, 2.275 / 7.5 - 1
    assert branin(np.array([x]), np.array([y]))[0] == pytest.approx(1 - 0.397887357729739 / 308.13, abs=1e-12)
    currin = FUNCTIONS["currin"]
    assert currin(np.array([1.0]), np.array([1.0]))[0] == pytest.approx((1 - np.exp(-0.5)) * 6352 / 624 / 13.77)


@pytest.mark.parametrize("function", GOLDEN)
def test_contract(function):
    check_oracle(GridFunction(function=function, side=32), POINTS, tolerance=1e-9)


@pytest.mark.parametrize(
    ("points", "match"),
    [
        (torch.zeros(2, 3, dtype=torch.int64), r"integers \[B, 2\]"),
        (torch.zeros(2, 2), r"integers \[B, 2\]"),
        (torch.tensor([[0, 32]]), r"with side=32 they lie in \[0, 31\]"),
    ],
)
def test_other_points_are_refused(points, match):
    with pytest.raises(DataError, match=match):
        GridFunction(side=32).values(points)
