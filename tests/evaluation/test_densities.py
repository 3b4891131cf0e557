"""Samples with real coordinates beside their density: readings, their file, the maps of a report, and a whole run."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from tests.environments.continuous.solved_torus import LOG_Z, SolvedTorus, log_reward

import molgfn
from molgfn.environments.continuous.box import Box
from molgfn.environments.continuous.line_diffusion import LineDiffusion
from molgfn.environments.continuous.torus import Torus
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import DataError
from molgfn.evaluation.densities.readings import density_readings
from molgfn.evaluation.densities.target import density_target
from molgfn.evaluation.report.sections.density import density_charts, read_density
from molgfn.evaluation.samples import draw_samples
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.oracles.continuous.base import PointOracle
from molgfn.oracles.continuous.box_corners import BoxCorners
from molgfn.oracles.continuous.diffusion_targets import ManyWell
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power


class OfTheSolvedTorus(PointOracle):
    name, range, source = "of_the_solved_torus", (-math.inf, math.inf), "tests"
    logarithmic = True
    coordinates = 2

    def function(self, points):
        return log_reward(points)


@pytest.fixture(scope="module")
def solved():
    environment = Torus(dimensions=2, steps=2)
    policy, reward = SolvedTorus(environment=environment), Boltzmann(oracle=OfTheSolvedTorus(), log_floor=-1e4)
    return environment, policy, reward, draw_samples(environment, policy, reward, 4000, batch=1000)


def test_the_exact_policy_is_at_the_target(solved):
    shown, found = density_readings(*solved[:3], solved[3], limit=10_000, objective=TrajectoryBalance())
    value = {key: reading.value for key, reading in found.items()}
    assert value["density/log_z"] == pytest.approx(LOG_Z, abs=1e-6)
    assert value["density/log_z_error"] == pytest.approx(0, abs=1e-6)
    assert value["density/importance_error"] == pytest.approx(0, abs=1e-6)
    assert value["density/jsd"] == pytest.approx(value["density/jsd_exact"], rel=0.2)
    assert shown.target.shape == shown.samples.shape == (20, 20)
    assert shown.target.sum() == pytest.approx(1)


def test_another_policy_is_not(solved):
    environment, policy, reward, _ = solved
    other = policy.copy()
    with torch.no_grad():
        other.shift += 0.7
    samples = draw_samples(environment, other, reward, 4000, batch=1000)
    _, found = density_readings(environment, other, reward, samples, limit=10_000)
    assert found["density/jsd"].value > 3 * found["density/jsd_exact"].value
    assert "taught no log Z" in found["density/log_z_error"].note


def test_what_is_known_and_what_is_not():
    box = Power(oracle=BoxCorners())
    assert density_target(Box(), box, 10_000).log_z == pytest.approx(math.log(0.305))
    cold = density_target(Box(), Power(oracle=BoxCorners(), beta=2), 10_000)
    assert cold.log_z == pytest.approx(math.log(0.01 * 0.75 + 0.36 * 0.21 + 2.6**2 * 0.04))
    assert cold.how == "by quadrature over 10000 points"
    wells = Boltzmann(oracle=ManyWell(dimensions=4), log_floor=-1e5)
    assert density_target(LineDiffusion(dimensions=4), wells, 10_000).how == "as the oracle knows it"
    warm = Boltzmann(oracle=ManyWell(dimensions=4), log_floor=-1e5, beta=0.5)
    assert "no quadrature" in density_target(LineDiffusion(dimensions=4), warm, 10_000)
    assert "no real coordinates" in density_target(HyperGrid(), box, 10_000)


def test_maps_are_drawn_from_the_file_and_a_broken_one_is_refused(tmp_path):
    assert density_charts(read_density(tmp_path)) == []
    plain = {"bounds": [[0, 1], [0, 1]], "target": [[0.5, 0.5]] * 2, "samples": [[1.0, 0.0]] * 2}
    (tmp_path / "density.json").write_text(json.dumps(plain))
    charts = density_charts(read_density(tmp_path))
    assert [chart["title"].split(",")[0] for chart in charts] == ["Target R/Z", "Samples"]
    (tmp_path / "density.json").write_text('{"target": [[1]]}')
    with pytest.raises(DataError, match=r"density.json: cannot be read"):
        read_density(tmp_path)


def test_a_run_is_trained_sampled_and_evaluated(tmp_path):
    run = molgfn.train(
        "experiments/continuous/box.yaml",
        "trainer.iterations=3",
        "trainer.progress=none",
        "data.batch_size=16",
        "policy.hidden=8",
        "policy.layers=1",
        "logger.wandb=off",
        f"output={tmp_path}",
    )
    samples = molgfn.sample(run, 20, seed=0)
    columns = samples.table[["x0", "x1"]].to_numpy()
    assert columns.shape == (20, 2)
    assert np.all((columns >= 0) & (columns <= 1))
    found = molgfn.evaluate(run, samples=200)
    assert found.metrics["density/log_z"] == pytest.approx(math.log(0.305))
    assert {"density/jsd", "density/importance_error", "log_z/effective_share"} <= found.metrics.keys()
    assert "Target R/Z" in found.report.read_text()
    assert len(pd.read_csv(found.report.with_name("samples.csv"))) > 150


@pytest.mark.slow
def test_a_trained_torus_is_at_the_density(tmp_path):
    run = molgfn.train("experiments/continuous/torus.yaml", "trainer.progress=none", f"output={tmp_path}")
    found = molgfn.evaluate(run, samples=10_000).metrics
    assert abs(found["density/importance_error"]) < 0.02
    assert found["density/jsd"] < 2 * found["density/jsd_exact"]
