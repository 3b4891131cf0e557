import numpy as np
import pytest

from molgfn.chemistry.models.random_forest import CHUNK, RandomForest
from molgfn.errors import DataError

BITS = 40


def random_forest(seed: int = 0, trees: int = 7, depth: int = 21) -> dict[str, np.ndarray]:
    """Lopsided trees, depth first: some leaves at once, some after many levels."""
    rng = np.random.default_rng(seed)
    rows: list[list[float]] = []

    def grow(level: int) -> int:
        place = len(rows)
        rows.append([-1, 0, 0, rng.random()])
        if level and rng.random() < 0.95:
            rows[place][0] = rng.integers(BITS)
            rows[place][1] = grow(level - 1)
            rows[place][2] = grow(min(level - 1, int(rng.integers(3))))
        return place

    roots = [grow(depth) for _ in range(trees)]
    feature, left, right, value = np.array(rows).T
    return {
        "feature": feature.astype(np.int16),
        "left": left.astype(np.int32),
        "right": right.astype(np.int32),
        "value": value.astype(np.float32),
        "roots": np.array(roots, dtype=np.int32),
    }


def slow(arrays: dict[str, np.ndarray], fingerprint: np.ndarray) -> float:
    def leaf(node: int) -> float:
        bit = arrays["feature"][node]
        if bit < 0:
            return float(arrays["value"][node])
        return leaf(arrays["right" if fingerprint[bit] else "left"][node])

    return sum(leaf(root) for root in arrays["roots"]) / len(arrays["roots"])


@pytest.mark.parametrize("batch", [1, 3, CHUNK, 2 * CHUNK + 5])
def test_equals_a_walk_down_every_tree(batch):
    arrays = random_forest()
    fingerprints = np.random.default_rng(1).random((batch, BITS)) < 0.1
    got = RandomForest(**arrays, bits=BITS).probability(fingerprints)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, [slow(arrays, f) for f in fingerprints], rtol=0, atol=1e-14)
    if batch > 1:
        assert np.ptp(got) > 0.01


def test_company_and_order_change_no_digit():
    forest = RandomForest(**random_forest(), bits=BITS)
    fingerprints = np.random.default_rng(2).random((50, BITS)) < 0.2
    together = forest.probability(fingerprints)
    np.testing.assert_array_equal(np.concatenate([forest.probability(f[None]) for f in fingerprints]), together)
    np.testing.assert_array_equal(forest.probability(fingerprints[::-1])[::-1], together)


def test_a_forest_of_single_leaves_and_an_empty_batch():
    leaf = {"feature": np.array([-1]), "left": np.array([0]), "right": np.array([0]), "value": np.array([0.25])}
    forest = RandomForest(**leaf, roots=np.array([0, 0]), bits=BITS)
    assert forest.probability(np.zeros((2, BITS), dtype=bool)).tolist() == [0.25, 0.25]
    assert forest.probability(np.zeros((0, BITS), dtype=bool)).shape == (0,)
    with pytest.raises(ValueError, match=r"should be \[B, 40\], are \[2, 39\]"):
        forest.probability(np.zeros((2, BITS - 1), dtype=bool))


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("feature", lambda a: a + BITS, "feature should be a bit in 0..39 or -1, is 39.."),
        ("feature", lambda a: a.astype(float), "feature should be a row of integers, is float64"),
        ("left", lambda a: a[1:], "left should have one entry for each of"),
        ("left", lambda a: a * 0, "left of a node should be a later one"),
        ("right", lambda a: a + len(a), "right of a node should be a later one"),
        ("value", lambda a: a + 1, "value should be a probability"),
        ("value", lambda a: a * np.nan, "value should be a probability"),
        ("roots", lambda a: a[:0], "roots should be a row of integers"),
        ("roots", lambda a: a - 1, "roots should be some of the"),
    ],
)
def test_what_is_no_forest_is_refused(name, change, says):
    arrays = random_forest()
    arrays[name] = change(arrays[name])
    with pytest.raises(DataError, match=f"my file: {says}"):
        RandomForest(**arrays, bits=BITS, where="my file")
