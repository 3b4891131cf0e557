"""What the scripts of experiments/atoms measure, on runs of a few steps."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "atoms"
SMALL = ("trainer.iterations=2", "trainer.accelerator=cpu", "data.batch_size=8", "policy.width=16", "policy.layers=1")


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_atoms_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_main(module, monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
    module.main()
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]


def test_limits_compares_shares_at_the_limit_with_those_of_the_target(monkeypatch, capsys, tmp_path):
    limits = script("limits")
    monkeypatch.setattr(limits, "OBJECTIVES", {"TB": ("objective=tb",)})
    words = (*SMALL, "-o", tmp_path, "--limits", "2", "--seeds", "0", "1")
    rows = run_main(limits, monkeypatch, capsys, *words)
    assert len(rows) == 3
    most, name, tv, share, target = (cell.strip() for cell in rows[2].strip("|").split("|"))
    assert (most, name) == ("2", "TB")
    assert 0 < float(share.split(" ± ")[0]) < 1
    assert abs(float(share.split(" ± ")[0]) - float(target)) <= float(tv.split(" ± ")[0]) + 1e-4
    assert run_main(limits, monkeypatch, capsys, *words) == rows, "what is there is not trained anew"


def test_symmetry_finds_cyclohexane(monkeypatch, capsys, tmp_path):
    symmetry = script("symmetry")
    rows = run_main(symmetry, monkeypatch, capsys, *SMALL, "-o", tmp_path, "--seeds", "0", "-n", "50")
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["molecule", "none"]
    for row in rows[2:]:
        p, target, count, tv, different, *_ = (float(cell) for cell in row.strip("|").split("|")[1:])
        assert target == pytest.approx(0.0135, abs=1e-4), "QED^4 of cyclohexane over that of all 82"
        assert 0 < p < 1
        assert 0 < tv < 1
        assert count <= 50
        assert 1 <= different <= 50


def test_gap_measures_each_temperature(monkeypatch, capsys, tmp_path):
    gap = script("gap")
    for seed in (0, 1):
        own = ("trainer.log_every=1", "trainer.progress=none", "logger.wandb=off", f"seed={seed}")
        gap.molgfn.train(FOLDER / "gap.yaml", *SMALL, *own, f"output={tmp_path / 'runs'}", f"name=tb-k-1-{seed}")
    words = (tmp_path, "--betas", "1", "32", "--samples", "16", "--trajectories", "2")
    rows = run_main(gap, monkeypatch, capsys, *words)
    assert [row.split("|")[1:4] for row in rows[2:]] == [[f" {beta} ", " TB K=1 ", " 2 "] for beta in (1, 32)]
    assert (tmp_path / "by_beta.md").read_text().splitlines() == rows
    hot, cold = ([float(cell.split(" ± ")[0]) for cell in row.strip("|").split("|")[3:]] for row in rows[2:])
    assert not any(map(math.isnan, (*hot, *cold)))
    assert cold[0] < hot[0], "log R is beta log R1, and R1 is below 1 for most"
