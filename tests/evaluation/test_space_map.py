"""The map: distances on it are those of the fingerprints where two axes are enough."""

import numpy as np
from scipy.spatial.distance import cdist

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.report.sections.space_map import MOST, MOST_REFERENCE, space_map


def test_three_groups_need_two_axes_and_keep_their_distances():
    bits = np.kron(np.eye(3), np.ones((4, 5)))  # 12 rows, equal in each group, nothing shared between groups
    found = space_map(bits, np.zeros((0, 15)))
    assert found.share > 1 - 1e-9
    wanted = np.sqrt(1 - tanimoto(bits, bits))
    np.testing.assert_allclose(cdist(found.points, found.points), wanted, atol=1e-6)
    assert found.reference.shape == (0, 2)


def test_the_share_is_that_of_the_eigenvalues():
    bits = (np.random.default_rng(0).random((40, 64)) < 0.3).astype(float)
    squared = 1 - tanimoto(bits, bits).astype(float)
    centre = np.eye(40) - 1 / 40
    values = np.linalg.eigvalsh(-0.5 * centre @ squared @ centre)
    found = space_map(bits[:30], bits[30:])
    np.testing.assert_allclose(found.share, values[-2:].sum() / values.sum(), rtol=1e-5)
    assert found.points.shape == (30, 2)
    assert found.reference.shape == (10, 2)


def test_it_is_the_same_each_time_and_no_larger_than_said():
    bits = (np.random.default_rng(1).random((MOST + 20, 32)) < 0.4).astype(float)
    first, second = (space_map(bits, bits[: MOST_REFERENCE + 3]) for _ in range(2))
    assert (len(first.points), len(first.reference)) == (MOST, MOST_REFERENCE)
    np.testing.assert_array_equal(first.points, second.points)


def test_too_few_or_equal_objects_have_no_map():
    assert space_map(np.eye(3), np.zeros((0, 3))) is None
    assert space_map(np.ones((9, 3)), np.zeros((0, 3))) is None
