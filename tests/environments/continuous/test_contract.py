"""Contracts of the continuous environments, their policy, points and oracles; runs of each objective on a torus."""

import math
import warnings
from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml

from molgfn.environments.continuous.box import Box, BoxStates
from molgfn.environments.continuous.torus import Torus
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, DataError
from molgfn.experiment import assemble
from molgfn.objects.point import POINT
from molgfn.oracles.continuous.box_corners import BoxCorners
from molgfn.oracles.continuous.diffusion_targets import Funnel, Gaussians, ManyWell
from molgfn.oracles.continuous.torus_waves import TorusWaves
from molgfn.policies.densities.policy import MixturePolicy
from molgfn.testing import check_environment, check_oracle, check_policy
from molgfn.trajectories.sampler import Sampler

CONFIGS = Path(__file__).parents[3] / "configs"
SPACES = {
    "box": Box(),
    "box_5": Box(dimensions=5, step=0.4),
    "torus": Torus(steps=3),
    "torus_stops": Torus(dimensions=3, steps=3, stops=True),
    "torus_one_step": Torus(dimensions=1, steps=1),
}
small = partial(MixturePolicy, hidden=8, layers=1, components=2)


@pytest.mark.parametrize("name", SPACES)
def test_the_contracts_are_kept(name):
    environment = SPACES[name]
    torch.manual_seed(0)
    check_environment(environment, policy=small(environment=environment).double())
    check_policy(partial(small, joint=name != "box_5"), environment)


def test_walks_through_the_box_go_up_and_stay_inside():
    environment = Box(dimensions=3, step=0.3)
    torch.manual_seed(0)
    t = Sampler(environment).forward(small(environment=environment), 200, generator=torch.Generator().manual_seed(0))
    assert t.states.position.min() >= 0
    assert t.states.position.max() <= 1
    lengths = t.actions[:, 1:].norm(dim=1)
    later = (t.step > 0) & ~t.exits
    torch.testing.assert_close(lengths[later], torch.full_like(lengths[later], 0.3))
    assert (lengths[t.step == 0] < 0.3).all()
    assert (t.actions[:, 1:] >= 0).all()


def test_where_no_step_fits_only_the_exit_is_left():
    states = BoxStates(torch.tensor([[0.9, 0.9], [0.5, 0.9], [0.0, 0.0]], dtype=torch.float64))
    assert Box().choice_mask(states).tolist() == [[False, True], [True, True], [True, False]]


@pytest.mark.parametrize("objects", [[[0.0, 0.0]], [[0.5, 1.2]], [[0.5]]])
def test_what_is_no_point_of_the_box_is_refused(objects):
    with pytest.raises(DataError, match="box: "):
        Box().states_of(torch.tensor(objects))


def test_keys_of_points_are_the_points():
    points = torch.tensor([[0.1, -1 / 3], [2.0, 1e-17]], dtype=torch.float64)
    assert torch.equal(POINT.parse(POINT.keys(points)), points)
    assert POINT.columns(points) == {"x0": [0.1, 2.0], "x1": [-1 / 3, 1e-17]}
    with pytest.raises(DataError, match="`a 1` is no point"):
        POINT.parse(["a 1"])
    with pytest.raises(DataError, match="must be finite"):
        POINT.parse(["nan 1"])


def test_policies_and_environments_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="the actions of HyperGrid have not"):
        MixturePolicy(environment=HyperGrid())


@pytest.mark.parametrize(
    ("oracle", "scale"),
    [
        (BoxCorners(dimensions=3), 1),
        (TorusWaves(dimensions=3), 6),
        (Gaussians(), 12),
        (Funnel(), 2),
        (ManyWell(dimensions=4), 2),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_oracles_of_points(oracle, scale):
    points = scale * torch.rand(12, oracle.coordinates, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    check_oracle(oracle, points)
    value, gradient = oracle.gradients(points)
    assert value.numpy() == pytest.approx(oracle.values(points))
    step = 1e-6 * torch.randn(points.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    change = oracle.function(points + step) - oracle.function(points - step)
    torch.testing.assert_close(2 * (gradient * step).sum(1), change, rtol=1e-5, atol=1e-9)
    with pytest.raises(DataError, match="it takes"):
        oracle.values(torch.zeros(2, 7, dtype=torch.float64))


def test_integrals_are_those_of_quadrature():
    def grid(low, high, n):
        return low + (torch.arange(n, dtype=torch.float64) + 0.5) * (high - low) / n

    cube = torch.cartesian_prod(*[grid(0, 1, 40)] * 3)
    assert BoxCorners(dimensions=3).log_integral() == pytest.approx(
        float(BoxCorners(dimensions=3).function(cube).mean().log())
    )
    torus = torch.cartesian_prod(*[grid(-math.pi, math.pi, 24)] * 3)
    waves = TorusWaves(dimensions=3)
    assert waves.log_integral() == pytest.approx(float(waves.function(torus).mean().log()) + 3 * math.log(2 * math.pi))
    assert TorusWaves().log_integral() == pytest.approx(math.log(56 * math.pi**2))
    plane = torch.cartesian_prod(*[grid(-16, 16, 320)] * 2)
    assert float(Gaussians().function(plane).exp().sum() * 0.1**2) == pytest.approx(1)
    assert ManyWell().log_integral() == pytest.approx(164.695675, abs=1e-5)  # arXiv 2402.05098's code


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def shipped(group, name):
    return yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text())


def config(objective, data="on_policy", backward="uniform"):
    return {
        "name": "test",
        "seed": 0,
        "output": "unused",
        "environment": node("environments.continuous.torus.Torus", steps=2),
        "oracle": node("oracles.continuous.torus_waves.TorusWaves"),
        "policy": node("policies.densities.policy.MixturePolicy", hidden=8, layers=1, components=2),
        "reward": node("rewards.power.Power"),
        "objective": shipped("objective", objective),
        "backward": shipped("backward", backward),
        "target": None,
        "data": {**shipped("data", data), "batch_size": 8},
        "optimizer": node("training.optimizers.Optimizers"),
        "trainer": node("training.trainer.TrainerSettings", iterations=2, accelerator="cpu"),
        "logger": node("training.loggers.Loggers", wandb="off"),
        "evaluation": node("evaluation.settings.EvaluationSettings"),
    }


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        ("sac", "reads q_gap of P_F, but a Hybrid choice of actions has not got an exact KL divergence"),
        ("fm", "reads log_inflow, which knows states by their keys, but those of Torus have none"),
        ("rpe", "with a column for each of a fixed number of actions, but the actions of Torus are not listed so"),
    ],
)
def test_objectives_that_need_listed_actions_are_refused(objective, says):
    with pytest.raises(ConfigError, match=says):
        assemble(config(objective))


@pytest.mark.parametrize(
    ("backward", "says"),
    [("maxent", "P_B of MixturePolicy is uniform or learned"), ("guided_tb", "those of Torus have none")],
)
def test_trainings_of_p_b_that_need_keys_or_counts_are_refused(backward, says):
    with pytest.raises(ConfigError, match=says):
        assemble(config("tb", backward=backward))


@pytest.mark.parametrize(
    ("objective", "data", "backward"),
    [
        ("tb", "prioritised_replay", "uniform"),
        ("db", "local_search", "uniform"),
        ("subtb", "exploration", "joint"),
        ("tb", "on_policy", "tlm"),
        ("ent_ppo", "on_policy", "pessimistic"),
        ("rl_t", "on_policy", "uniform"),
        ("vpg", "on_policy", "rl_b"),
        ("reverse_kl", "on_policy", "uniform"),
    ],
)
def test_objectives_that_read_taken_actions_train(objective, data, backward):
    run = assemble(config(objective, data, backward))
    module, batches = run.module(), run.data()
    before = [p.detach().clone() for p in module.parameters()]
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, datamodule=batches)
    assert all(torch.isfinite(p).all() for p in module.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
