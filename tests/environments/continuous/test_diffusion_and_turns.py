"""Diffusion in R^d with a Brownian bridge back, angles turned one by one, Langevin chains and drift."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from molgfn.environments.continuous.box import Box
from molgfn.environments.continuous.line_diffusion import LineDiffusion
from molgfn.environments.continuous.turns import Turns
from molgfn.errors import ConfigError, ContractError, DataError
from molgfn.evaluation.densities.target import density_target
from molgfn.oracles.continuous.diffusion_targets import Funnel, Gaussians
from molgfn.oracles.continuous.torus_waves import TorusWaves
from molgfn.policies.densities.policy import MixturePolicy
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power
from molgfn.testing import check_environment, check_policy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context
from molgfn.trajectories.sources.langevin import LangevinSearch

small = partial(MixturePolicy, hidden=8, layers=1, components=2)
SPACES = {
    "line": LineDiffusion(steps=3, deviation=2.0),
    "line_one_step": LineDiffusion(dimensions=3, steps=1),
    "turns": Turns(dimensions=3),
    "all_turned": Turns(stop="all_turned"),
}


@pytest.mark.parametrize("name", SPACES)
def test_the_contracts_are_kept(name):
    environment = SPACES[name]
    torch.manual_seed(0)
    check_environment(environment, policy=small(environment=environment).double())
    check_policy(small, environment)


def test_brownian_motion_and_its_bridge_are_one_process():
    """P_F of a policy that has learned nothing is Brownian motion: P_F(tau) / P_B(tau | x) = N(x; 0, deviation^2)."""
    environment = LineDiffusion(dimensions=3, steps=5, deviation=2.0)
    policy = MixturePolicy(environment=environment, hidden=4, layers=1, components=1).double()
    with torch.no_grad():
        for p in policy.move_head.parameters():
            p.zero_()
    t = Sampler(environment).forward(policy, 50, generator=torch.Generator().manual_seed(0))
    found = evaluate(replace(t, log_reward=torch.zeros(50).double()), policy, quantities=(LogPB,))
    normal = torch.distributions.Normal(0.0, 2.0).log_prob(t.terminal.position).sum(1)
    torch.testing.assert_close((found.log_pf - found[LogPB]).sum(1).detach(), normal)
    back = Sampler(environment).backward(policy, t.terminal, generator=torch.Generator().manual_seed(1))
    again = evaluate(replace(back, log_reward=torch.zeros(50).double()), policy, quantities=(LogPB,))
    torch.testing.assert_close((again.log_pf - again[LogPB]).sum(1).detach(), normal)


def waves_of_subsets():
    """Z of two angles, each turned or at 0, by hand: sin(3 x0) + cos(2 x1) + 2, cubed; x1 = 0 gives the cosine 1."""
    both = 4 * math.pi**2 * 14  # mean of (s + c + 2)^3 is 8 + 6 (1/2 + 1/2)
    first = 2 * math.pi * (27 + 9 / 2)  # (s + 3)^3
    second = 2 * math.pi * (8 + 6 / 2)  # (c + 2)^3
    return 27 + first + second + both


def test_z_of_angles_that_may_stay_is_a_sum_over_subsets():
    reward = Power(oracle=TorusWaves(), floor=1e-9)
    nodes, log_weight = Turns().quadrature(10_000)
    z = (reward(nodes, [str(i) for i in range(len(nodes))], {}).log_reward + log_weight).exp().sum()
    assert float(z) == pytest.approx(waves_of_subsets(), rel=1e-6)
    found = density_target(Turns(stop="all_turned"), reward, 10_000)
    assert found.log_z == pytest.approx(math.log(4 * math.pi**2 * 14))


def test_importance_weights_of_any_policy_have_the_mean_z():
    """The hybrid step: a choice, a density, point masses back; E[P_B R / P_F] = Z."""
    environment = Turns()
    torch.manual_seed(0)
    policy = small(environment=environment, least_concentration=0.0).double()
    oracle = TorusWaves()
    t = Sampler(environment).forward(policy, 20_000, generator=torch.Generator().manual_seed(0))
    log_r = oracle.function(t.terminal.angle).clamp(min=1e-12).log()
    found = evaluate(replace(t, log_reward=log_r), policy, quantities=(LogPB,))
    weight = ((found[LogPB] - found.log_pf).sum(1) + log_r).exp().detach()
    error = float(weight.std()) / math.sqrt(len(weight))
    assert float(weight.mean()) == pytest.approx(waves_of_subsets(), abs=4 * error)
    assert error < 0.05 * waves_of_subsets()


def test_angles_that_are_no_object_are_refused():
    with pytest.raises(DataError, match="has an angle of 0"):
        Turns(stop="all_turned").states_of(torch.tensor([[0.0, 1.0]]))
    with pytest.raises(DataError, match=r"it takes \[B, 2\] in"):
        Turns().states_of(torch.tensor([[4.0, 1.0]]))


def test_the_drift_adds_the_gradient_and_starts_at_nothing():
    environment, oracle = LineDiffusion(steps=4), Gaussians()
    torch.manual_seed(0)
    policy = MixturePolicy(environment=environment, hidden=8, layers=1, components=1, drift=oracle).double()
    states = environment.step(environment.initial(6), policy(environment.initial(6)).forward.sample())
    before = policy(states).forward.places.first
    with torch.no_grad():
        policy.drift_head[-1].bias.fill_(0.5)
    change = policy(states).forward.places.first - before
    gradient = (environment.variance**0.5 * oracle.gradients(states.position)[1]).clamp(-3, 3)
    torch.testing.assert_close(change.squeeze(-1), 0.5 * gradient)
    with pytest.raises(ConfigError, match="is of diffusion in R\\^d, but Box is none"):
        MixturePolicy(environment=Box(), drift=oracle)


def test_langevin_chains_reach_the_density():
    """A normal of variance 4 and 1: a funnel of one narrow coordinate, from far off."""
    source = LangevinSearch(steps=1200, step_size=0.1)
    at = source._moved(
        torch.full((1500, 2), 3.0).double(), Funnel(dimensions=2, deviation=0.5), 1.0, torch.Generator().manual_seed(0)
    )
    assert float(at[:, 0].mean()) == pytest.approx(0, abs=0.06)
    assert float(at[:, 0].std()) == pytest.approx(0.5, abs=0.05)
    assert float((at[:, 1] * (-at[:, 0] / 2).exp()).std()) == pytest.approx(1, abs=0.08)


def test_langevin_search_draws_trajectories_to_its_chains_and_goes_on():
    environment, oracle = LineDiffusion(steps=3, deviation=5.0), Gaussians()
    torch.manual_seed(0)
    policy = small(environment=environment)
    reward = Boltzmann(oracle=oracle, log_floor=-1e5)
    context = Context(
        policy, reward, generator=torch.Generator().manual_seed(0), choices=torch.Generator().manual_seed(1)
    )
    fresh = context.roll_out(8)
    source = LangevinSearch()
    assert source.misfit(policy) is None
    assert "builds in Box; use data=replay" in source.misfit(small(environment=Box()))
    context = replace(context, fresh=fresh)
    found = source.draw(context, 6)
    assert found.trajectories.source == ["langevin"] * 6
    torch.testing.assert_close(found.trajectories.terminal.position, source._at)
    with pytest.raises(ContractError, match="take reward=boltzmann"):
        source.draw(replace(context, reward=Power(oracle=TorusWaves())), 6)
    other = LangevinSearch()
    other.load_state_dict(source.state_dict(), environment)
    streams = [replace(context, choices=torch.Generator().manual_seed(5)) for _ in range(2)]
    first, second = (s.draw(c, 6).objects for s, c in zip((source, other), streams, strict=True))
    assert torch.equal(first, second)
