"""The Gaussian process grown by blocks is the one solved directly; so are variances after hallucinated measurements."""

import numpy as np
import pytest
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator
from scipy import integrate, stats
from tests.optimise.small import DRUGS, drugs

from molgfn.acquisition.criteria import expected_improvement, upper_confidence
from molgfn.acquisition.gaussian_process import GaussianProcess
from molgfn.acquisition.ranking import rank_weights
from molgfn.chemistry.count_similarity import count_rows, minmax

NOISE = 1e-4


def kernel(n, random):
    """A positive definite one, of points on a line, 1 on the diagonal."""
    x = np.sort(random.uniform(0, 5, n))
    return np.exp(-np.abs(x[:, None] - x[None, :]))


def grown(k, sizes):
    """The process after blocks of ``sizes``; room for 2 points, so that it has to grow."""
    process, done = GaussianProcess(noise=NOISE, capacity=2), 0
    for size in sizes:
        new = slice(done, done + size)
        process.add(k[:done, new], k[new, new])
        done += size
    return process


def directly(k, y, seen, asked):
    """Mean and covariance of f at ``asked`` given y at ``seen``, by one solve."""
    inner = k[np.ix_(seen, seen)] + NOISE * np.eye(len(seen))
    across = k[np.ix_(seen, asked)]
    solved = np.linalg.solve(inner, np.column_stack([across, y]))
    return across.T @ solved[:, -1], k[np.ix_(asked, asked)] - across.T @ solved[:, :-1]


@pytest.mark.parametrize("sizes", [(30,), (1, 29), (10, 1, 1, 18), (1,) * 30])
def test_blocks_come_to_the_direct_solve(sizes):
    random = np.random.default_rng(0)
    k, y = kernel(40, random), random.normal(size=30)
    seen, asked = np.arange(30), np.arange(30, 40)
    process = grown(k[:30, :30], sizes)
    assert len(process) == 30
    posterior = process.posterior(y, k[:30, 30:], np.ones(10))
    mean, covariance = directly(k, y, seen, asked)
    assert np.abs(posterior.mean - mean).max() < 1e-10
    assert np.abs(posterior.variance - np.diag(covariance)).max() < 1e-10
    assert np.abs(posterior.deviation**2 - posterior.variance).max() < 1e-15


def test_hallucinated_measurements_have_the_variances_of_real_ones():
    random = np.random.default_rng(1)
    k, y = kernel(30, random), random.normal(size=20)
    posterior = grown(k[:20, :20], (7, 13)).posterior(y, k[:20, 20:], np.ones(10))
    mean = posterior.mean.copy()
    seen = list(range(20))
    for row in (3, 8, 0):
        posterior.observe(row, k[20 + row, 20:])
        seen.append(20 + row)
        values = np.zeros(len(seen))  # whatever comes out, the variance is the same
        _, covariance = directly(k, values, np.array(seen), np.arange(20, 30))
        assert np.abs(posterior.variance - np.diag(covariance)).max() < 1e-10
    assert (posterior.mean == mean).all()


def test_minmax_is_that_of_rdkit():
    molecules = drugs()
    rows = count_rows([m.mol for m in molecules], 3)
    ours = minmax(rows, rows)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=3, fpSize=2048)
    counts = [generator.GetCountFingerprint(m.mol) for m in molecules]
    theirs = np.array([DataStructs.BulkTanimotoSimilarity(one, counts) for one in counts])
    assert np.abs(ours - theirs).max() < 1e-12
    assert np.linalg.eigvalsh(ours).min() > 0
    assert minmax(rows[2:5], rows[:0]).shape == (3, 0)
    assert len(DRUGS) == len(ours)


def test_radius_is_that_of_the_environments():
    mols = [m.mol for m in drugs(3)]
    assert (minmax(count_rows(mols, 0), count_rows(mols, 0)) >= minmax(count_rows(mols, 3), count_rows(mols, 3))).all()


def test_expected_improvement_is_the_integral():
    mean, deviation, best = np.array([0.2, 0.9, 0.5]), np.array([0.3, 0.1, 0.0]), 0.6
    values = expected_improvement(mean, deviation, best)
    for value, m, s in zip(values[:2], mean, deviation, strict=False):
        area, _ = integrate.quad(lambda f, m=m, s=s: (f - best) * stats.norm.pdf(f, m, s), best, m + 12 * s)
        assert value == pytest.approx(area, abs=1e-8)
    assert values[2] == 0
    assert expected_improvement(np.array([0.7]), np.zeros(1), 0.6)[0] == pytest.approx(0.1)


def test_upper_confidence():
    assert upper_confidence(np.array([1.0]), np.array([2.0]), 0.5).tolist() == [2.0]


def test_rank_weights():
    weights = rank_weights(np.array([0.1, 5.0, -2.0]), 0.5)
    expected = np.array([1 / 2.5, 1 / 1.5, 1 / 3.5])
    assert weights == pytest.approx(expected / expected.sum())
    assert rank_weights(np.zeros(3), 0.01).argmax() == 0  # equal ones keep their order
