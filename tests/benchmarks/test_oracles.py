"""The benchmark of oracles times what can be built, and says why it does not time the rest."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest
from rich.console import Console

from molgfn.downloads import Download, fetch
from molgfn.errors import DataError


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "oracles.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_oracles", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there, and oracle=function
    spec.loader.exec_module(module)
    return module


def test_every_config_is_either_timed_or_explained(benchmark):
    names = ["tpsa", "qed_sa", "function", "similarity", "hypergrid", "deco_hop", "string_modes"]
    timings, unfit = benchmark.measure(n=8, rounds=1, seconds=5.0, only=names)
    extra = {"(qed_sa as a power reward)", "(the same, remembered)", "(parse)"}
    assert set(timings) == (set(names) - {"hypergrid", "string_modes"}) | extra
    assert set(unfit) == {"hypergrid", "string_modes"}
    assert all(0 < t.process < 5 for t in timings.values())
    assert all(t.molecules == 8 for t in timings.values())
    console = Console(width=150, record=True)
    benchmark.report(timings, unfit, console)
    text = console.export_text()
    assert "not measured: hypergrid: takes its size from the environment" in text
    assert all(name in text for name in names)


def test_slow_oracles_get_fewer_molecules(benchmark):
    timings, _ = benchmark.measure(n=40, rounds=1, seconds=1e-9, only=["tpsa"])
    assert timings["tpsa"].molecules == 1


def test_nothing_is_fetched(benchmark, monkeypatch, tmp_path):
    """A file that is here is used, one that is not makes the oracle drop out."""
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path))
    content = b"weights"
    item = Download(
        name="w.bin",
        url="https://127.0.0.1:9/w.bin",
        sha256=hashlib.sha256(content).hexdigest(),
        size=7,
        what="w",
        source="me",
        licence="MIT",
    )
    with benchmark.nothing_fetched():
        with pytest.raises(DataError, match="a benchmark fetches nothing"):
            fetch(item)
        (tmp_path / "w.bin").write_bytes(content)
        assert fetch(item) == tmp_path / "w.bin"


def test_what_fails_at_the_first_call_is_explained(benchmark, monkeypatch):
    def no_program(smiles):
        raise OSError("no such program")

    monkeypatch.setattr(benchmark, "lengths", no_program)
    timings, unfit = benchmark.measure(n=2, rounds=1, seconds=1.0, only=["function"])
    assert set(timings) == {"(parse)"}
    assert unfit == {"function": "OSError: no such program"}
