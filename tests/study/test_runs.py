"""A small study from the command line: it runs once, goes on where it was, and says what failed."""

import csv
import hashlib
import json

import pytest
from click.testing import CliRunner

from molgfn.cli.main import cli
from molgfn.errors import DataError
from molgfn.study import preparing
from molgfn.study.running.jobs import Job
from molgfn.study.running.results import Results

STUDY = """
question: Does it run?
experiment: {experiment}
set: trainer.iterations=4 trainer.log_every=2 trainer.exact_every=2 trainer.accelerator=cpu trainer.threads=1
  trainer.progress=none logger.wandb=off environment.side=4 data.batch_size=4
seeds: [0, 1]
samples: 16
heldout: 16
rows:
  - {{name: TB, set: objective=tb}}
  - {{name: DB (x), set: objective=db}}
measures: [tv, reward_calls, gradient_steps, heldout/pearson]
pictures:
  curves.png: {{y: exact/tv, groups: {{Both: [TB, "DB (x)"], Second: ["DB (x)"]}}}}
"""
BASE = """
defaults: [train, override environment: hypergrid, override oracle: hypergrid, override policy: tabular, _self_]
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    path = tmp_path / "small.study.yaml"
    path.write_text(STUDY.format(experiment="base.yaml"))
    return path


def run(*arguments):
    return CliRunner().invoke(cli, ["study", *map(str, arguments)], catch_exceptions=False)


def test_a_study_runs_goes_on_and_is_summed_up(file, tmp_path):
    out = tmp_path / "out"
    first = run(file, "-o", out, "--only", "TB", "--seeds", "0")
    assert first.exit_code == 0, first.output
    kept = (out / "small" / "results.jsonl").read_text()
    (out / "small" / "results.jsonl").write_text(kept + '{"identity": "cut o')  # as a full disk leaves it
    second = run(file, "-o", out, "-j", "2")
    assert second.exit_code == 0, second.output
    assert "4 runs, 1 of them done before" in second.output
    with (out / "small" / "results.csv").open() as rows:
        rows = list(csv.DictReader(rows))
    assert [(r["row"], r["seed"]) for r in rows] == [("TB", "0"), ("TB", "1"), ("DB (x)", "0"), ("DB (x)", "1")]
    assert {r["reward_calls"] for r in rows} == {"16.0"}
    assert {r["gradient_steps"] for r in rows} == {"4.0"}
    assert all(0 < float(r["tv"]) < 1 for r in rows)
    assert rows[0]["tv"] != rows[1]["tv"]
    assert all(-1 <= float(r["heldout/pearson"]) <= 1 for r in rows)
    assert "| TB |" in (out / "small" / "table.md").read_text()
    assert (out / "small" / "curves.png").stat().st_size > 5000
    again = run(file, "-o", out, "-j", "2")
    assert "4 runs, 4 of them done before" in again.output


def test_all_mistakes_come_before_the_first_run(file, tmp_path):
    file.write_text(file.read_text().replace("objective=tb", "objective=tbb").replace("objective=db", "objectiv=db"))
    result = run(file, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "row `TB`" in result.output
    assert "row `DB (x)`" in result.output
    assert not (tmp_path / "out").exists()


def test_parts_that_do_not_fit_are_found_before_the_first_run(file, tmp_path):
    file.write_text(file.read_text().replace("objective=tb", "backward=tlm data=replay"))
    result = run(file, "-o", tmp_path / "out", "--check")
    assert result.exit_code == 2
    assert "on-policy" in result.output


def test_a_run_that_fails_is_named_and_tried_again(file, tmp_path):
    out = tmp_path / "out"
    (out / "small").mkdir(parents=True)
    (out / "small" / "runs").write_text("a file where the folder should be")
    result = run(file, "-o", out, "--only", "TB", "--seeds", "0")
    assert result.exit_code == 1
    assert "cannot make a run folder" in result.output
    (out / "small" / "runs").unlink()
    assert run(file, "-o", out, "--only", "TB", "--seeds", "0").exit_code == 0


def test_a_changed_config_is_another_run_but_the_old_one_stays_in_the_table(tmp_path):
    results = Results(tmp_path / "r.jsonl")
    old, new, other = Job("x", 0, {"a": 1}), Job("x", 0, {"a": 1, "b": 2}), Job("x", 1, {"a": 2})
    results.add({"identity": old.identity, "row": "x", "seed": 0, "values": {"tv": 0.5}})
    assert new.identity not in results.read()
    assert [r["values"]["tv"] for r in results.of([old])[0]] == [0.5]
    records, older = results.of([new, other])
    assert ([r["values"]["tv"] for r in records], older) == ([0.5], 1)
    results.add({"identity": new.identity, "row": "x", "seed": 0, "values": {"tv": 0.25}})
    records, older = results.of([new, other])
    assert ([r["values"]["tv"] for r in records], older) == ([0.25], 0)


def test_identity_goes_by_what_a_file_says_and_not_by_settings_that_are_off(tmp_path):
    for name, text in {"a.smi": "CCO\n", "b.smi": "CCO\n", "c.smi": "CCC\n"}.items():
        (tmp_path / name).write_text(text)
    a, b, c = (Job("x", 0, {}, heldout=str(tmp_path / f"{n}.smi")).identity for n in "abc")
    assert (a == b, a == c) == (True, False)
    assert Job("x", 0, {"a": {"b": 1, "new": None}}).identity == Job("x", 0, {"a": {"b": 1}}).identity
    saved = [Job("x", 0, {"trainer": {"iterations": 5, "checkpoint_minutes": m}}).identity for m in (1, 10)]
    assert saved[0] == saved[1] != Job("x", 0, {"trainer": {"iterations": 6}}).identity
    assert Job("x", 0, {"a": {"b": 1, "new": 0}}).identity != Job("x", 0, {"a": {"b": 1}}).identity


def test_a_table_alone_says_which_runs_are_of_an_older_configuration(file, tmp_path):
    out = tmp_path / "out"
    run(file, "-o", out, "--seeds", "0")
    file.write_text(file.read_text().replace("environment.side=4", "environment.side=3"))
    result = run(file, "-o", out, "--table")
    assert "2 of 2 runs in the table were made with another configuration" in result.output
    assert "| TB | 0." in result.output


def test_a_table_needs_no_data(file, tmp_path, caplog):
    out = tmp_path / "out"
    run(file, "-o", out, "--seeds", "0")
    table = (out / "small" / "table.md").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "assemble", missing)
        result = run(file, "-o", out, "--table", "--seeds", "0")
        assert result.exit_code == 0, result.output
        assert (out / "small" / "table.md").read_text() == table
        assert "a data file is missing: values.csv is not here" in caplog.text
        refused = run(file, "-o", out, "--seeds", "0", "--fresh")
        assert refused.exit_code == 3  # data that cannot be read


def missing(config):
    raise DataError("values.csv is not here")


def test_several_studies_get_one_table_together(file, tmp_path):
    other = tmp_path / "other.study.yaml"
    other.write_text(file.read_text().replace("DB (x)", "DB").replace("environment.side=4", "environment.side=3"))
    result = run(file, other, "-o", tmp_path / "out", "--seeds", "0", "--only", "TB")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert lines[0].startswith("| | small: tv | small: reward_calls | small: gradient_steps | other: tv |")
    assert len(lines) == 3
    assert lines[2].startswith("| TB | 0.")


def test_a_vocabulary_that_took_over_a_name_does_not_take_over_its_results():
    """Results were kept under the shipped vocabulary's name when it had no labels."""
    kept = hashlib.sha256(json.dumps([{"environment": {"vocabulary": "rdkit"}}, 0, 0]).encode()).hexdigest()[:16]
    assert Job("x", 0, {"environment": {"vocabulary": "rdkit_untyped", "joins": None}}).identity == kept
    assert Job("x", 0, {"environment": {"vocabulary": "rdkit"}}).identity != kept
