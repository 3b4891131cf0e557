"""The benchmark of token strings compares variants that compute the same."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from molgfn.environments.tokens import Smiles
from molgfn.policies.sequence import GRUPolicy
from molgfn.policies.sequence.runs import Runs


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "sequences.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_sequences", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_all_variants_are_timed_and_nothing_stays_changed(benchmark):
    before = GRUPolicy.for_rollout, Runs.__dict__["of"]
    bench = benchmark.Bench(GRUPolicy, 5, 3)
    times = benchmark.measure(bench, 2)
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in vars(times).values())
    assert max(times.environment) < 1
    assert (GRUPolicy.for_rollout, Runs.__dict__["of"]) == before
    assert "step" not in vars(bench.environment)
    console = Console(width=150, record=True)
    benchmark.report({("gru", 3): times}, console)
    assert "gru" in console.export_text()


def test_states_alone_give_the_same_numbers(benchmark):
    torch.manual_seed(0)
    environment = Smiles(max_length=8)
    policy = GRUPolicy(environment=environment, embedding=4, width=8, layers=1).double()
    states = environment._written([[], [1], [1, 2], [1, 2, 3]])
    kept = policy(states).forward.log_probs()
    with benchmark.instead(Runs, "of", staticmethod(benchmark.each_alone)):
        torch.testing.assert_close(policy(states).forward.log_probs(), kept, rtol=1e-12, atol=1e-12)
