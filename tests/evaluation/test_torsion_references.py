import numpy as np
import pytest
from scipy.special import i0

from molgfn.chemistry.conformers.frame import frame
from molgfn.chemistry.conformers.metric import log_volume
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError
from molgfn.evaluation.torsions.agreement import (
    coarser,
    effective_share,
    jensen_shannon,
    log_mean_weight,
    normalised,
    torsion_histograms,
)
from molgfn.evaluation.torsions.density import KT_298, boltzmann_density
from molgfn.evaluation.torsions.grid import torsion_grid
from molgfn.evaluation.torsions.tempering import parallel_tempering
from molgfn.oracles.conformations.mmff import MMFF

KAPPA = np.array([3.0, 1.0, 2.0])


def von_mises(angles):
    """Product of von Mises densities that are not normalised: log Z = sum log (2 pi I0(kappa))."""
    return (KAPPA[: angles.shape[1]] * np.cos(angles)).sum(1)


def exact(d):
    return float(np.log(2 * np.pi * i0(KAPPA[:d])).sum())


def coupled(angles):
    """Two modes that no move of one angle joins easily."""
    return 6 * np.cos(angles[:, 0] - angles[:, 1]) + 3 * np.cos(2 * angles[:, 0])


def test_a_grid_is_exact_for_smooth_densities():
    for d in (1, 2, 3):
        grid = torsion_grid(von_mises, np.full(d, 2 * np.pi), 24)
        assert grid.log_z == pytest.approx(exact(d), abs=1e-10)
        assert grid.probabilities.sum() == pytest.approx(1)
    energy = grid.free_energy(0, 1, 2.0)
    assert energy.min() == 0
    assert energy.max() == pytest.approx(2.0 * (2 * 3 + 2 * 1), rel=0.05)
    third = torsion_grid(lambda a: np.cos(3 * a[:, 0]), np.array([2 * np.pi / 3]), 24)
    assert third.log_z == pytest.approx(np.log(2 * np.pi * i0(1.0) / 3), abs=1e-10)
    drawn = grid.draw(4000, np.random.default_rng(0))
    assert np.cos(drawn[:, 0]).mean() == pytest.approx(0.81, abs=0.02)
    with pytest.raises(ConfigError, match="points"):
        torsion_grid(von_mises, np.full(3, 2 * np.pi), 1000)


def test_parallel_tempering_finds_log_z_and_the_marginals():
    periods = np.full(2, 2 * np.pi)
    grid = torsion_grid(coupled, periods, 72)
    found = parallel_tempering(coupled, periods, steps=1500, chains=32, seed=1)
    assert found.log_z == pytest.approx(grid.log_z, abs=0.05)
    assert abs(found.halves[0] - found.halves[1]) < 0.1
    assert found.calls == 7 * 32 * 1501
    assert found.accepted[0] == 1
    assert (found.swapped > 0.3).all()
    apart = jensen_shannon(
        torsion_histograms(found.angles, periods, bins=24),
        np.stack([coarser(grid.marginal(k), 24) for k in range(2)]),
    )
    assert (apart < 0.005).all()
    assert (np.abs(found.angles) <= np.pi).all()
    np.testing.assert_allclose(found.log_density, coupled(found.angles))


def test_a_density_of_minus_infinity_is_never_kept():
    def half(angles):
        return np.where(angles[:, 0] > 0, 0.0, -np.inf)

    found = parallel_tempering(half, np.array([2 * np.pi]), steps=300, chains=32)
    assert (found.angles > 0).all()
    assert found.log_z == pytest.approx(np.log(np.pi), abs=0.2)


def test_a_ladder_or_a_length_that_gives_nothing_is_refused():
    with pytest.raises(ConfigError, match="ladder"):
        parallel_tempering(von_mises, np.ones(1), ladder=(0.1, 1.0))
    with pytest.raises(ConfigError, match="steps"):
        parallel_tempering(von_mises, np.ones(1), steps=5)


def test_weights():
    log_w = np.log([1.0, 1.0, 2.0])
    assert effective_share(log_w) == pytest.approx(16 / 18)
    value, error = log_mean_weight(log_w)
    assert value == pytest.approx(np.log(4 / 3))
    assert error == pytest.approx(np.std([0.75, 0.75, 1.5], ddof=1) / np.sqrt(3))
    assert normalised(log_w).tolist() == pytest.approx([0.25, 0.25, 0.5])
    # even draws weighted by R give log Z of the torus
    draws = np.random.default_rng(0).uniform(-np.pi, np.pi, (20000, 2))
    estimate, error = log_mean_weight(von_mises(draws) + 2 * np.log(2 * np.pi))
    assert abs(estimate - exact(2)) < 4 * error < 0.1


def test_the_density_of_a_molecule_has_its_floor_and_its_volume_element():
    one = frame(Molecule.from_smiles("CCCCO"))
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (50, 2))
    energy = MMFF()
    plain = boltzmann_density(one, energy)(angles)
    value = energy.of_angles(one, angles)[0]
    np.testing.assert_allclose(plain, np.maximum(-value / KT_298, -30))
    weighed = boltzmann_density(one, energy, metric="mass")(angles)
    np.testing.assert_allclose(weighed - plain, log_volume(one, angles, metric="mass"))
    assert boltzmann_density(one, energy, log_floor=-5.0)(angles).min() == -5
    coarse, fine = (torsion_grid(boltzmann_density(one, energy), one.periods, n).log_z for n in (36, 72))
    assert coarse == pytest.approx(fine, abs=1e-4)
