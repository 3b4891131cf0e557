"""Joint mutual information: log determinants, sums over all outcomes, greedy steps, and what is refused by name."""

import itertools

import numpy as np
import pytest
from scipy.special import xlogy

from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.chemistry.molecules import mols_of, parse
from molgfn.errors import ConfigError, DataError
from molgfn.information.classes import ClassInformation
from molgfn.information.covariance import OfPredictions, gaussian_process
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.kernels import RBF, KernelMatrix, Matern, MinMax
from molgfn.information.members import Members, checked, of_molecules
from molgfn.information.pools import MoleculePool, NormalPool, VectorPool
from molgfn.information.predictions import PredictionFile, of_model

POOL = NormalPool(size=9, seed=1).members
KNOWN = NormalPool(size=3, seed=2).members
SMILES = ["CCO", "CCN", "c1ccccc1", "c1ccccc1O", "CC(=O)O", "CCCCCC"]


def classes(posterior=5, n=6, c=3, seed=0):
    """Probabilities of a few posterior members."""
    return np.random.default_rng(seed).dirichlet(np.full(c, 0.5), size=(posterior, n))


def by_definition(p, batch):
    """H(y_B) - sum E H(y_i | s), outcome by outcome."""
    joint = 0.0
    for outcome in itertools.product(range(p.shape[2]), repeat=len(batch)):
        q = np.mean([np.prod([p[s, i, y] for i, y in zip(batch, outcome, strict=True)]) for s in range(len(p))])
        joint -= xlogy(q, q)
    return joint + xlogy(p, p).sum(2).mean(0)[list(batch)].sum()


@pytest.mark.parametrize("kernel", [RBF(lengthscale=0.7), Matern(lengthscale=0.7), Matern(smoothness="1/2")])
@pytest.mark.parametrize("known", [None, KNOWN])
def test_a_gaussian_process_tells_half_a_log_determinant(kernel, known):
    x = POOL.features if known is None else np.concatenate([known.features, POOL.features])
    k, m = kernel.between(x / 0.7 if kernel.lengthscale == 0.7 else x, x / kernel.lengthscale), len(x) - 9
    rest = k[m:, m:] - k[m:, :m] @ np.linalg.solve(k[:m, :m] + 0.2 * np.eye(m), k[:m, m:])
    information = GaussianInformation(gaussian_process(kernel, POOL, known, 0.2), 0.2, POOL.names)
    batches = np.array([[0, 3, 5], [2, 8, -1], [7, -1, -1], [-1, -1, -1]])
    expected = [
        0.5 * np.linalg.slogdet(np.eye(len(b)) + rest[np.ix_(b, b)] / 0.2)[1] for b in ([0, 3, 5], [2, 8], [7], [])
    ]
    assert information.of(batches) == pytest.approx(expected, abs=1e-10)
    assert information.of(batches[1:2]).tolist() == pytest.approx([expected[1]], abs=1e-10)
    assert information.alone()[7] == pytest.approx(expected[2], abs=1e-10)


def test_kernels_of_vectors_are_those_of_the_book():
    a, b = np.array([[0.0, 0.0]]), np.array([[0.3, 0.4]])
    d = np.sqrt(5) * 0.5
    assert Matern().between(a, b)[0, 0] == pytest.approx((1 + d + d**2 / 3) * np.exp(-d))
    assert Matern(smoothness="1/2", variance=2.0).between(a, b)[0, 0] == pytest.approx(2 * np.exp(-0.5))
    assert RBF().between(a, b)[0, 0] == pytest.approx(np.exp(-0.125))


def test_molecules_are_compared_by_their_counts():
    members = of_molecules(parse(SMILES), 2, 64)
    rows = count_rows(mols_of(members.molecules), 3)
    k = minmax(rows, rows)
    information = GaussianInformation(gaussian_process(MinMax(), members, members.take([5]), 0.1), 0.1, members.names)
    rest = k - np.outer(k[:, 5], k[5]) / 1.1
    expected = 0.5 * np.linalg.slogdet(np.eye(2) + rest[np.ix_([0, 2], [0, 2])] / 0.1)[1]
    assert information.of(np.array([[0, 2]]))[0] == pytest.approx(expected)
    assert information.distances(2)[3] < information.distances(2)[0]
    with pytest.raises(ConfigError, match="MinMax compares molecules, and the pool has none"):
        MinMax().rows(POOL)


def test_greedy_steps_add_up_and_measuring_conditions():
    information = GaussianInformation(gaussian_process(RBF(), POOL, KNOWN, 0.2), 0.2, POOL.names)
    gains, total = information.gains(), 0.0
    for row in range(9):  # also beyond the room at first
        total += gains.values()[row]
        gains.take(row)
        assert total == pytest.approx(information.of(np.arange(row + 1)[None])[0], abs=1e-9)
    after = information.after(np.array([4, 1]), np.random.default_rng(0)).among(np.array([0, 2, 7]))
    chain = information.of(np.array([[1, 2, 4, 7], [1, 4, -1, -1]]))
    assert after.of(np.array([[1, 2]]))[0] == pytest.approx(chain[0] - chain[1], abs=1e-9)
    assert after.names == [POOL.names[row] for row in (0, 2, 7)]


def test_an_ensemble_is_its_covariance():
    predictions = np.random.default_rng(0).normal(size=(7, 9))
    information = GaussianInformation(OfPredictions(predictions, scale=1.5), 0.3, POOL.names)
    k = 2.25 * np.cov(predictions.T)
    expected = 0.5 * np.linalg.slogdet(np.eye(3) + k[np.ix_([1, 4, 6], [1, 4, 6])] / 0.3)[1]
    assert information.of(np.array([[1, 4, 6]]))[0] == pytest.approx(expected)
    with pytest.raises(ConfigError, match="of 1 posterior members; it takes at least 2"):
        OfPredictions(predictions[:1])


def test_batchbald_is_a_sum_over_all_outcomes():
    p = classes()
    information = ClassInformation(p, list("abcdef"))
    batches = np.array([[0, 1, 4], [2, 5, -1], [3, -1, -1], [-1, -1, -1]])
    expected = [by_definition(p, batch) for batch in ([0, 1, 4], [2, 5], [3], [])]
    assert information.of(batches) == pytest.approx(expected, abs=1e-10)
    assert information.alone()[3] == pytest.approx(expected[2], abs=1e-10)
    binary = ClassInformation(p[:, :, 0], list("abcdef"))
    two = np.stack([1 - p[:, :, 0], p[:, :, 0]], 2)
    assert binary.of(batches[:1])[0] == pytest.approx(by_definition(two, [0, 1, 4]), abs=1e-10)


def test_more_outcomes_are_drawn_with_their_error_and_each_batch_has_one_value():
    p = classes()
    exact, drawn = ClassInformation(p, list("abcdef")), ClassInformation(p, list("abcdef"), exact=9, samples=20_000)
    batches = np.array([[0, 1, 4, 5], [1, 2, 3, 4], [0, 2, -1, -1]])
    (value, error), truth = drawn.estimate(batches), exact.of(batches)
    assert (np.abs(value - truth)[:2] < 4 * error[:2]).all()
    assert (error[:2] > 0).all()
    assert (error[2], value[2]) == (0.0, pytest.approx(truth[2]))  # few outcomes: a sum
    assert drawn.of(batches[1:2])[0] == value[1]  # whatever the company


def test_greedy_steps_of_labels_are_exact_and_then_drawn():
    p = classes()
    exact, drawn = ClassInformation(p, list("abcdef")), ClassInformation(p, list("abcdef"), exact=9, samples=20_000)
    for information, tolerance in ((exact, 1e-9), (drawn, 0.02)):
        gains, taken = information.gains(), []
        for row in (2, 0, 5, 1):
            together = exact.of(np.sort([*taken, row])[None])[0] - (exact.of(np.sort(taken)[None])[0] if taken else 0.0)
            assert gains.values()[row] == pytest.approx(together, abs=tolerance)
            gains.take(row)
            taken.append(row)
    after = exact.after(np.array([0, 1]), np.random.default_rng(0))
    assert after.weights.sum() == pytest.approx(1)
    assert after.of(np.array([[0, 1]]))[0] < exact.of(np.array([[0, 1]]))[0]


def test_what_is_wrong_with_a_member_is_said_by_its_name(tmp_path):
    def fails(members, message):
        with pytest.raises(DataError, match=message):
            checked(members, "pool.csv")

    x = np.arange(6.0).reshape(3, 2)
    fails(Members(["a", "b", "a"], x), "member 2 is `a`, and so is member 0")
    fails(Members(["a", "b", "c"], np.array([[1, 2], [0, 1], [1, 2.0]])), "members `a` and `c` have the same features")
    fails(Members(["a", "b", "c"], x * [1, np.nan]), "a feature of member `a` is no finite number")
    fails(Members(["a", "b", "c"], x, labels=np.array([1, np.nan, 2])), "member `b` has no label")
    file = tmp_path / "p.csv"
    file.write_text("id,x,y\na,1,2\nb,3,\n")
    with pytest.raises(DataError, match="member `b` has no label"):
        _ = VectorPool(path=str(file), name="id", label="y").members
    with pytest.raises(DataError, match="has no column `z`; it has id, x, y"):
        _ = VectorPool(path=str(file), name="z").members
    with pytest.raises(DataError, match="those of member `c` do not sum to 1"):
        ClassInformation(np.array([[[0.5, 0.5], [0.5, 0.5], [0.5, 0.6]]]), list("abc"))
    bent = np.eye(3)
    bent[0, 1] = bent[1, 0] = 2.0
    np.save(tmp_path / "k.npy", bent)
    with pytest.raises(DataError, match="not positive definite: it fails at member `b`"):
        KernelMatrix(path=str(tmp_path / "k.npy")).rows(Members(list("abc"), x))
    with pytest.raises(DataError, match="is of 3 members, and the pool has 9"):
        KernelMatrix(path=str(tmp_path / "k.npy")).rows(POOL)
    bent[0, 1] = 0.5
    np.save(tmp_path / "k.npy", bent)
    with pytest.raises(DataError, match="not symmetric at member"):
        KernelMatrix(path=str(tmp_path / "k.npy")).rows(Members(list("abc"), x))
    (tmp_path / "y.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match="has no column for member `c`"):
        PredictionFile(path=str(tmp_path / "y.csv")).of(Members(list("abc"), x))


def test_pools_are_read_from_files(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("id,x,y,z\nb,1,2,5\na,3,4,6\n")
    members = VectorPool(path=str(file), name="id", label="z").members
    assert (members.names, members.features.tolist(), members.labels.tolist()) == (["b", "a"], [[1, 2], [3, 4]], [5, 6])
    np.savez(tmp_path / "p.npz", features=members.features)
    assert VectorPool(path=str(tmp_path / "p.npz")).members.names == ["0", "1"]
    (tmp_path / "m.smi").write_text("\n".join(SMILES) + "\n")
    molecules = MoleculePool(molecules=str(tmp_path / "m.smi"), features=32).members
    assert molecules.features.shape == (6, 32)
    assert molecules.names[2] == "c1ccccc1"
    (tmp_path / "twice.smi").write_text("CCO\nCCN\nOCC\n")
    with pytest.raises(DataError, match="member 2 is `CCO`, and so is member 0"):
        _ = MoleculePool(molecules=str(tmp_path / "twice.smi")).members


class Constant:
    """Two networks."""

    def members(self, mols):
        return np.array([[m.GetNumAtoms() for m in mols], [0.0 for _ in mols]])


def test_whatever_has_posterior_members_is_read():
    assert of_model(Constant(), of_molecules(parse(SMILES[:2]), 2, 8)).tolist() == [[3, 3], [0, 0]]
