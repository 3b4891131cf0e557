"""``molgfn score``: rows, columns, reasons, caches, workers, interrupts, exit codes."""

import math
import os
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import QED

from molgfn.chemistry.molecules import parse
from molgfn.experiment import reward_of
from molgfn.oracles.properties.qed import QED as QEDOracle
from molgfn.oracles.properties.sa import SA
from molgfn.runs.checkpoint import load

LINES = ["CCO", "c1ccccc1O", "not_a_smiles", "OCC", "CC(=O)Oc1ccccc1C(=O)O"]
FUNCTIONS = """
def length(smiles):
    return [len(s) / 100 for s in smiles]

def picky(smiles):
    if any("N" in s for s in smiles):
        raise ValueError("no nitrogen, please")
    return [float("nan") if "S" in s else len(s) / 100 for s in smiles]

def never(smiles):
    raise ValueError("not today")

asked = []

def interrupted(smiles):
    asked.extend(smiles)
    if "CCCC" in smiles:
        raise KeyboardInterrupt
    return [len(s) / 100 for s in smiles]
"""


@pytest.fixture
def molecules(tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join(LINES))
    return path


@pytest.fixture
def functions(tmp_path, monkeypatch):
    """``scored_functions.py`` where Python and its child processes find it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scored_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield "oracle=function", "oracle.range=[0,1]"
    sys.modules.pop("scored_functions", None)


def qed(smiles):
    return QED.qed(Chem.MolFromSmiles(smiles))


def read(path):
    return pd.read_csv(path, keep_default_na=False, na_values={"qed": [""], "problem": [""]})


def left(folder):
    """What a call left behind that is no output."""
    return [p.name for p in folder.iterdir() if p.name.endswith(".part")]


def test_rows_keep_their_order_and_invalid_ones_have_a_reason(call, molecules, tmp_path):
    result = call("score", molecules, "-o", tmp_path / "scores.csv")
    assert result.exit_code == 0, result.stderr
    table = read(tmp_path / "scores.csv")
    assert list(table.columns) == ["smiles", "qed", "problem"]
    assert table["smiles"].tolist() == LINES
    valid = [i for i in range(5) if i != 2]
    np.testing.assert_allclose(table["qed"][valid], [qed(LINES[i]) for i in valid], rtol=1e-12)
    assert math.isnan(table["qed"][2])
    assert table["problem"][2] == "not a SMILES: not_a_smiles"
    assert table["problem"].isna().sum() == 4
    assert "5 molecules, 4 with a value of qed; 3 different, 0 from disk" in result.stdout
    assert "no value: 1 x not a SMILES: not_a_smiles" in result.stderr
    assert left(tmp_path) == []


def test_equal_molecules_have_equal_rows_and_are_asked_about_once(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("OCC\nCCO\nC(O)C\nCCO\n")
    result = call("score", "in.smi", *functions, "oracle.function=scored_functions.interrupted", "-o", "out.csv")
    assert result.exit_code == 0, result.stderr
    assert sys.modules["scored_functions"].asked == ["CCO"]
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["smiles"].tolist() == ["OCC", "CCO", "C(O)C", "CCO"]
    assert table["function"].tolist() == [0.03] * 4
    assert "1 different" in result.stdout


def test_columns_of_a_composite_and_its_reward(call, molecules, tmp_path):
    out = tmp_path / "scores.csv"
    result = call("score", molecules, "oracle=qed_sa", "reward=power", "reward.beta=8", "-o", out)
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(out)
    parts = ["qed", "qed_transformed", "sa", "sa_transformed"]
    assert list(table.columns) == ["smiles", "qed_sa", *parts, "log_reward", "problem"]
    aspirin, sa = table.iloc[4], SA().values(parse([LINES[4]]))[0]
    value = math.sqrt(qed(LINES[4]) * (10 - sa) / 9)
    assert aspirin["sa"] == pytest.approx(sa)
    assert aspirin["qed_sa"] == pytest.approx(value)
    assert aspirin["log_reward"] == pytest.approx(8 * math.log(value))
    assert table.iloc[2][["qed_sa", *parts, "log_reward"]].isna().all()  # not the floor: it has no value


def test_the_column_of_values_is_called_as_the_config_file_is(call, molecules, tmp_path):
    for name in ("druglike", "sa"):
        assert call("score", molecules, f"oracle={name}", "-o", tmp_path / "scores.csv").exit_code == 0
        assert list(pd.read_csv(tmp_path / "scores.csv").columns)[:2] == ["smiles", name]
    result = call(
        "score", molecules, "oracle={_target_: molgfn.oracles.properties.sa.SA}", "-o", tmp_path / "scores.csv"
    )
    assert result.exit_code == 0, result.stderr
    assert list(pd.read_csv(tmp_path / "scores.csv").columns) == ["smiles", "sa", "problem"]


def test_a_component_may_not_take_the_name_of_a_column(call, molecules, tmp_path):
    node = "{_target_: molgfn.rewards.weighted_mean.WeightedMean, components: {smiles: {_target_: "
    node += "molgfn.rewards.weighted_mean.Component, oracle: {_target_: molgfn.oracles.properties.qed.QED}}}}"
    result = call("score", molecules, f"oracle={node}", "-o", tmp_path / "scores.csv")
    assert result.exit_code == 2
    assert "smiles: a column is called so" in result.stderr


def test_parquet_has_the_values_of_csv_to_the_last_digit(call, molecules, tmp_path):
    for name in ("scores.csv", "scores.parquet"):
        assert call("score", molecules, "oracle=qed_sa", "-o", tmp_path / name).exit_code == 0
    parquet = pd.read_parquet(tmp_path / "scores.parquet")
    csv = pd.read_csv(tmp_path / "scores.csv", dtype=str, keep_default_na=False)
    assert list(parquet.columns) == list(csv.columns)
    assert parquet["smiles"].tolist() == LINES
    assert parquet["problem"].fillna("").tolist() == csv["problem"].tolist()
    for name in csv.columns[1:-1]:
        np.testing.assert_array_equal(parquet[name].to_numpy(), [float(text or "nan") for text in csv[name]])
    assert left(tmp_path) == []


def test_parquet_of_valid_molecules_has_a_text_column_of_no_problems(call, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nC\n")
    result = call("score", tmp_path / "in.smi", "-o", tmp_path / "out.parquet")
    assert result.exit_code == 0, result.stderr
    schema = pyarrow.parquet.read_schema(tmp_path / "out.parquet")
    assert "string" in str(schema.field("problem").type)
    assert str(schema.field("qed").type) == "double"


@pytest.mark.parametrize(("name", "sep"), [("in.csv", ","), ("in.tsv", "\t")])
def test_tables_by_column(call, tmp_path, name, sep):
    (tmp_path / name).write_text(f"id{sep}structure\n1{sep}CCO\n2{sep}C\n")
    result = call("score", tmp_path / name, "--column", "structure", "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    assert pd.read_csv(tmp_path / "out.csv")["smiles"].tolist() == ["CCO", "C"]


def test_any_number_of_rows_at_once_gives_the_same_table(call, molecules, tmp_path):
    for every in (1, 2, 100):
        assert call("score", molecules, "--every", every, "-o", tmp_path / f"{every}.csv").exit_code == 0
    texts = {(tmp_path / f"{every}.csv").read_text() for every in (1, 2, 100)}
    assert len(texts) == 1
    assert texts.pop().count("smiles,qed,problem") == 1


def test_two_calls_share_the_disk_cache(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nCCCO\nCCO\nCN\n")
    arguments = ["score", "in.smi", *functions, "oracle.function=scored_functions.picky", "scoring.disk_cache=cache"]
    first = call(*arguments, "-o", "first.csv")
    assert "3 different, 0 from disk" in first.stdout
    second = call(*arguments, "-o", "second.csv")
    assert "3 different, 2 from disk" in second.stdout  # a failure is not kept
    assert (tmp_path / "first.csv").read_text() == (tmp_path / "second.csv").read_text()
    other = call(*arguments, "oracle.range=[0,2]", "-o", "third.csv")
    assert "3 different, 0 from disk" in other.stdout


def test_an_oracle_that_fails_for_some_costs_these(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nCN\nCS\nCCC\n")
    result = call("score", "in.smi", *functions, "oracle.function=scored_functions.picky", "-o", "out.csv")
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_array_equal(table["function"], [0.03, np.nan, np.nan, 0.03])
    reasons = ["oracle function raised ValueError (no nitrogen, please)", "oracle function returned nan"]
    assert table["problem"].fillna("").tolist() == ["", *reasons, ""]
    assert "4 molecules, 2 with a value" in result.stdout


def test_a_failure_ends_it_where_that_is_asked_for(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nCN\n")
    arguments = [*functions, "oracle.function=scored_functions.picky", "scoring.on_failure=stop"]
    result = call("score", "in.smi", *arguments, "--every", 1, "-o", "out.csv")
    assert result.exit_code == 1
    assert "no nitrogen, please" in result.stderr
    assert pd.read_csv(tmp_path / "out.csv.part")["function"].tolist() == [0.03]
    assert not (tmp_path / "out.csv").exists()


def test_no_value_at_all_is_an_error_and_the_table_says_why(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nC\n")
    result = call("score", "in.smi", *functions, "oracle.function=scored_functions.never", "-o", "out.csv")
    assert result.exit_code == 1
    assert "no molecule got a value" in result.stderr
    assert "no value: 2 x oracle function raised ValueError (not today)" in result.stderr
    problems = pd.read_csv(tmp_path / "out.csv")["problem"].tolist()
    assert problems == ["oracle function raised ValueError (not today)"] * 2


def test_the_budget_holds(call, molecules, tmp_path):
    result = call("score", molecules, "scoring.budget=2", "-o", tmp_path / "out.csv")
    assert result.exit_code == 0
    problems = pd.read_csv(tmp_path / "out.csv")["problem"].fillna("").tolist()
    assert problems[:2] == ["", ""]
    assert problems[3] == ""  # ethanol again
    assert problems[4] == "the budget of oracle calls is spent"


def test_an_interrupt_leaves_the_rows_that_were_there(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("C\nCC\nCCC\nCCCC\nCCCCC\n")
    (tmp_path / "out.csv").write_text("of an earlier call")
    arguments = [*functions, "oracle.function=scored_functions.interrupted", "-o", "out.csv"]
    result = call("score", "in.smi", *arguments, "--every", 2)
    assert result.exit_code == 130
    assert "out.csv.part: has the first 2 of 5 rows" in result.stderr
    table = pd.read_csv(tmp_path / "out.csv.part")
    assert table["smiles"].tolist() == ["C", "CC"]
    assert table["function"].tolist() == [0.01, 0.02]
    assert (tmp_path / "out.csv").read_text() == "of an earlier call"
    again = call("score", "in.smi", *arguments)
    assert again.exit_code == 130  # before there was a row
    assert "out.csv.part of another call is left as it is; rows go to out.csv.part.1" in again.stderr
    assert left(tmp_path) == ["out.csv.part"]  # what it made itself is gone, what was there is not
    assert pd.read_csv(tmp_path / "out.csv.part")["smiles"].tolist() == ["C", "CC"]


def test_a_worker_process_gives_the_same(call, functions, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\nCN\nnothing\nCS\nCCC\n")
    arguments = ["score", "in.smi", *functions, "oracle.function=scored_functions.picky"]
    assert call(*arguments, "-o", "main.csv").exit_code == 0
    result = call(*arguments, "scoring.workers=1", "scoring.timeout=60", "-o", "worker.csv")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "worker.csv").read_text() == (tmp_path / "main.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["oracle=qedd"], 2, "did you mean `qed`?"),
        (["oracle=hypergrid"], 2, "oracle: hypergrid measures grid objects, not molecules"),
        (["oracle=string_modes"], 2, "oracle: string_modes measures string objects, not molecules"),
        (
            ["oracle=table", "oracle.domain=string", "oracle.values={a: 1.0, b: 2.0}"],
            2,
            "table measures string objects",
        ),
        (["oracle=function", "oracle.function=json.nothing"], 2, "`json.nothing` is no function"),
        (["oracle=sa", "reward=power"], 2, "is to be minimised"),
        (["reward=power", "reward.beta=null"], 2, "Power reads the condition `beta`, which molecules of a file do not"),
        (["oracle.size=3"], 2, "oracle.size"),
        (["scoring.timeout=3"], 2, "set workers to 1 or more"),
        (["seed=3"], 2, "seed"),
        (["oracle=seh_proxy", "oracle.weights=nowhere.gz"], 3, "nowhere.gz: there is no such file"),
    ],
)
def test_configs_that_cannot_work(call, molecules, tmp_path, arguments, code, message):
    result = call("score", molecules, *arguments, "-o", tmp_path / "out.csv")
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "out.csv").exists()
    assert left(tmp_path) == []


def test_files_that_cannot_be_read(call, tmp_path):
    def refused(name, *more):
        result = call("score", tmp_path / name, *more, "-o", tmp_path / "out.csv")
        assert result.exit_code == 3
        return result.stderr

    (tmp_path / "empty.smi").write_text("# nothing\n")
    (tmp_path / "table.csv").write_text("smiles\nC\n")
    assert "missing.smi: no such file" in refused("missing.smi")
    assert "no line with a SMILES" in refused("empty.smi")
    assert "structure" in refused("table.csv", "--column", "structure")


def test_outputs_that_cannot_be_written(call, molecules, tmp_path):
    def refused(output):
        result = call("score", molecules, "-o", output)
        assert result.exit_code == 2
        return result.stderr

    assert "use .csv or .parquet" in refused(tmp_path / "out.smi")
    assert "there is no folder" in refused(tmp_path / "nowhere" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.csv")
    assert call("score", molecules).exit_code == 2
    if os.geteuid() != 0:  # who is root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "no permission to write" in refused(tmp_path / "closed" / "out.csv")


def test_the_file_that_is_read_is_not_written_over(call, tmp_path):
    (tmp_path / "in.csv").write_text("smiles,id\nC,1\n")
    result = call("score", tmp_path / "in.csv", "-o", tmp_path / "in.csv")
    assert result.exit_code == 2
    assert "is the file that is read" in result.stderr
    assert (tmp_path / "in.csv").read_text() == "smiles,id\nC,1\n"


def test_the_reward_of_a_run(call, druglike_run, tmp_path):
    (tmp_path / "in.smi").write_text("CC(C)Cc1ccc(cc1)C(C)C(=O)O\nCCCC=O\nno molecule\n")
    out = tmp_path / "out.csv"
    result = call("score", tmp_path / "in.smi", "--run", druglike_run, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "3 molecules, 2 with a value;" in result.stdout
    table = pd.read_csv(out)
    parts = [c for name in ("qed", "sa", "alerts") for c in (name, f"{name}_transformed")]
    assert list(table.columns) == ["smiles", "value", *parts, "log_reward", "alerts_found", "name", "problem"]
    reward = reward_of(load(druglike_run).config)
    molecules = parse(["CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CCCC=O"])
    scores = reward(molecules, [m.smiles for m in molecules])
    np.testing.assert_allclose(table["value"][:2], scores.value.numpy(), rtol=1e-12)
    np.testing.assert_allclose(table["log_reward"][:2], scores.log_reward.numpy(), rtol=1e-12)
    assert table["alerts_found"].fillna("").tolist() == ["", "aldehyde", ""]
    assert table["problem"].notna().tolist() == [False, False, True]
    # from the checkpoint file alone, with less of a temperature, into a table with types
    last = druglike_run / "checkpoints" / "last.ckpt"
    options = ["--run", last, "reward.beta=2", "scoring.workers=0"]
    assert call("score", tmp_path / "in.smi", *options, "-o", tmp_path / "out.parquet").exit_code == 0
    typed = pd.read_parquet(tmp_path / "out.parquet")
    assert list(typed.columns) == list(table.columns)
    assert typed["log_reward"][0] == pytest.approx(2 * np.log(typed["value"][0]))
    assert typed["alerts_found"].tolist() == ["", "aldehyde", ""]


def test_a_component_that_was_answered_is_answered_in_every_mean(call, molecules, tmp_path):
    disk = f"scoring.disk_cache={tmp_path / 'cache'}"
    for number, (words, found) in enumerate(
        [
            (["oracle=qed_sa"], 0),
            (["oracle=qed_sa", "oracle.components.sa.weight=3"], 3),
            (["oracle=qed"], 3),
            (["oracle=druglike"], 0),  # the alerts are new
            (["oracle=druglike", "oracle.aggregation=arithmetic"], 3),
        ]
    ):
        result = call("score", molecules, *words, disk, "-o", tmp_path / f"{number}.csv")
        assert result.exit_code == 0, result.stderr
        assert f"3 different, {found} from disk" in result.stdout
    names = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "cache").iterdir())
    assert names == ["alerts", "qed", "sa"]


def test_what_a_run_cannot_score_is_said(call, grid_run, molecules_run, tmp_path):
    (tmp_path / "in.smi").write_text("CCO\n")
    given, out = tmp_path / "in.smi", tmp_path / "out.csv"
    for options, code, text in (
        (["--run", grid_run], 2, "its reward is of grid objects, not molecules"),
        (["--run", tmp_path / "gone"], 3, "no such file or folder"),
        (
            ["--run", molecules_run, "oracle=sa"],
            2,
            "oracle=sa: with --run the oracle and the reward are those of the run",
        ),
        (["--run", molecules_run, "trainer.iterations=3"], 2, "only what is below them can be changed"),
        (["--run", molecules_run, "reward.bta=3"], 3, "no parameter `bta`; did you mean `beta`"),
        (["--trust", "my_lab"], 2, "--trust is for --run"),
    ):
        result = call("score", given, *options, "-o", out)
        assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
        assert not out.exists()


def test_a_run_may_name_only_what_is_trusted(call, molecules_run, tmp_path, monkeypatch):
    (tmp_path / "my_lab.py").write_text(
        "from molgfn.oracles.properties.qed import QED\n\n\nclass Half(QED):\n    name = 'half'\n\n"
        "    def values(self, objects):\n        return super().values(objects) / 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    last = molecules_run / "checkpoints" / "last.ckpt"
    content = torch.load(last, weights_only=True)
    content["molgfn"]["config"]["oracle"] = {"_target_": "my_lab.Half"}
    torch.save(content, last)
    (tmp_path / "in.smi").write_text("CCO\n")
    result = call("score", tmp_path / "in.smi", "--run", molecules_run, "-o", tmp_path / "out.csv")
    assert result.exit_code == 3
    assert "my_lab.Half` is not accepted from a checkpoint" in result.stderr
    options = ["--run", molecules_run, "--trust", "my_lab", "-o", tmp_path / "out.csv"]
    assert call("score", tmp_path / "in.smi", *options).exit_code == 0
    expected = QEDOracle().values(parse(["CCO"]))[0] / 2
    assert pd.read_csv(tmp_path / "out.csv")[["value", "half"]].to_numpy()[0] == pytest.approx([expected, expected])


def test_names_of_alerts_without_a_reward(call, tmp_path):
    (tmp_path / "in.smi").write_text("CCCC=O\nCCO\n")
    for every in ([], ["--every", 1]):  # a chunk without anything to say has the column, too
        result = call("score", tmp_path / "in.smi", "oracle=alerts", *every, "-o", tmp_path / "out.csv")
        assert result.exit_code == 0, result.stderr
        table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
        assert table.to_dict("list") == {
            "smiles": ["CCCC=O", "CCO"],
            "alerts": ["0.0", "1.0"] if table["alerts"].dtype == object else [0.0, 1.0],
            "alerts_found": ["aldehyde", ""],
            "problem": ["", ""],
        }
