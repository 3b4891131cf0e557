"""GuacaMol's KL score and the Fréchet ChemNet distance: by hand, against the packages, and why they may be missing."""

import importlib

import numpy as np
import pytest
from rdkit.Chem import Descriptors
from scipy import stats

from molgfn.evaluation.metrics.reference import chemnet_distance, kl_score
from molgfn.evaluation.metrics.reference.chemnet_distance import ChemNetDistance, frechet_distance
from molgfn.evaluation.metrics.reference.kl_score import KLScore, continuous_divergence, counted_divergence

SOME = ["CCO", "CCCN", "c1ccccc1O", "CC(=O)NC1CCCCC1", "OCC1CC1", "c1ccc2[nH]ccc2c1", "CCOC(=O)c1ccncc1"]
OTHERS = ["CCCCCC", "CC(C)O", "c1ccccc1", "CN1CCCC1", "NC(=O)c1ccccc1", "OC1CCC1", "CSCC"]


def test_ten_bins_by_hand():
    """Reference 0, 1, ..., 9: a tenth in each bin. All samples in one bin: KL is log .1 against 1 and against 1e-10."""
    reference, same, one = np.arange(10.0), np.arange(10.0).repeat(3), np.full(5, 4.2)
    assert counted_divergence(reference, same) == pytest.approx(0, abs=1e-12)
    width = 0.9
    q = np.full(10, 1e-10)
    q[4] += 1 / width
    p = np.full(10, 0.1 / width + 1e-10)
    p, q = p / p.sum(), q / q.sum()
    assert counted_divergence(reference, one) == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-12)
    assert counted_divergence(reference, one) == pytest.approx(
        0.9 * np.log(0.1 / 0.9e-10) + 0.1 * np.log(0.1), rel=1e-3
    )


def test_all_outside_of_the_reference_is_finite():
    value = counted_divergence(np.arange(10.0), np.full(5, 99.0))
    assert np.isfinite(value)


def test_two_normal_samples_have_about_the_divergence_of_their_distributions():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 4000), rng.normal(1, 1, 4000)
    assert continuous_divergence(a, b) == pytest.approx(0.5, abs=0.08)
    assert continuous_divergence(a, a) == 0


def test_the_score_is_the_mean_over_ten_properties(samples):
    """Written out with scipy as the authors have it."""
    s = samples(OTHERS, reference_sample=samples(SOME))
    found = KLScore()(s)
    assert len(found) == 11
    mols = [[part.objects[i].mol for i in part.unique] for part in (s.reference_sample, s)]
    for name in kl_score.CONTINUOUS:
        p, q = (np.array([getattr(Descriptors, name)(m) for m in part]) for part in mols)
        x = np.linspace(min(p.min(), q.min()), max(p.max(), q.max()), 1000)
        want = stats.entropy(stats.gaussian_kde(p)(x) + 1e-10, stats.gaussian_kde(q)(x) + 1e-10)
        assert found[f"kl_score/{name}"].value == pytest.approx(want, rel=1e-9)
    for name in kl_score.COUNTED:
        p, q = (np.array([getattr(Descriptors, name)(m) for m in part]) for part in mols)
        h, edges = np.histogram(p, bins=10, density=True)
        want = stats.entropy(h + 1e-10, np.histogram(q, bins=edges, density=True)[0] + 1e-10)
        assert found[f"kl_score/{name}"].value == pytest.approx(want, rel=1e-9)
    parts = [np.exp(-r.value) for key, r in found.items() if key != "kl_score"]
    assert found["kl_score"].value == pytest.approx(np.mean(parts), rel=1e-12)
    assert found["kl_score"].count == 7


def test_the_same_molecules_have_score_one(samples):
    s = samples(SOME, reference_sample=samples(SOME[::-1]))
    assert KLScore()(s)["kl_score"].value == pytest.approx(1, abs=1e-9)


def test_as_many_of_the_reference_as_of_the_samples(samples):
    s = samples(SOME[:4], reference_sample=samples([*SOME, *OTHERS]))
    assert KLScore()(s)["kl_score"].count == 4


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (["CCO"], SOME, "two different molecules"),
        (["CCO", "OCC"], SOME, "two different molecules"),
        (["CCCN", "c1ccccc1O"], ["CCCC", "CC(C)C"], "MolWt is the same for all molecules of the reference"),
    ],
)
def test_a_score_that_cannot_be_says_why(samples, ours, theirs, says):
    found = KLScore()(samples(ours, reference_sample=samples(theirs)))
    assert list(found) == ["kl_score"]
    assert found["kl_score"].value is None
    assert says in found["kl_score"].note


def test_distance_of_gaussians_by_hand():
    """Along one axis: (mean difference)^2 + (difference of standard deviations)^2; more axes that commute add up."""
    x = np.array([[-1.0], [1.0]])
    y = np.array([[1.0], [7.0]])
    sx, sy = np.sqrt(2), np.sqrt(18)
    assert frechet_distance(x, y) == pytest.approx(16 + (sx - sy) ** 2, rel=1e-12)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 5))
    assert frechet_distance(z, z) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(z, z + 2) == pytest.approx(5 * 4, rel=1e-9)
    assert frechet_distance(z, 3 * z) == pytest.approx(4 * (z.mean(0) ** 2).sum() + 4 * np.trace(np.cov(z.T)), rel=1e-9)


def test_distance_of_gaussians_whose_axes_do_not_commute():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    y = rng.normal(size=(250, 4)) @ rng.normal(size=(4, 4)) + 0.3
    s, t = np.cov(x.T), np.cov(y.T)
    apart = x.mean(0) - y.mean(0)
    want = apart @ apart + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(x, y) == pytest.approx(want, rel=1e-9)
    assert frechet_distance(x[:3], y[:3]) >= 0  # of lower rank


def test_it_is_the_distance_of_the_package(samples, needs_extra):
    package = needs_extra("fcd", "fcd_torch")
    s = samples(OTHERS, reference_sample=samples(SOME))
    found = ChemNetDistance()(s)
    network = package.FCD(device="cpu", n_jobs=1)
    a, b = (np.asarray(network.get_predictions(part.keys), dtype=np.float64) for part in (s, s.reference_sample))
    assert found["fcd"].value == pytest.approx(frechet_distance(a, b), rel=1e-6)
    assert found["fcd"].value > 1
    assert found["fcd"].count == 7
    assert "7 molecules of the reference" in found["fcd"].note
    assert "full rank" in found["fcd"].note
    assert found["fcd/score"].value == pytest.approx(np.exp(-found["fcd"].value / 5))
    same = samples(SOME, reference_sample=samples(SOME[::-1]))
    assert ChemNetDistance()(same)["fcd"].value == pytest.approx(0, abs=1e-4)


def test_a_distance_that_cannot_be_says_why(samples, monkeypatch):
    s = samples(["CCO"], reference_sample=samples(SOME))
    assert "two different molecules" in ChemNetDistance()(s)["fcd"].note
    real = importlib.import_module

    def absent(name, *rest):
        if name == "fcd_torch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(chemnet_distance.importlib, "import_module", absent)
    s = samples(OTHERS, reference_sample=samples(SOME))
    found = ChemNetDistance()(s)
    assert list(found) == ["fcd"]
    assert found["fcd"].value is None
    assert "'.[fcd]'" in found["fcd"].note
