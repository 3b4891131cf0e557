"""Columns of a study: misspelt ones are refused before the runs, own measures are there after them."""

import json

import pytest
import yaml
from click.testing import CliRunner

from molgfn.cli.main import cli

BASE = (
    "defaults: [train, override environment: hypergrid, override oracle: hypergrid, override policy: tabular, _self_]\n"
)
SET = "trainer.iterations=2 trainer.log_every=1 trainer.exact_every=1 trainer.accelerator=cpu trainer.threads=1 "
SET += "trainer.progress=none logger.wandb=off environment.side=3 data.batch_size=4"
OWN = """
from molgfn.evaluation.metrics.base import Metric, Reading

class Corners(Metric):
    \"\"\"Share of samples at the origin.\"\"\"

    name = "corners"

    def __call__(self, samples):
        return {"corners/origin": Reading(sum(k == "0 0" for k in samples.keys) / len(samples))}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "base.yaml").write_text(BASE + "evaluation: {extra: [{_target_: 'mine.py:Corners'}]}\n")

    def run(*options, file="small.study.yaml", **changes):
        plan = {
            "question": "Which?", "experiment": "base.yaml", "set": SET, "seeds": [0], "samples": 8,
            "rows": [{"name": "TB"}, {"name": "DB", "set": "objective=db"}],
            "measures": ["tv", "corners/origin", "top_k/k=1/value", "found/unique", "seconds"],
            "pictures": {"a.svg": {"y": "exact/tv", "x": "oracle/calls"}, "b.svg": {"y": "train/loss", "x": "step"}},
            **changes,
        }  # fmt: skip
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(plan))
        return CliRunner().invoke(cli, ["study", file, *options])

    return run


@pytest.mark.parametrize("options", [["--check"], []])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measures": ["nonsense"]}, "measures: nonsense: nothing of that name is measured"),
        ({"measures": ["tvv"]}, "measures: tvv: nothing of that name is measured; did you mean `tv`?"),
        ({"measures": ["corner/origin"]}, "did you mean `corners`?"),
        ({"measures": ["auc_top10"]}, "measures: auc_top10: nothing of that name is measured"),
        ({"measures": ["heldout/pearson"]}, "measures: heldout/pearson: nothing"),
        (
            {"pictures": {"a.svg": {"y": "exact/tvv"}}},
            "pictures.a.svg.y: metrics.csv has no column `exact/tvv`; did you",
        ),
        ({"pictures": {"a.svg": {"y": "exact/tv", "x": "oracle/cals"}}}, "did you mean `oracle/calls`?"),
    ],
)
def test_a_misspelt_column_is_refused_before_the_runs(study, tmp_path, options, changes, said):
    result = study(*options, "-o", "out", **changes)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "run folder" not in result.output
    assert not (tmp_path / "out").exists()


def test_own_measures_are_kept(study, tmp_path):
    result = study("-o", "out")
    assert result.exit_code == 1  # train/loss is in no run's metrics
    assert "pictures.b.svg: no run has `train/loss`" in result.stderr
    table = (tmp_path / "out" / "small" / "table.md").read_text()
    assert "corners/origin" in table
    assert "–" not in table


def test_what_is_measured_under_conditions_can_be_a_column(study, tmp_path):
    under = f"{SET} policy=mlp policy.hidden=8 condition=temperature reward.beta=null"
    under += " evaluation.conditions=2 evaluation.condition_samples=4"
    plan = {"measures": ["by_condition/each/tv"], "pictures": {}}
    result = study("-o", "out", set=under, **plan)
    assert result.exit_code == 0, result.output
    table = (tmp_path / "out" / "small" / "table.md").read_text()
    assert "by_condition/each/tv" in table
    assert "–" not in table
    for other in (SET, f"{under} evaluation.conditions=0"):
        refused = study("-o", "other", set=other, **plan)
        assert refused.exit_code == 2
        assert "measures: by_condition/each/tv: nothing of that name is measured" in refused.stderr


def test_the_rest_of_a_metrics_name_is_checked_after_the_runs(study):
    result = study("-o", "out", measures=["tv", "corners/orign"], pictures={})
    assert result.exit_code == 1
    assert "measures: corners/orign: measured in no run; did you mean `corners/origin`?" in result.stderr


def test_two_studies_of_one_name_do_not_share_a_folder(study, tmp_path):
    assert study("-o", "out", measures=["tv"], pictures={}).exit_code == 0
    table = (tmp_path / "out" / "small" / "table.md").read_bytes()
    result = study("-o", "out", file="deeper/small.study.yaml", experiment="../base.yaml", measures=["kl"], pictures={})
    assert result.exit_code == 2
    assert "holds the results of another study" in result.stderr
    assert (tmp_path / "out" / "small" / "table.md").read_bytes() == table
    both = CliRunner().invoke(cli, ["study", "small.study.yaml", "deeper/small.study.yaml", "-o", "new"])
    assert both.exit_code == 2
    assert "is called `small`, too" in both.stderr


def test_a_folder_of_any_name_takes_a_study(study, tmp_path):
    result = study("-o", "a=b,c 'd'", measures=["tv"], pictures={})
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a=b,c 'd'" / "small" / "table.md").is_file()


def test_the_identity_of_a_run_does_not_depend_on_where_its_files_lie(study, tmp_path):
    (tmp_path / "v.csv").write_text("object,value\n0 0,1\n1 1,0.5\n")
    text = BASE.replace("override oracle: hypergrid, ", "")
    text += "oracle: {_target_: molgfn.oracles.own.table.Table, domain: grid, path: v.csv, missing: 0.1}\n"
    found = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("v.csv", "mine.py"):
            (tmp_path / folder / name).write_text((tmp_path / name).read_text())
        (tmp_path / folder / "base.yaml").write_text(text)
        assert study("-o", f"out-{folder}", file=f"{folder}/s.study.yaml", measures=["tv"], pictures={}).exit_code == 0
        lines = (tmp_path / f"out-{folder}" / "s" / "results.jsonl").read_text().splitlines()
        found.add(tuple(sorted(json.loads(line)["identity"] for line in lines)))
    assert len(found) == 1
