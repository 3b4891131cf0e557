"""The benchmark of token strings compares variants that compute the same."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

import molgfn
from molgfn.composing.compose import checked
from molgfn.environments.tokens import Smiles
from molgfn.experiment import train
from molgfn.policies.sequence import GRUPolicy
from molgfn.policies.sequence.runs import Runs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark():
    return script(ROOT / "benchmarks" / "sequences.py", "benchmark_of_sequences")


def script(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
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


def test_temperatures_of_a_prior(tmp_path, capsys, monkeypatch):
    """The table has a row for each temperature, and every molecule that is counted was drawn."""
    (tmp_path / "given.smi").write_text("CCO\nCCN\nCC=O\n")
    small = ["policy.width=16", "policy.layers=1", "trainer.accelerator=cpu", "trainer.iterations=1"]
    small += ["environment.max_length=6", 'environment.alphabet=[C,O,N,"="]', f"output={tmp_path}", "data.batch_size=4"]
    small += [f"data.sources.offline.molecules={tmp_path / 'given.smi'}", "logger.wandb=off", "trainer.progress=none"]
    run = train(checked("sequences/prior", small))
    temperatures = script(ROOT / "experiments" / "sequences" / "temperatures.py", "temperatures_of_a_prior")
    drawn = temperatures.draw(molgfn.load(run.folder), 40, 1.0, batch=25)
    found = temperatures.measures(drawn)
    assert len(drawn.samples) == 40
    assert found["validity"].value == 1 - sum(drawn.problems.values()) / 40
    assert 1 <= drawn.tokens <= 6
    assert drawn.log_p < 0
    arguments = ["temperatures.py", str(run.folder), "-n", "20", "--temperatures", ".5", "1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--reference", str(tmp_path / "given.smi")])
    temperatures.main()
    lines = capsys.readouterr().out.strip().splitlines()[-4:]
    assert {"novelty", "kl_score", "fcd"} <= {word.strip() for word in lines[0].split("|")}
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 0.5", "| 1"]
