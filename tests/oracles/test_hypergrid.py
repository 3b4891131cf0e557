import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from molgfn.errors import DataError
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.testing import check_oracle


def points(dimensions: int, side: int) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.arange(side)] * dimensions).reshape(-1, dimensions)


@pytest.mark.parametrize(
    ("dimensions", "side", "r0", "r1", "r2", "log_z", "n_best"),
    [
        (2, 256, 0.01, 0.5, 2.0, 9.535850, 2500),
        (2, 128, 0.01, 0.5, 2.0, 8.178594, 676),
        (2, 64, 0.01, 0.5, 2.0, 6.734544, 144),
        (3, 32, 0.01, 0.5, 2.0, 7.940114, 216),
        (4, 20, 1e-3, 0.5, 2.0, 8.643297, 256),
        (4, 20, 1e-4, 1.0, 3.0, 9.285819, 256),
        (2, 16, 0.1, 0.5, 2.0, 4.183576, 4),
        (3, 16, 1e-3, 0.5, 2.0, 5.620749, 8),
    ],
)
def test_log_z_and_number_of_best_points(dimensions, side, r0, r1, r2, log_z, n_best):
    # known values under exact arithmetic; float64 bands would give 4.325456 for the 16 x 16 grid and 9.550332 for 256
    oracle = HyperGrid(dimensions=dimensions, side=side, r0=r0, r1=r1, r2=r2)
    values = oracle.values(points(dimensions, side))
    assert math.log(values.sum()) == pytest.approx(log_z, abs=1e-6)
    assert np.isclose(values, r0 + r1 + r2).sum() == n_best


@pytest.mark.parametrize("side", range(2, 42))
def test_bands_equal_those_of_exact_fractions(side):
    distance = [abs(Fraction(x, side - 1) - Fraction(1, 2)) for x in range(side)]
    expected = [0.1 + 0.5 * (u > Fraction(1, 4)) + 2.0 * (Fraction(3, 10) < u < Fraction(2, 5)) for u in distance]
    values = HyperGrid(dimensions=1, side=side).values(points(1, side))
    np.testing.assert_allclose(values, expected, rtol=1e-15)


@pytest.mark.parametrize("side", [2, 7, 16])
def test_mirrored_points_have_equal_values(side):
    oracle = HyperGrid(side=side)
    grid = points(2, side)
    np.testing.assert_array_equal(oracle.values(grid), oracle.values(side - 1 - grid))


def test_contract():
    check_oracle(HyperGrid(dimensions=3, side=8), points(3, 8), tolerance=0)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (torch.zeros(3, 3, dtype=torch.int64), r"\[B, 2\]"),
        (torch.zeros(3, dtype=torch.int64), r"\[B, 2\]"),
        (torch.zeros(3, 2), "integers"),
        (torch.full((1, 2), 16), r"\[0, 15\]"),
        (torch.full((1, 2), -1), r"\[0, 15\]"),
    ],
)
def test_points_of_another_grid_are_refused(bad, match):
    with pytest.raises(DataError, match=match):
        HyperGrid(dimensions=2, side=16).values(bad)
