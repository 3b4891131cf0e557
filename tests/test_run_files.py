"""Which files a config means, what is kept of them, and what happens when they are gone or others."""

import json
from pathlib import Path

import pytest

from molgfn.errors import CheckpointError, ConfigError
from molgfn.run_files import beside, record, relative_files, require_same, settle, verified

TABLE = "molgfn.oracles.own.table.Table"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here", tmp_path / "there"


def table(path):
    return {"oracle": {"_target_": TABLE, "path": path}}


def test_a_file_beside_the_experiment_is_found_and_said(folders):
    _, there = folders
    (there / "v.csv").write_text("object,value\n")
    found = settle(table("v.csv"), beside=[there])
    assert found.config == table(str(there / "v.csv"))
    assert found.notes == [f"oracle.path: v.csv is {there / 'v.csv'} (beside the experiment file)"]


def test_of_two_the_one_beside_the_experiment_is_taken_and_of_an_override_the_one_here(folders):
    here, there = folders
    for folder in folders:
        (folder / "v.csv").write_text(f"{folder}")
    found = settle(table("v.csv"), beside=[there])
    assert found.config == table(str(there / "v.csv"))
    assert "more than one place" in found.notes[0]
    assert str(here / "v.csv") in found.notes[0]
    for key in ("oracle.path", "oracle"):
        assert settle(table("v.csv"), beside=[there], overridden=[key]).config == table(str(here / "v.csv"))


def test_what_is_no_file_stays_and_what_cannot_be_one_is_a_problem(folders):
    assert settle(table("gone.csv")).config == table("gone.csv")
    assert (
        settle({"environment": {"_target_": "molgfn.environments.fragments.Fragments", "vocabulary": "rdkit"}}).config[
            "environment"
        ]["vocabulary"]
        == "rdkit"
    )
    found = settle({**table("s3://x/v.csv"), "output": "file:///x"})
    assert [p.partition(":")[0] for p in found.problems] == ["oracle.path", "output"]


def test_every_kind_of_path_becomes_absolute(folders):
    here, there = folders
    for name in ("score.py", "mine.py", "5", "in.smi", "vocabulary.txt", "seh.pdbqt"):
        (there / name).touch()
    config = {
        "output": "runs",
        "oracle": {
            "_target_": "molgfn.rewards.weighted_mean.WeightedMean",
            "components": {
                "a": {"oracle": {"_target_": "molgfn.oracles.own.command.Command", "command": "python score.py 5 --x"}},
                "b": {"oracle": {"_target_": "molgfn.oracles.own.function.Function", "function": "mine.py:f"}},
                "c": {
                    "oracle": {
                        "_target_": "molgfn.oracles.physics.vina.Vina",
                        "receptor": "seh.pdbqt",
                        "poses_folder": "p",
                    }
                },
            },
        },
        "environment": {"_target_": "mine.py:Env"},
        "scoring": {"_target_": "molgfn.serving.settings.Scoring", "disk_cache": "cache"},
        "trainer": {"_target_": "molgfn.training.trainer.TrainerSettings", "init_from": None},
        "data": {
            "_target_": "molgfn.trajectories.mixture.Sources",
            "sources": {
                "offline": {"_target_": "molgfn.trajectories.sources.offline.OfflineMolecules", "molecules": "in.smi"}
            },
        },
        "evaluation": {"_target_": "molgfn.evaluation.settings.EvaluationSettings", "reference": "in.smi"},
    }
    new = settle(config, beside=[there]).config
    parts = new["oracle"]["components"]
    assert new["output"] == str(here / "runs")
    assert parts["a"]["oracle"]["command"] == ["python", str(there / "score.py"), "5", "--x"]
    assert parts["b"]["oracle"]["function"] == f"{there / 'mine.py'}:f"
    assert parts["c"]["oracle"]["receptor"] == str(there / "seh.pdbqt")
    assert parts["c"]["oracle"]["poses_folder"] == str(here / "p")
    assert new["environment"]["_target_"] == f"{there / 'mine.py'}:Env"
    assert new["scoring"]["disk_cache"] == str(here / "cache")
    assert new["data"]["sources"]["offline"]["molecules"] == new["evaluation"]["reference"] == str(there / "in.smi")
    assert settle(new).config == new
    keys = {entry["key"] for entry in record(new)}
    assert "oracle.components.a.oracle.command[1]" in keys
    assert {"environment._target_", "data.sources.offline.molecules", "evaluation.reference"} <= keys
    assert not any("poses_folder" in key or "disk_cache" in key for key in keys)
    assert [key for key, _ in relative_files(config)] == []


def test_a_run_takes_its_own_file_or_refuses(folders):
    here, there = folders
    (there / "v.csv").write_text("mine")
    config = table(str(there / "v.csv"))
    run = there / "runs" / "r"
    files = beside(record(config), run)
    assert verified(config, files, run=run) == (config, [])
    (there / "v.csv").write_text("another")
    with pytest.raises(CheckpointError, match=r"is not the file the run was trained with.*--file oracle.path=PATH"):
        verified(config, files, run=run)
    assert verified(config, files, run=run, parts=["environment"]) == (config, [])
    new, notes = verified(config, files, run=run, given={"oracle.path": str(there / "v.csv")})
    assert new == config
    assert "it is used because --file names it" in notes[0]
    with pytest.raises(CheckpointError, match="its own files only"):
        verified(config, files, run=run, given={"oracle.path": str(there / "v.csv")}, strict=True)
    (there / "v.csv").unlink()
    with pytest.raises(CheckpointError, match="it is gone"):
        verified(config, files, run=run)
    (here / "w.csv").write_text("mine")
    new, notes = verified(config, files, run=run, given={"oracle.path": "w.csv"}, strict=True)
    assert (new, notes) == (table(str(here / "w.csv")), [])
    with pytest.raises(ConfigError, match=r"no such file; it read oracle\.path"):
        verified(config, files, run=run, given={"oracle.pth": "w.csv"})
    with pytest.raises(ConfigError, match="no such file"):
        verified(config, files, run=run, given={"oracle.path": "gone.csv"})


def test_a_file_that_moved_together_with_the_run_is_found(folders):
    _, there = folders
    (there / "v.csv").write_text("mine")
    config = table(str(there / "v.csv"))
    files = beside(record(config), there / "runs" / "r")
    there.rename(there.with_name("elsewhere"))
    new, notes = verified(config, files, run=there.with_name("elsewhere") / "runs" / "r")
    assert new == table(str(there.with_name("elsewhere") / "v.csv"))
    assert "is now" in notes[0]


def test_scripts_in_lists_and_code_are_replaced_in_place(folders):
    _, there = folders
    for name in ("score.py", "mine.py", "new.py"):
        (there / name).write_text(name)
    config = {
        "oracle": {
            "_target_": "molgfn.oracles.own.command.Command",
            "command": ["python", str(there / "score.py"), "-x"],
        },
        "environment": {"_target_": f"{there / 'mine.py'}:Env"},
    }
    files = beside(record(config), there)
    given = {"oracle.command[1]": str(there / "new.py"), "environment._target_": f"{there / 'new.py'}:Env"}
    new, _ = verified(config, files, run=there, given=given)
    assert new["oracle"]["command"] == ["python", str(there / "new.py"), "-x"]
    assert new["environment"]["_target_"] == f"{there / 'new.py'}:Env"


def test_what_an_oracle_reads_without_a_config_key_is_kept_and_compared(folders):
    _, there = folders
    (there / "module.py").write_text("x = 1\n")
    files = record(table("gone.csv"), [("oracle", there / "module.py"), ("oracle", Path(json.__file__))])
    assert [(f["key"], f["path"]) for f in files] == [("oracle", str(there / "module.py"))]
    require_same(files, [there / "module.py"])
    (there / "other.py").write_text("x = 2\n")
    with pytest.raises(CheckpointError, match=r"other\.py: is not the file"):
        require_same(files, [there / "other.py"])


def test_a_config_without_paths_is_left_as_it_is():
    oracle = {"_target_": "molgfn.oracles.properties.qed.QED"}
    config = {
        "name": "x",
        "seed": 1,
        "oracle": oracle,
        "policy": None,
        "data": [1, {"a": 2}],
        "more": {"_target_": "no.x"},
    }
    found = settle(config)
    assert (found.config, found.notes, found.problems) == (config, [], [])


def test_a_folder_called_like_something_shipped_does_not_take_its_place(tmp_path, monkeypatch):
    (tmp_path / "rdkit").mkdir()
    (tmp_path / "groups.smi").write_text("C\n")
    monkeypatch.chdir(tmp_path)
    target = "molgfn.environments.fragments.Fragments"
    node = {"_target_": target, "vocabulary": "rdkit", "joins": "brics", "allowed": {1: "groups.smi", 2: ["CO", 3]}}
    settled = settle({"environment": node}).config["environment"]
    assert settled["vocabulary"] == "rdkit"
    assert settled["joins"] == "brics"
    assert settled["allowed"] == {1: str(tmp_path / "groups.smi"), 2: ["CO", 3]}
