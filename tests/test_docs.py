"""The pages in docs are what the code says: tables, commands, configs, code and SQL of theirs hold."""

import importlib
import pkgutil
import re
import shlex
import sqlite3
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from molgfn.api.scoring import composed
from molgfn.chemistry.molecules import parse
from molgfn.cli.describing import catalogue, oracle_table
from molgfn.cli.evaluate import evaluate
from molgfn.cli.main import cli
from molgfn.composing.compose import checked
from molgfn.composing.places import find_experiment
from molgfn.config import build
from molgfn.experiment import readings_of
from molgfn.oracles.base import Oracle
from molgfn.rewards.base import Scores
from molgfn.testing import check_oracle
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.trajectories import quantities
from molgfn.trajectories.quantities.base import Quantity

ROOT = Path(__file__).parents[1]


PAGES = {
    path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md"))
}


def blocks(name, kind):
    """The code blocks of a page."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGES[name], re.DOTALL)


#: (page, words) of each command on the pages about oracles
COMMANDS = [
    (name, tuple(words))
    for name in ("oracles.md", "scoring.md")
    for block in blocks(name, "sh")
    for line in block.replace("\\\n", " ").splitlines()
    if "molgfn" in (words := [w for w in shlex.split(line, comments=True) if w != "PYTHONPATH=."])[:1]
]


@pytest.fixture(scope="module")
def page():
    return catalogue.markdown(ROOT / "configs")


def rows(page, title):
    """The table under a heading: first column -> {head: cell}."""
    lines = [line for line in page.split(f"\n## {title}\n")[1].split("\n## ")[0].splitlines() if line[:1] == "|"]
    cells = [[c.strip() for c in line.replace("\\|", "¦").strip("|").split("|")] for line in lines]
    assert len({len(c) for c in cells}) == 1
    head = cells[0]
    return {c[0].strip("`"): dict(zip(head, c, strict=True)) for c in cells[2:]}


def test_the_page_is_what_the_code_says(page):
    stored = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    assert stored == page, "write it anew: molgfn describe --markdown > docs/objectives.md"


def test_the_tables_of_oracles_are_what_the_code_says():
    for table in (oracle_table.oracles(ROOT / "configs"), oracle_table.files(ROOT / "configs")):
        assert table in PAGES["oracles.md"], "take it anew from: molgfn describe oracle --markdown"
    result = CliRunner().invoke(cli, ["describe", "oracle", "--markdown"])
    assert result.stdout == oracle_table.markdown(ROOT / "configs")


def test_the_table_of_transforms_is_what_the_code_says():
    result = CliRunner().invoke(cli, ["describe", "transform", "--markdown"])
    assert result.stdout in PAGES["scoring.md"], "take it anew from: molgfn describe transform --markdown"
    rows = [line for line in result.stdout.splitlines() if line.startswith("| `")]
    assert len(rows) == 9
    assert next(row for row in rows if "`DoubleSigmoid`" in row).split("|")[4:-1] == [
        f" {x} " for x in ["0.00", "0.00", "0.00", "0.00", "0.50", "1.00", "1.00", "0.50", "0.00", "0.00", "0.00"]
    ]


@pytest.mark.parametrize(
    ("title", "group"), [("Objectives", "objective"), ("Backward policies", "backward"), ("Target networks", "target")]
)
def test_every_shipped_component_has_a_row(page, title, group):
    assert set(rows(page, title)) == {p.stem for p in (ROOT / "configs" / group).glob("*.yaml")}


def test_only_what_is_off_policy_is_called_so(page):
    assert set(rows(page, "Off-policy means")) == {p.stem for p in (ROOT / "configs" / "data").glob("*.yaml")} - {
        "on_policy",
        "preferences_oracle",
    }


def test_rows_that_are_known(page):
    tb = rows(page, "Objectives")["tb"]
    assert tb["class"] == "TrajectoryBalance"
    assert tb["trajectories"] == "any policy"
    assert tb["reads"] == "`log_pb`, `log_z`"
    assert tb["gradient to"] == "P_F, P_B (with backward=joint), log Z"
    assert tb["steps per batch"] == "1 step"
    assert tb["target network"] == "no"
    assert tb["environments"] == "all"
    assert "2201.13259" in tb["reference"]
    assert rows(page, "Objectives")["db"]["target network"] == "optional"
    backward = rows(page, "Backward policies")
    assert backward["tlm"]["data"] == "on-policy"
    assert backward["tlm"]["trained by"] == "a loss of its own"
    assert backward["uniform"]["trained by"] == "nothing (uniform)"
    assert "`tb`" in backward["joint"]["objectives"]


def test_everything_that_is_required_is_explained(page):
    asked = {n.strip("` ") for r in rows(page, "Objectives").values() for n in r["reads"].split(",")} - {"none"}
    explained = rows(page, "What objectives read")
    assert asked == set(explained)
    modules = pkgutil.walk_packages(quantities.__path__, f"{quantities.__name__}.")
    known = {
        kind.name: name
        for module in modules
        for name, kind in vars(importlib.import_module(module.name)).items()
        if isinstance(kind, type) and issubclass(kind, Quantity) and hasattr(kind, "name")
    }
    assert {name: row["class"] for name, row in explained.items()}.items() <= known.items()
    assert all(len(r["what it is"]) > 10 for r in explained.values())


def test_every_shipped_oracle_has_a_row_that_says_what_it_needs():
    oracles = rows(PAGES["oracles.md"], "All oracles")
    assert set(oracles) == {p.stem for p in (ROOT / "configs" / "oracle").glob("*.yaml")}
    vina = oracles["vina"]
    assert vina["needs"] == "`receptor`, and `center` or `ligand`; `molgfn[docking]`"
    assert (vina["range"], vina["units"], vina["better"]) == ("[-30, 10]", "kcal/mol", "less")
    assert "10.1021/acs.jcim.1c00203" in vina["source"]
    assert (oracles["hypergrid"]["kind"], oracles["hypergrid"]["range"]) == ("grid", "[0, inf)")
    assert oracles["druglike"]["kind"] == "molecule"  # a composite: that of its components
    assert oracles["function"]["range"] == "as given (`range`)"
    assert oracles["logp"]["range"] == "any number"
    needs = {name: row["needs"] for name, row in oracles.items() if row["needs"] != "-"}
    assert needs["seh_proxy"] == "download, 2.6 MB"
    assert {n for n, text in needs.items() if "download" in text} == {
        *("seh_proxy", "drd2", "gsk3b", "jnk3"),
        *("seh_four", "drd2_qed", "gsk3b_jnk3"),
        *("tfbind8", "qm9_strings", "seh_strings"),
    }
    assert {n for n, text in needs.items() if "molgfn[" in text} == {
        "admet",
        "ani",
        "purchasable",
        "vina",
        "xtb_energy",
        "xtb_gap",
    }
    given = {n: text.split("; ")[0] for n, text in needs.items() if text[0] == "`" and text[:8] != "`molgfn["}
    assert {n: given[n] for n in ("command", "function", "proxy", "similarity", "substructure")} == {
        "command": "`command`",
        "function": "`function`",
        "proxy": "`weights`",
        "similarity": "`smiles`",
        "substructure": "`smarts`",
    }


@pytest.mark.parametrize("page_name", sorted(PAGES))
def test_links_lead_somewhere(page_name):
    def anchors(page):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}

    text = re.sub(r"```.*?```", "", PAGES[page_name], flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / "docs" / page_name).parent / path if path else ROOT / "docs" / page_name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=[" ".join(w[1:4]) for _, w in COMMANDS])
def test_commands_are_right(name, words):
    """Training and scoring are composed and checked as the commands do it, and not run."""
    command, *rest = words[1:]
    if command == "train":
        assert checked(rest[0], rest[1:])
    elif command == "score":
        values = [i for i, word in enumerate(rest) if word in ("-o", "--column", "--every", "--run")]
        overrides = [w for i, w in enumerate(rest) if i > 0 and i not in values and i - 1 not in values]
        assert composed(tuple(overrides))
        assert rest[rest.index("-o") + 1].endswith((".csv", ".parquet"))
    elif command in ("sample", "pick"):
        assert cli.get_command(click.Context(cli), command).make_context(command, list(rest)).params["output"]
    elif command == "study":
        assert (ROOT / rest[0]).is_file()
    elif command == "evaluate":
        assert evaluate.make_context("evaluate", list(rest)).params["what"]
    else:
        assert command == "describe"
        assert CliRunner().invoke(cli, ["describe", *rest]).exit_code == 0


def test_there_are_commands_to_check():
    assert {words[1] for _, words in COMMANDS} == {"train", "score", "study", "describe", "sample", "pick", "evaluate"}
    assert len(COMMANDS) > 15


def test_the_composite_lies_beside_an_experiment_and_scores(tmp_path):
    (text,) = blocks("oracles.md", "yaml")
    (tmp_path / "oracle").mkdir()
    (tmp_path / "oracle" / "lead.yaml").write_text(text)
    quickstart = find_experiment("quickstart").read_text().replace("oracle: qed_sa", "oracle: lead")
    (tmp_path / "experiment.yaml").write_text(quickstart)
    config = checked(str(tmp_path / "experiment.yaml"))
    assert config["oracle"] == yaml.safe_load(text)
    readings = readings_of(config)
    lead, acid, aspirin, heavy = "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "OC(=O)Cc1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "C" * 60
    molecules = parse([lead, acid, aspirin, heavy])
    _, reading = readings(molecules, [m.smiles for m in molecules])
    values, parts = reading.value, reading.components
    assert 0 < values[1] < values[0] <= 1
    assert values[2:].tolist() == [0, 0]
    assert parts["like"][0] == 1
    assert parts["light_transformed"].tolist() == [1, 1, 1, 0]
    assert parts["alerts"].tolist() == [1, 1, 0, 1]  # a phenol ester; a long chain is excluded
    assert readings.service.remarks(parse([aspirin, heavy])) == {"alerts_found": ["phenol_ester", ""]}


def test_the_function_is_an_oracle(tmp_path, monkeypatch):
    (text,) = blocks("oracles.md", "py")
    (tmp_path / "my_oracle.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    words = next(
        words for _, words in COMMANDS if "oracle.function=my_oracle.py:ring_share" in words and "score" in words
    )
    node = composed(tuple(w for w in words if w.startswith("oracle")))["oracle"]
    np.testing.assert_allclose(build(node, Oracle, "oracle").values(parse(["c1ccccc1C", "CC"])), [6 / 7, 0])


def test_the_class_with_a_file_keeps_the_contract(tmp_path, monkeypatch):
    (text,) = blocks("extending/oracle.md", "py")
    (tmp_path / "my_lab").mkdir()
    (tmp_path / re.match(r"# (\S+)", text)[1]).write_text(text)
    (tmp_path / "table.csv").write_text("scaffold,score\nc1ccccc1,0.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_lab", raising=False)  # of another test
    module = importlib.import_module("my_lab.scaffold_scores")
    oracle = module.ScaffoldScores(path=str(tmp_path / "table.csv"))
    check_oracle(oracle)
    values, parts = oracle.measure(parse(["Cc1ccccc1", "C1CC1"]))
    np.testing.assert_array_equal(values, [0.5, np.nan])
    np.testing.assert_allclose(parts["efficiency"], [0.5 / 7, np.nan])
    with pytest.raises(module.ConfigError, match="should be a CSV file"):
        module.ScaffoldScores(path="nowhere.csv")


def record(folder):
    """The record of a run over four molecules; the last has no value."""
    nan = float("nan")
    columns = {"qed": [0.4, 0.9, 0.5, nan], "sa": [2.0, 3.0, 1.5, nan]}
    value = torch.tensor([0.6, 0.85, 0.7, nan], dtype=torch.float64)
    scores = Scores(
        log_reward=value.log().nan_to_num(-9.0),
        value=value,
        components={name: torch.tensor(column, dtype=torch.float64) for name, column in columns.items()},
        problems=[None, None, None, "oracle weighted_mean raised ValueError"],
    )
    folder.mkdir(parents=True, exist_ok=True)
    ScoredRecord(folder / "scored.sqlite").add(1, ["C", "CC", "CCC", "CCCC"], ["policy"] * 3 + ["offline"], scores)
    return folder / "scored.sqlite"


def test_sql_answers(tmp_path):
    queries = blocks("scoring.md", "sql")
    with sqlite3.connect(record(tmp_path)) as connection:
        best, first, sources, hundreds, problems = [connection.execute(q).fetchall() for q in queries]
    assert [row[1] for row in best] == ["CC", "CCC", "C"]
    assert best[0] == (2, "CC", 0.85, 0.9, 3.0)
    assert first == [(2,)]
    assert sources == [("offline", 1, None, None), ("policy", 3, pytest.approx(2.15 / 3), 0.85)]
    assert hundreds == [(0, pytest.approx(2.15 / 3))]
    assert problems == [("oracle weighted_mean raised ValueError", 1)]
    (line,) = [line for line in "".join(blocks("scoring.md", "sh")).splitlines() if line.startswith("sqlite3")]
    with sqlite3.connect(tmp_path / "scored.sqlite") as connection:
        assert connection.execute(shlex.split(line)[-1]).fetchone() == ("CC", 0.85)


def test_code_about_scoring_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked, pmo = blocks("scoring.md", "py")
    names = {}
    exec(compile(asked, "docs/scoring.md", "exec"), names)
    counters = names["service"].counters
    assert (counters.raw, counters.unique, counters.cached, counters.failed) == (4, 2, 1, 1)
    assert names["measured"].problems == [None, None, None, "not a SMILES: (nothing)"]
    record(tmp_path / re.search(r'Path\("(runs/[^"]+)"\)', pmo)[1])
    capsys.readouterr()
    exec(compile(pmo, "docs/scoring.md", "exec"), {})
    assert "auc_top10" in capsys.readouterr().out
    (run,) = (tmp_path / "runs").iterdir()
    assert yaml.safe_load((run / "results.yaml").read_text())["CC"] == [0.85, 2]
    assert (run / "top_auc.csv").is_file()
