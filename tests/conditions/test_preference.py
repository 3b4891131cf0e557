"""Weights of objectives: exactly what each distribution says, and spread over all of the simplex."""

import pytest
import torch

from molgfn.conditions.preference import Preference
from molgfn.conditions.weights import Dirichlet, ExponentialDirichlet, FixedSet
from molgfn.errors import ConfigError

N = 40_000


def draws(weights, count=3, seed=0, n=N):
    weights.begin(count)
    return weights.draw(n, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 1.5, [3.0, 1.0, 0.5]])
def test_a_dirichlet_has_its_moments(alpha):
    found = draws(Dirichlet(alpha=alpha))
    a = torch.tensor(alpha if isinstance(alpha, list) else [alpha] * 3, dtype=torch.float64)
    total = a.sum()
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(1), torch.ones(N, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.mean(0), a / total, rtol=0, atol=5 * 0.5 / N**0.5)
    variance = a * (total - a) / (total**2 * (total + 1))
    torch.testing.assert_close(found.var(0), variance, rtol=0.05, atol=0)
    covariance = -a[0] * a[1] / (total**2 * (total + 1))
    assert torch.cov(found.T)[0, 1].item() == pytest.approx(covariance.item(), rel=0.1)


def test_an_exponential_dirichlet_is_the_mixture_that_it_says():
    """E[w] = E[a], and E[w_i^2] = E[a_i^2 (b - ...)]: by direct integration over the concentrations."""
    found = draws(ExponentialDirichlet(alpha=1.5))
    torch.testing.assert_close(found.mean(0), torch.full((3,), 1 / 3).double(), rtol=0, atol=5 * 0.5 / N**0.5)
    # Var(w_i | a, b) = a_i (1 - a_i) / (b + 1), so E[w_i^2] = E[a_i^2] + E[a_i (1 - a_i)] E[1 / (b + 1)]
    second = 1 / 9 + (1 / 3 * 2 / 3) / (4.5 + 1)  # E[a_i^2] of Dirichlet(1.5, 1.5, 1.5)
    b = torch.linspace(0, 60, 600_001, dtype=torch.float64)
    inverse = torch.trapezoid((-b).exp() / (b + 1), b)
    expected = second + (1 / 3 - second) * inverse
    assert found.square().mean(0).tolist() == pytest.approx([expected.item()] * 3, rel=0.02)
    assert (found.max(1).values > 0.99).double().mean() > 0.2  # corners, which Dirichlet(1.5) hardly ever draws
    assert (draws(Dirichlet()).max(1).values > 0.99).double().mean() < 0.01


def test_tiny_concentrations_give_corners_and_no_nan():
    found = draws(Dirichlet(alpha=1e-3), n=2000)
    assert found.isfinite().all()
    torch.testing.assert_close(found.sum(1), torch.ones(2000, dtype=torch.float64))
    assert (found.max(1).values > 0.999).double().mean() > 0.95


def test_a_fixed_set_is_the_same_everywhere_and_each_comes_equally_often():
    condition = Preference(names=["a", "b", "c"], weights=FixedSet(number=8, seed=3))
    again = Preference(names=["x", "y", "z"], weights=FixedSet(number=8, seed=3))
    values = condition.draw(16_000, torch.Generator().manual_seed(0))
    members, counts = values.unique(dim=0, return_counts=True)
    assert len(members) == 8
    assert (counts - 2000).abs().max() < 5 * (16_000 * 1 / 8 * 7 / 8) ** 0.5
    assert torch.equal(condition.validation(8), again.validation(8))
    assert torch.equal(condition.validation(8).unique(dim=0), members)
    other = Preference(names=["a", "b", "c"], weights=FixedSet(number=8, seed=4))
    assert not torch.equal(other.validation(8), condition.validation(8))
    assert len(condition.validation(5)) == 5  # centres of the simplex


def test_validation_covers_the_simplex():
    condition = Preference(names=["a", "b", "c"])
    centres = condition.validation(15, seed=0)
    assert centres.shape == (15, 3)
    torch.testing.assert_close(centres.sum(1), torch.ones(15, dtype=torch.float64))
    sample = draws(Dirichlet(alpha=1.0), n=2000)
    distance = torch.cdist(sample, centres).min(1).values
    random = torch.cdist(sample, draws(Dirichlet(alpha=1.0), seed=1, n=15)).min(1).values
    assert distance.mean() < 0.9 * random.mean()
    assert not torch.equal(centres, condition.validation(15, seed=1))


def test_it_is_shown_by_weights_and_thermometers():
    condition = Preference(names=["a", "b"], bins=4)
    shown = condition.encode(torch.tensor([[0.375, 0.625]], dtype=torch.float64))
    assert shown.tolist() == [[0.375, 0.625, 1, 0.5, 0, 0, 1, 1, 0.5, 0]]
    plain = Preference(names=["a", "b"], bins=0)
    assert plain.encode(torch.tensor([[0.375, 0.625]], dtype=torch.float64)).tolist() == [[0.375, 0.625]]
    beyond = condition.encode(torch.tensor([[1.5, -0.5]], dtype=torch.float64))
    assert beyond[:, 2:].tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]]  # the thermometers saturate


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Preference(names=None), "names: nobody says which objectives"),
        (lambda: Preference(names=["a"]), "at least two objectives, not about a"),
        (lambda: Preference(names=["a", "b", "a"]), "a is there twice"),
        (
            lambda: Preference(names=["a", "b"], weights=Dirichlet(alpha=[1.0, 2.0, 3.0])),
            "alpha: has 3 numbers, but there",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
