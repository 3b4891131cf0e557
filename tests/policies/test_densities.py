"""Densities of one coordinate, their mixtures, and densities of actions over the reference measure of their step."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from molgfn.environments.continuous.box import Box, BoxStates
from molgfn.environments.continuous.torus import Torus
from molgfn.environments.real_actions import action
from molgfn.errors import ConfigError
from molgfn.policies.densities.families import Beta, Normal, VonMises, WrappedNormal, family_of
from molgfn.policies.densities.heads import mixture_of
from molgfn.policies.densities.policy import MixturePolicy
from molgfn.policies.distributions import HasEntropy, HasKL, HasSampledKL, HasTempering
from molgfn.policies.distributions.capabilities import lacking

ENDS = {"interval": (0.0, 1.0), "circle": (-math.pi, math.pi), "line": (-60.0, 60.0)}
FAMILIES = [Beta(1.0, 8.0), VonMises(0.0), VonMises(4.0), WrappedNormal(), Normal(0.1, 3.0)]


def nodes(family, n=20_000):
    """Midpoints of the space, and their width."""
    low, high = ENDS[family.space]
    return low + (torch.arange(n, dtype=torch.float64) + 0.5) * (high - low) / n, (high - low) / n


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_densities_normalise(family, temperature):
    raw = torch.tensor([[0.3, -2.0], [-1.0, 0.5], [2.5, 3.0]])
    first, second = family.flattened(*family.shaped(raw), temperature)
    place, width = nodes(family)
    total = family.log_prob(place[:, None], first, second).exp().sum(0) * width
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-6)
    reference = family.reference_log_prob(place).exp().sum() * width
    assert float(reference) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kappa", [1e-5, 0.3, 5.0, 2e3])
def test_the_von_mises_is_that_of_torch_and_of_scipy(kappa):
    family, one = VonMises(), torch.ones(4000, dtype=torch.float64)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    there = torch.distributions.VonMises(one[:7] * 0.4, one[:7] * kappa).log_prob(x)
    torch.testing.assert_close(family.log_prob(x, one[:7] * 0.4, one[:7] * kappa), there, rtol=1e-6, atol=1e-6)
    drawn = family.sample(one * 0.4, one * kappa, torch.Generator().manual_seed(0))
    assert (
        stats.kstest(((drawn - 0.4 + math.pi) % (2 * math.pi) - math.pi).numpy(), stats.vonmises(kappa).cdf).pvalue
        > 0.01
    )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: type(f).__name__)
def test_what_is_drawn_has_the_density(family):
    first, second = family.shaped(torch.tensor([0.7, -0.4]).expand(4000, 2))
    drawn = family.sample(first, second, torch.Generator().manual_seed(1)).sort().values
    place, width = nodes(family)
    cdf = family.log_prob(place, first[0], second[0]).exp().cumsum(0) * width
    expected = torch.from_numpy(np.interp(drawn.numpy(), place.numpy() + width / 2, cdf.numpy()))
    assert stats.kstest(expected.numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("joint", [True, False])
def test_a_coordinate_that_is_not_active_is_integrated_out(joint):
    g = torch.Generator().manual_seed(0)
    mixture = mixture_of(
        VonMises(), torch.randn(1, 1 if joint else 2, 3, generator=g), torch.randn(1, 2, 3, 2, generator=g)
    )
    x, width = nodes(VonMises(), 400)
    places = torch.stack([torch.full_like(x, 0.5), x], 1)

    def density(active):
        many = type(mixture)(
            mixture.family, *(p.expand(400, -1, -1) for p in (mixture.log_weights, mixture.first, mixture.second))
        )
        return many.log_prob(places, torch.tensor(active).expand(400, 2)).exp()

    assert float(density([True, True]).sum() * width) == pytest.approx(float(density([True, False])[0]), rel=1e-9)
    assert density([False, False]).tolist() == [1.0] * 400


def policy_of(environment, seed=0, **more):
    torch.manual_seed(seed)
    policy = MixturePolicy(environment=environment, hidden=8, layers=1, components=2, **more).double()
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return policy


@torch.no_grad()
def total_of_moves(policy, environment, position, moves, weights, *, backward=False):
    """Integral of the density over ``moves`` [M, d] that are legal at one position."""
    states = BoxStates(torch.tensor([position], dtype=torch.float64).expand(len(moves), -1))
    out = policy(states, forward=not backward, backward=backward)
    found = (out.backward if backward else out.forward).log_prob(action(torch.zeros(len(moves)), moves))
    return float((found.exp() * weights).sum())


@pytest.mark.parametrize("position", [(0.3, 0.2), (0.85, 0.2), (0.9, 0.8), (0.5, 0.999)])
@pytest.mark.parametrize("learned", [False, True])
def test_arcs_of_the_box_have_all_the_probability(position, learned):
    environment = Box()
    policy = policy_of(environment, learned_backward=learned, beta_range=(0.999, 4.0))
    n = 20_000
    angle = (torch.arange(n, dtype=torch.float64) + 0.5) * (math.pi / 2 / n)
    moves, weights = 0.25 * torch.stack([angle.cos(), angle.sin()], 1), torch.full_like(angle, math.pi / 2 / n)
    states = BoxStates(torch.tensor([position], dtype=torch.float64))
    stop = policy(states).forward.log_prob(environment.exit_action(states)).exp().detach()
    forward = total_of_moves(policy, environment, position, moves, weights)
    assert forward + float(stop) == pytest.approx(1, abs=2e-3)
    assert total_of_moves(policy, environment, position, moves, weights, backward=True) == pytest.approx(1, abs=2e-3)


def test_the_first_step_has_all_the_probability_of_the_quarter_disc():
    environment, n = Box(), 400
    x = (torch.arange(n, dtype=torch.float64) + 0.5) * (0.25 / n)
    moves = torch.cartesian_prod(x, x)
    moves = moves[moves.norm(dim=1) < 0.25]
    policy = policy_of(environment, beta_range=(0.999, 3.0))
    weights = torch.full((len(moves),), (0.25 / n) ** 2, dtype=torch.float64)
    assert total_of_moves(policy, environment, (0.0, 0.0), moves, weights) == pytest.approx(1, abs=5e-3)


def test_arcs_on_the_sphere_have_all_the_probability():
    environment, n = Box(dimensions=3, step=0.3), 300
    a = (torch.arange(n, dtype=torch.float64) + 0.5) * (math.pi / 2 / n)
    u, v = torch.cartesian_prod(a, a).unbind(1)
    moves = 0.3 * torch.stack([v.cos(), v.sin() * u.cos(), v.sin() * u.sin()], 1)  # not the order of the chart
    weights = v.sin() * (math.pi / 2 / n) ** 2
    policy, position = policy_of(environment, beta_range=(0.999, 3.0)), (0.8, 0.35, 0.6)
    states = BoxStates(torch.tensor([position], dtype=torch.float64))
    stop = policy(states).forward.log_prob(environment.exit_action(states)).exp().detach()
    assert total_of_moves(policy, environment, position, moves, weights) + float(stop) == pytest.approx(1, abs=5e-3)
    policy = policy_of(environment)
    assert total_of_moves(policy, environment, position, moves, weights, backward=True) == pytest.approx(1, abs=5e-3)


def test_turns_of_a_rotor_of_a_smaller_period_have_all_the_probability():
    class Rotors(Torus):
        def periods(self, n, device="cpu"):
            return torch.tensor([2 * math.pi, 2 * math.pi / 3, 0.0], dtype=torch.float64).repeat(n, 1)

    environment, n = Rotors(dimensions=3, steps=2), 120
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n - 0.5
    u, v = torch.cartesian_prod(x, x).unbind(1)
    moves = torch.stack([2 * math.pi * u, 2 * math.pi / 3 * v, torch.zeros_like(u)], 1)
    policy = policy_of(environment, least_concentration=0.0)
    states = environment.initial(n * n)
    density = policy(states).forward.log_prob(action(torch.zeros(n * n), moves)).exp().detach()
    assert float(density.sum() * 4 * math.pi**2 / 3 / n**2) == pytest.approx(1, abs=1e-6)
    after = environment.step(states, policy(states).forward.sample())
    assert after.angle[:, 1].abs().max() <= math.pi / 3
    assert not after.angle[:, 2].any()


def test_gradients_are_those_of_finite_differences():
    environment = Box()
    policy = policy_of(environment)
    states = BoxStates(torch.tensor([[0.3, 0.4], [0.8, 0.3], [0.0, 0.0]], dtype=torch.float64))
    drawn = policy(states).forward.sample(torch.Generator().manual_seed(3))

    def total():
        return policy(states).forward.log_prob(drawn).sum()

    weight = policy.move_head.places.bias
    (found,) = torch.autograd.grad(total(), weight)
    for i in range(0, len(weight), 3):
        with torch.no_grad():
            weight[i] += 1e-5
            up = total()
            weight[i] -= 2e-5
            down = total()
            weight[i] += 1e-5
        assert float(found[i]) == pytest.approx(float(up - down) / 2e-5, rel=1e-4, abs=1e-7)


def test_a_hybrid_has_no_exact_entropy_and_a_sampled_divergence():
    environment = Torus(steps=2)
    policy = policy_of(environment)
    reasons = lacking(policy.distribution, [HasEntropy, HasKL, HasSampledKL, HasTempering])
    assert reasons == [
        "a Hybrid choice of actions has not got an exact entropy",
        "a Hybrid choice of actions has not got an exact KL divergence",
    ]
    out = policy(environment.initial(5)).forward
    uniform = out.uniform()
    drawn = uniform.sample(torch.Generator().manual_seed(0))
    assert uniform.log_prob(drawn).tolist() == pytest.approx([-2 * math.log(2 * math.pi)] * 5)


def test_a_range_without_the_uniform_density_is_refused():
    with pytest.raises(ConfigError, match=r"policy.beta_range: from 2.0 to 5.0"):
        family_of("interval", (2.0, 5.0), "von_mises", 0.0, (0.1, 2.0))
