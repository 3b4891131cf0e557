"""``molgfn sample``: formats, refusals, and that a checkpoint alone is enough."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem

from molgfn.api import sampling as module
from molgfn.api.object_files import require_format, write_objects
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.experiment import reward_of
from molgfn.objects.string import STRING
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.structure.alerts import Alerts
from molgfn.runs.checkpoint import load


@pytest.mark.parametrize("suffix", [".smi", ".csv", ".parquet", ".sdf"])
def test_molecules_in_every_format(call, molecules_run, tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    result = call("sample", molecules_run, "-n", 12, "--batch", 8, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert f"{out}: 12 objects" in result.stdout
    if suffix == ".smi":
        smiles = out.read_text().splitlines()
    elif suffix == ".sdf":
        smiles = [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(out))]
    else:
        table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
        assert list(table.columns) == ["smiles", "value", "qed", "log_reward", "problem", "log_pt", "log_pt_error"]
        smiles = list(table["smiles"])
    assert len(smiles) == 12
    assert all(Molecule.from_smiles(s).valid for s in smiles)


def test_the_checkpoint_file_alone_is_enough(call, molecules_run, tmp_path):
    alone = tmp_path / "alone" / "any-name.ckpt"
    alone.parent.mkdir()
    shutil.move(molecules_run / "checkpoints" / "last.ckpt", alone)
    shutil.rmtree(molecules_run)
    assert call("sample", alone, "-n", 3, "-o", tmp_path / "a.smi").exit_code == 0


def test_seeds_repeat_and_differ(call, molecules_run, tmp_path):
    def draw(name, *options):
        assert call("sample", molecules_run, "-n", 20, "-o", tmp_path / name, *options).exit_code == 0
        return (tmp_path / name).read_text()

    assert draw("a.smi", "--seed", 1) == draw("b.smi", "--seed", 1)
    assert draw("a.smi", "--seed", 1) != draw("c.smi", "--seed", 2)
    assert draw("d.smi", "--temperature", 50) != draw("e.smi")


def test_unique_objects(call, molecules_run, tmp_path):
    result = call("sample", molecules_run, "-n", 15, "--unique", "-o", tmp_path / "a.smi")
    assert result.exit_code == 0
    lines = (tmp_path / "a.smi").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 15


def test_too_few_different_objects_are_written_and_said(call, grid_run, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_DRAWS", 2)
    result = call("sample", grid_run, "-n", 300, "--unique", "--batch", 100, "-o", tmp_path / "a.csv")
    assert result.exit_code == 1
    table = pd.read_csv(tmp_path / "a.csv")
    assert 1 < len(table) <= 16
    assert not table[["x0", "x1"]].duplicated().any()
    assert f"only {len(table)} of 300 different objects in 600 draws" in result.stderr


def test_values_and_log_pt_are_those_of_the_run(call, molecules_run, tmp_path):
    out = tmp_path / "out.csv"
    result = call("sample", molecules_run, "-n", 40, "--batch", 16, "--log-pt-samples", 4, "--seed", 5, "-o", out)
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(out)
    assert table["smiles"].duplicated().any()  # equal molecules have equal numbers, of one estimate
    assert (table.groupby("smiles")[["value", "log_reward", "log_pt", "log_pt_error"]].nunique() == 1).all().all()
    loaded = load(molecules_run)
    molecules = parse(table["smiles"])
    scores = reward_of(loaded.config)(molecules, list(table["smiles"]))
    np.testing.assert_allclose(table["value"], scores.value.numpy(), rtol=1e-12)
    np.testing.assert_allclose(table["log_reward"], scores.log_reward.numpy(), rtol=1e-12)
    different = [m for m, again in zip(molecules, table["smiles"].duplicated(), strict=True) if not again]
    estimate = log_terminal_probability(
        loaded.environment,
        loaded.policy,
        different,
        samples=4,
        generator=torch.Generator().manual_seed(5),
        seed=5,
    )
    expected = dict(zip([m.smiles for m in different], estimate.log_p.tolist(), strict=True))
    # the molecules of the file are parsed anew, with their atoms in another order: other draws, the same distribution
    spread = table["log_pt"] - table["smiles"].map(expected)
    assert np.abs(spread).max() < 6 * max(table["log_pt_error"].max(), 0.2)
    assert (table["log_pt"] < 0.5).all()


def test_parts_and_names_of_alerts_are_columns_and_tags(call, druglike_run, tmp_path):
    assert call("sample", druglike_run, "-n", 30, "--log-pt-samples", 0, "-o", tmp_path / "a.csv").exit_code == 0
    assert call("sample", druglike_run, "-n", 30, "--log-pt-samples", 0, "-o", tmp_path / "a.sdf").exit_code == 0
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    columns = ["value", "qed", "qed_transformed", "sa", "sa_transformed", "alerts", "alerts_transformed", "log_reward"]
    assert list(table.columns) == ["smiles", *columns, "alerts_found", "problem"]
    found = [Alerts().remarks([m])["alerts_found"][0] for m in parse(table["smiles"])]
    assert list(table["alerts_found"]) == found
    for mol, row in zip(Chem.SDMolSupplier(str(tmp_path / "a.sdf")), table.to_dict("records"), strict=True):
        tags = mol.GetPropsAsDict()
        assert Chem.MolToSmiles(mol) == mol.GetProp("_Name") == row["smiles"]
        assert set(tags) == {*columns, *(["alerts_found"] if row["alerts_found"] else [])}
        for name in columns:
            assert tags[name] == pytest.approx(float(row[name]), rel=1e-9)


def test_what_costs_can_be_switched_off(call, molecules_run, tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr("molgfn.experiment.reward_of", never)
    out = tmp_path / "a.csv"
    assert call("sample", molecules_run, "-n", 5, "--no-values", "--log-pt-samples", 2, "-o", out).exit_code == 0
    assert list(pd.read_csv(out).columns) == ["smiles", "log_pt", "log_pt_error"]
    assert call("sample", molecules_run, "-n", 5, "--no-values", "--log-pt-samples", 0, "-o", out).exit_code == 0
    assert list(pd.read_csv(out).columns) == ["smiles"]
    assert call("sample", molecules_run, "-n", 5, "-o", tmp_path / "a.smi").exit_code == 0
    for options in (["--values"], ["--log-pt-samples", 4]):
        result = call("sample", molecules_run, "-n", 5, *options, "-o", tmp_path / "b.smi")
        assert (result.exit_code, result.stderr) == (
            2,
            f"error: {tmp_path / 'b.smi'}: a .smi has no room for values or log P_T; use .csv, .parquet or .sdf\n",
        )
    assert call("sample", molecules_run, "--log-pt-samples", 1, "-o", out).exit_code == 2


def test_a_reward_that_cannot_be_built_is_said_before_anything_is_drawn(call, molecules_run, tmp_path, monkeypatch):
    last = molecules_run / "checkpoints" / "last.ckpt"
    content = torch.load(last, weights_only=True)
    content["molgfn"]["config"]["oracle"] = {"_target_": "my_lab.oracles.Mine"}
    torch.save(content, last)
    monkeypatch.setattr(module, "draw", lambda *arguments, **options: pytest.fail("it drew"))
    result = call("sample", molecules_run, "-n", 5, "-o", tmp_path / "a.csv")
    assert result.exit_code == 3
    assert "--no-values samples without it" in result.stderr
    assert "my_lab.oracles.Mine" in result.stderr
    assert not (tmp_path / "a.csv").exists()


def test_objects_without_a_value_keep_their_row_and_reason(call, molecules_run, tmp_path, monkeypatch):
    whole = QED.values

    def some(self, objects):
        values = whole(self, objects)
        values[[len(m.smiles) % 2 == 0 for m in objects]] = np.nan
        return values

    monkeypatch.setattr(QED, "values", some)
    result = call("sample", molecules_run, "-n", 30, "--log-pt-samples", 0, "-o", tmp_path / "a.csv")
    assert result.exit_code == 0
    table = pd.read_csv(tmp_path / "a.csv")
    even = table["smiles"].str.len() % 2 == 0
    assert 0 < even.sum() < 30
    assert (table["value"].isna() == even).all()
    assert (table["log_reward"].isna() == even).all()
    assert (table["problem"].notna() == even).all()
    assert f"no value: {even.sum()} x oracle qed returned nan" in result.stderr


def test_invalid_molecules_are_counted_not_written(molecules_run, monkeypatch):
    from molgfn.runs.checkpoint import load

    loaded = load(molecules_run)
    whole = type(loaded.environment).objects
    count = iter(range(10_000))

    def some_fail(self, states):
        return [m if next(count) % 3 else Molecule.failed("no good") for m in whole(self, states)]

    monkeypatch.setattr(type(loaded.environment), "objects", some_fail)
    drawn = module.draw(loaded, 10, batch=6)
    assert len(drawn.objects) == 10
    assert all(m.valid for m in drawn.objects)
    assert drawn.invalid["no good"] == drawn.draws - 10 > 0


def test_strings_are_a_column(tmp_path):
    write_objects(["ACGT", "AAAA"], tmp_path / "a.csv", STRING)
    write_objects(["ACGT", "AAAA"], tmp_path / "a.parquet", STRING)
    for table in (pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")):
        assert table.to_dict("list") == {"string": ["ACGT", "AAAA"]}
    with pytest.raises(ConfigError, match="string objects"):
        require_format(tmp_path / "a.smi", STRING)


def test_grids_are_positions(call, grid_run, tmp_path):
    assert call("sample", grid_run, "-n", 9, "-o", tmp_path / "a.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.columns)[:3] == ["x0", "x1", "value"]
    assert np.isfinite(table[["value", "log_reward", "log_pt", "log_pt_error"]].to_numpy()).all()
    assert len(table) == 9
    assert table[["x0", "x1"]].to_numpy().min() >= 0
    assert table[["x0", "x1"]].to_numpy().max() <= 3
    result = call("sample", grid_run, "-n", 9, "-o", tmp_path / "a.smi")
    assert result.exit_code == 2
    assert "holds molecules" in result.stderr


def test_refusals(call, grid_run, tmp_path):
    for name, text in {"a.txt": "should end in .smi, .sdf, .csv or .parquet", "no/a.csv": "there is no folder"}.items():
        # the output is looked at first: the checkpoint does not exist
        result = call("sample", tmp_path / "gone", "-o", tmp_path / name)
        assert result.exit_code == 2
        assert text in result.stderr
    (tmp_path / "d.csv").mkdir()
    assert "is a folder" in call("sample", grid_run, "-o", tmp_path / "d.csv").stderr
    gone = call("sample", tmp_path / "gone", "-o", tmp_path / "a.csv")
    assert (gone.exit_code, gone.stderr) == (3, f"error: {tmp_path / 'gone'}: no such file or folder\n")
    assert call("sample", grid_run, "-n", 0, "-o", tmp_path / "a.csv").exit_code == 2
    assert call("sample", grid_run, "--temperature", 0, "-o", tmp_path / "a.csv").exit_code == 2
    assert call("sample", grid_run).exit_code == 2
    device = call("sample", grid_run, "--device", "warp", "-o", tmp_path / "a.csv")
    assert device.exit_code == 2
    assert "not usable here" in device.stderr
    assert not (tmp_path / "a.csv").exists()
