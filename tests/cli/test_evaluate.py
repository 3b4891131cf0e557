"""``molgfn evaluate``: runs and files of SMILES, and what it refuses."""

import json

import pytest


def test_a_run_of_molecules(call, molecules_run):
    result = call("evaluate", molecules_run, "-n", 20)
    assert result.exit_code == 0, result.stderr
    report = molecules_run / "evaluation" / "report.html"
    assert result.stdout == f"report: {report}\n"
    for line in ("Mean qed: 0.", "untrained 0.", "Valid molecules: 100.0 %", "ELBO"):
        assert line in result.stderr
    assert report.read_text().lstrip().lower().startswith("<!doctype html")
    assert (molecules_run / "evaluation" / "untrained.csv").exists()
    assert json.loads((report.parent / "metrics.json").read_text())["source"]["samples"] == 20


def test_options_of_a_run(call, grid_run, tmp_path):
    out = tmp_path / "out"
    result = call("evaluate", grid_run / "checkpoints" / "last.ckpt", "-o", out, "--no-untrained", "--seed", 4)
    assert result.exit_code == 0, result.stderr
    assert not (out / "untrained.csv").exists()
    source = json.loads((out / "metrics.json").read_text())["source"]
    assert (source["seed"], source["samples"]) == (4, 40)


def test_a_file_of_smiles(call, molecules_run, tmp_path):
    smiles = tmp_path / "some.smi"
    smiles.write_text("CCO\nc1ccccc1\nnot-a-molecule\n")
    result = call("evaluate", smiles, "--reference", smiles)
    assert result.exit_code == 0, result.stderr
    metrics = json.loads((tmp_path / "some-evaluation" / "metrics.json").read_text())
    assert metrics["source"]["samples"] == 3
    assert metrics["metrics"]["validity"]["value"] == pytest.approx(2 / 3)
    scored = call("evaluate", smiles, "--score-as", molecules_run, "-o", tmp_path / "scored")
    assert scored.exit_code == 0, scored.stderr
    assert json.loads((tmp_path / "scored" / "metrics.json").read_text())["oracle"]["unique"] == 2


def test_held_out_molecules(call, molecules_run):
    assert call("evaluate", molecules_run, "-n", 20, "--no-untrained").exit_code == 0
    rows = (molecules_run / "evaluation" / "samples.csv").read_text().splitlines()
    given = molecules_run / "given.csv"
    given.write_text("\n".join(rows[:13]) + "\n")
    result = call("evaluate", molecules_run, "-n", 20, "--no-untrained", "--heldout", given)
    assert result.exit_code == 0, result.stderr
    metrics = json.loads((molecules_run / "evaluation" / "metrics.json").read_text())["metrics"]
    assert next(r["count"] for key, r in metrics.items() if key.startswith("heldout/spearman/")) == 12


def test_refusals(call, grid_run, molecules_run, tmp_path):
    gone = call("evaluate", tmp_path / "gone.smi")
    assert (gone.exit_code, gone.stderr) == (3, f"error: {tmp_path / 'gone.smi'}: no such file or folder\n")
    smiles = tmp_path / "some.smi"
    smiles.write_text("CCO\n")
    assert call("evaluate", smiles, "-n", 5).exit_code == 2
    assert call("evaluate", grid_run, "--score-as", molecules_run).exit_code == 2
    wrong = call("evaluate", smiles, "--score-as", grid_run)
    assert wrong.exit_code == 2
    assert "that run builds grid objects" in wrong.stderr
    (tmp_path / "empty.smi").write_text("")
    assert call("evaluate", tmp_path / "empty.smi").exit_code == 3
    assert call("evaluate", grid_run, "--reference", tmp_path / "gone.smi").exit_code == 3
    assert call("evaluate", molecules_run, "--heldout", tmp_path / "gone.smi").exit_code == 3
    assert call("evaluate", smiles, "--heldout", smiles).exit_code == 2
    grids = call("evaluate", grid_run, "--heldout", smiles)
    assert grids.exit_code == 2
    assert "heldout: gives molecules" in grids.stderr
    blocked = call("evaluate", grid_run, "-o", smiles / "x")
    assert blocked.exit_code == 2
    assert "cannot make this folder" in blocked.stderr


def test_a_hostile_reward_in_a_checkpoint_is_refused(call, grid_run, tmp_path):
    import torch

    path = grid_run / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content["molgfn"]["config"]["oracle"] = {"_target_": "os.system", "command": f"touch {tmp_path / 'mark'}"}
    torch.save(content, path)
    result = call("evaluate", grid_run)
    assert result.exit_code == 3
    assert "os.system" in result.stderr
    assert not (tmp_path / "mark").exists()
