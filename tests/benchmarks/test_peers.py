"""The comparison with other libraries: what its command line refuses, what it starts, and what its table says."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def peers():
    spec = importlib.util.spec_from_file_location("benchmark_of_peers", BENCHMARKS / "peers.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.gz"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--peers", "recursion"], "needs --recursion and --weights and --python recursion=FILE"),
        (["--peers", "gflownet"], "invalid choice"),
        (["--rounds", "0"], "0 is less than 1"),
        (["--python", "gfnx"], "it takes PEER=FILE"),
        (["--python", "gfnx=/no/such/python"], "there is no such file"),
        (["--recursion", "/no/such/checkout"], "there is no /no/such/checkout"),
        (["--peers", "rgfn"], "rgfn is on no package index; it needs --scent"),
        (["--peers", "rxnflow", "--scent", "."], "rxnflow is on no package index; it needs --rxnflow"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(peers, capsys, words, message):
    with pytest.raises(SystemExit):
        peers.parsed(words)
    assert message in " ".join(capsys.readouterr().err.split())


def test_recursion_comes_along_where_it_is_given(peers, tmp_path, weights):
    assert peers.parsed([]).peers == ["gfnx", "torchgfn"]
    words = ["--recursion", str(tmp_path), "--weights", str(weights), "--python", f"recursion={sys.executable}"]
    given = peers.parsed(words)
    assert given.peers == ["gfnx", "torchgfn", "recursion"]
    assert given.python == {"recursion": Path(sys.executable)}


def test_every_library_is_asked_for_the_same_work(peers, tmp_path, weights):
    words = ["--recursion", str(tmp_path), "--weights", str(weights), "--python", f"recursion={sys.executable}"]
    words += ["--scent", str(tmp_path), "--rxnflow", str(BENCHMARKS), "--reactions", "3"]
    given = peers.parsed([*words, "--iterations", "7", "--warm", "3", "--seed", "5"])
    for name in (*(f"molgfn {task}" for task in peers.TASKS), *peers.PEERS):
        command = peers.command(name, Path("python"), 2, given)
        assert Path(command[1]).is_file()
        options = dict(zip(command[2::2], command[3::2], strict=True))
        assert [options[f"--{k}"] for k in ("threads", "iterations", "warm", "seed")] == ["2", "7", "3", "5"]
        if "fragments" in command[1]:
            assert options["--weights"] == str(weights)
        if "reactions" in command[1]:
            assert options["--reactions"] == "3"
            assert str(tmp_path) in (options.get("--checkout"), options.get("--library"))
        if name in ("rgfn", "scent"):
            assert options["--config"] == f"{name}_test"
        if name == "recursion":
            assert options["--checkout"] == str(tmp_path)
    given = peers.parsed(["--settings", "trainer.precision=bf16-products", "seed=3"])
    assert peers.command("molgfn fragments", Path("python"), 1, given)[-3:] == ["--settings", *given.settings]
    assert "--settings" not in peers.command("gfnx", Path("python"), 1, given)


def measured(peers, iterations, size, seconds):
    return peers.Measured(iterations, 16 * iterations, size, seconds, seconds / 2, {"a": "1.0"})


def test_ratios_are_of_the_same_round(peers):
    ours = peers.Row("molgfn hypergrid", [measured(peers, 10, 1600, s) for s in (1.0, 4.0, 2.0)])
    theirs = peers.Row("gfnx", [measured(peers, 10, 3200, s) for s in (2.0, 8.0, 6.0)])
    assert ours.ratio(theirs, "iterations", "seconds") == pytest.approx(2.0)
    assert ours.ratio(theirs, "size", "seconds") == pytest.approx(1.0)  # theirs are twice as large
    console = Console(width=200, record=True)
    console.print(peers.table(peers.TASKS["hypergrid"], 1, [ours, theirs]))
    text = console.export_text()
    assert "transitions each" in text
    assert "a 1.0" in text
    cells = next(line for line in text.splitlines() if "gfnx" in line).split()
    assert [float(cells[i]) for i in (-8, -6, -4, -2)] == [2.0, 2.0, 1.0, 2.0]


def test_in_turn_and_without_what_stops(peers, tmp_path, monkeypatch):
    """A peer that stops is left out with its last words, and the others go on."""
    order = []

    def measure(name, python, threads, given):
        order.append(name)
        if name == "torchgfn":
            raise peers.Unavailable("torchgfn stopped: out of memory")
        return measured(peers, 10, 1600, 1.0)

    monkeypatch.setattr(peers, "measure", measure)
    given = peers.parsed(["--rounds", "2", "--python", f"gfnx={sys.executable}", f"torchgfn={sys.executable}"])
    rows, problems = peers.compare("hypergrid", ["gfnx", "torchgfn"], 1, given)
    assert order == ["molgfn hypergrid", "gfnx", "torchgfn", "molgfn hypergrid", "gfnx"]
    assert [row.name for row in rows] == ["molgfn hypergrid", "gfnx"]
    assert [len(row.rounds) for row in rows] == [2, 2]
    assert problems == ["torchgfn stopped: out of memory"]


def test_one_environment_serves_two(peers, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(peers, "_must", lambda command, problem: made.append(command) or "")
    given = peers.parsed(["--cache", str(tmp_path)])
    (tmp_path / "scent").mkdir()
    assert peers.interpreter("rgfn", given) == peers.interpreter("scent", given)
    assert len(made) == 2


def test_an_environment_is_made_once(peers, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(peers, "_must", lambda command, problem: made.append(command) or "")
    given = peers.parsed(["--cache", str(tmp_path)])
    (tmp_path / "gfnx").mkdir()
    python = peers.interpreter("gfnx", given)
    assert python == tmp_path / "gfnx" / "bin" / "python"
    assert made[1][1:4] == ["-m", "pip", "install"]
    assert set(peers.PEERS["gfnx"].requirements) < set(made[1])
    peers.interpreter("gfnx", given)
    assert len(made) == 2


def test_a_command_that_fails_says_its_last_words(peers):
    with pytest.raises(peers.Unavailable, match="gfnx stopped: SystemExit-words"):
        peers._must([sys.executable, "-c", "raise SystemExit('first\\nSystemExit-words')"], "gfnx stopped")


def test_our_driver_measures_what_it_is_asked_for(peers):
    command = peers.command("molgfn hypergrid", Path(sys.executable), 1, peers.parsed([]))
    for option, value in (("--iterations", "3"), ("--warm", "2")):
        command[command.index(option) + 1] = value
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = peers.Measured(**json.loads(done.stdout.strip().splitlines()[-1]))
    assert (found.iterations, found.trajectories) == (3, 48)
    assert found.size >= found.trajectories
    assert found.seconds > 0
    assert "molgfn" in found.versions
