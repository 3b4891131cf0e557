"""The benchmark of objectives measures what it says: all steps of an iteration, and the objective's own part of it."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.testing import golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogZ


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "objectives.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_objectives", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_an_iteration_is_the_sum_of_its_steps(benchmark):
    bench = benchmark.Bench("objective=ent_ppo")
    before = [p.clone() for p in bench.module.policy.parameters()]
    iteration = bench.turn()
    names = [name for name, _ in iteration.steps]
    assert names == ["policy, first"] + ["policy"] * 3 + ["critic"] * 8
    assert 0 < iteration.own < sum(seconds for _, seconds in iteration.steps) < iteration.whole
    assert any((p != q).any() for p, q in zip(before, bench.module.policy.parameters(), strict=True))
    iteration.reference = iteration.steps[1][1]
    ratios = benchmark.median_steps([iteration])
    assert [number for _, number in ratios.values()] == [1, 3, 8]
    assert ratios["policy, first"][0] == pytest.approx(iteration.steps[0][1] / iteration.steps[1][1])


def test_own_computation_stops_at_what_was_scored(benchmark):
    """No gradient reaches the policy, and the backward pass is a part of it."""
    dag, reached = golden_dag(), []
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB, LogZ))

    def loss(copy):
        copy.log_pf.register_hook(lambda g: reached.append(g.abs().sum()))
        (part,) = TrajectoryBalance()(copy).losses.values()
        return ObjectiveOutput({"tb": Loss(part.value, part.groups)})

    assert benchmark.own_computation(loss, evaluated) > 0
    assert len(reached) == 1
    assert reached[0] > 0
    assert all(p.grad is None for p in dag.policy.parameters())
    with torch.no_grad():
        assert benchmark.own_computation(TrajectoryBalance(), evaluated) > 0
