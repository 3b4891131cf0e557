"""A run that is used again: its own files, code and commands, from any folder."""

import sys

import pytest
import yaml

BASE = """
defaults:
  - train
  - override /environment: hypergrid
  - override /policy: mlp
  - _self_
name: mine
environment: {side: 3}
policy: {hidden: 8, layers: 1}
data: {batch_size: 8}
trainer: {iterations: 2, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 20, batch: 20, log_pt_objects: 0, exact_limit: 0}
output: out
"""
TABLE = "object,value\n" + "".join(f"{i} {j},{{value}}\n" for i in range(3) for j in range(3))


@pytest.fixture
def train(call, tmp_path, monkeypatch):
    """Train in a folder `A` with an oracle, then stand in a folder `B`."""

    def run(oracle, files):
        (tmp_path / "A").mkdir()
        (tmp_path / "B").mkdir()
        for name, text in files.items():
            (tmp_path / "A" / name).write_text(text)
        (tmp_path / "A" / "x.yaml").write_text(f"{BASE}oracle: {oracle}\n")
        monkeypatch.chdir(tmp_path / "A")
        result = call("train", "x.yaml")
        assert result.exit_code == 0, result.output
        monkeypatch.chdir(tmp_path / "B")
        (folder,) = (tmp_path / "A" / "out").iterdir()
        return folder

    return run


def values(folder):
    rows = [line.split(",") for line in (folder / "samples.csv").read_text().splitlines()]
    column = rows[0].index("value")
    return {float(row[column]) for row in rows[1:] if row[column]}


def test_a_table_is_the_runs_own_or_refused(call, train, tmp_path):
    run = train(
        "{_target_: molgfn.oracles.own.table.Table, domain: grid, path: v.csv}", {"v.csv": TABLE.format(value=0.5)}
    )
    (tmp_path / "B" / "v.csv").write_text(TABLE.format(value=0.25))
    (entry,) = yaml.safe_load((run / "files.yaml").read_text())
    assert (entry["key"], entry["path"]) == ("oracle.path", str(tmp_path / "A" / "v.csv"))
    assert call("evaluate", run, "--no-untrained", "-o", "ev").exit_code == 0
    assert values(tmp_path / "B" / "ev") == {0.5}
    (tmp_path / "A" / "v.csv").write_text(TABLE.format(value=0.75))
    for command in (["evaluate", run], ["train", "--resume", run, "trainer.iterations=4"]):
        result = call(*command)
        assert result.exit_code == 3
        assert "is not the file the run was trained with" in result.stderr
        assert "--file oracle.path=PATH" in result.stderr
    chosen = call("evaluate", run, "--no-untrained", "-o", "ev", "--file", "oracle.path=v.csv")
    assert chosen.exit_code == 0, chosen.stderr
    assert values(tmp_path / "B" / "ev") == {0.25}
    assert "because --file names it" in chosen.stderr
    wrong = call("train", "--resume", run, "trainer.iterations=4", "--file", "oracle.path=v.csv")
    assert wrong.exit_code == 3
    assert call("evaluate", run, "--file", "oracle.path").exit_code == 2
    assert call("train", "x.yaml", "--file", "a=b").exit_code == 2


FUNCTION = "def f(points):\n    return [0.5 for _ in points]\n"


def test_a_function_in_a_file_is_trusted_by_its_file(call, train, tmp_path):
    run = train(
        "{_target_: molgfn.oracles.own.function.Function, domain: grid, function: 'my.py:f', range: [0, 1]}",
        {"my.py": FUNCTION},
    )
    (tmp_path / "B" / "my.py").write_text(FUNCTION.replace("0.5", "0.25"))
    refused = call("evaluate", run)
    assert refused.exit_code == 3
    option = f"--trust {tmp_path / 'A' / 'my.py'}"
    assert option in refused.stderr
    assert call("evaluate", run, "--trust", "my.py").exit_code == 3  # another file of that name
    result = call("evaluate", run, "--no-untrained", "-o", "ev", *option.split())
    assert result.exit_code == 0, result.stderr
    assert values(tmp_path / "B" / "ev") == {0.5}
    (tmp_path / "A" / "my.py").write_text(FUNCTION + "# edited\n")
    assert "is not the file the run was trained with" in call("evaluate", run, *option.split()).stderr


SCRIPT = "import sys\nfor line in sys.stdin:\n    print(0.5)\n"


def test_a_command_is_trusted_whole(call, molecules_file, tmp_path, monkeypatch):
    (tmp_path / "A").mkdir()
    (tmp_path / "B").mkdir()
    (tmp_path / "A" / "score.py").write_text(SCRIPT)
    (tmp_path / "B" / "score.py").write_text(SCRIPT.replace("0.5", "0.25"))
    monkeypatch.chdir(tmp_path / "A")
    command = f"oracle.command=[{sys.executable},score.py]"
    result = call("train", molecules_file, "oracle=command", command, "trainer.iterations=2", "data.batch_size=4")
    assert result.exit_code == 0, result.output
    (run,) = (tmp_path / "runs").iterdir()
    monkeypatch.chdir(tmp_path / "B")
    refused = call("evaluate", run)
    assert refused.exit_code == 3
    whole = f"{sys.executable} {tmp_path / 'A' / 'score.py'}"
    assert f"--trust '{whole}'" in refused.stderr
    assert call("evaluate", run, "--trust", sys.executable).exit_code == 3
    done = call("evaluate", run, "-n", 10, "--no-untrained", "-o", "ev", "--trust", whole)
    assert done.exit_code == 0, done.stderr
    assert values(tmp_path / "B" / "ev") == {0.5}
    moved = f"oracle.command[1]={tmp_path / 'B' / 'score.py'}"
    other = f"{sys.executable} {tmp_path / 'B' / 'score.py'}"
    done = call("evaluate", run, "-n", 10, "--no-untrained", "-o", "ev", "--trust", other, "--file", moved)
    assert done.exit_code == 0, done.stderr
    assert values(tmp_path / "B" / "ev") == {0.25}


def test_results_of_two_inputs_never_share_a_folder(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["gen.T0.5.smi", "gen.T0.9.smi", "gen.T0.5.txt", "gen.T0.smi"]
    for name in names:
        (tmp_path / name).write_text("CCO\nCCN\n")
        assert call("evaluate", name).exit_code == 0
    folders = {"gen.T0.5-evaluation", "gen.T0.9-evaluation", "gen.T0.5.txt-evaluation", "gen.T0-evaluation"}
    assert {p.name for p in tmp_path.glob("*-evaluation")} == folders
    again = call("evaluate", names[0])
    assert "replaced" not in again.stderr
    over = call("evaluate", names[1], "-o", "gen.T0.5-evaluation")
    assert "gen.T0.5.smi there are replaced" in over.stderr


def test_the_runs_of_a_grid_say_which_they_are(call, grid_file, tmp_path):
    result = call("train", grid_file, "-m", "objective=tb,db")
    assert result.exit_code == 0, result.stderr
    names = sorted(p.name.rsplit("-", 2)[0] for p in (tmp_path / "runs").iterdir())
    assert names == ["grid-objective-db", "grid-objective-tb"]


def test_a_name_stays_within_the_output_folder(call, grid_file, tmp_path):
    for name in ("a/b", "/tmp/x", "..", "../x"):
        result = call("train", grid_file, f'name="{name}"')
        assert result.exit_code == 2
        assert "may hold no `/`" in result.stderr
    long = call("train", grid_file, f"name={'x' * 300}")
    assert long.exit_code == 2
    assert "cannot make a run folder" in long.stderr


@pytest.fixture
def table_run(call, molecules_file, tmp_path, monkeypatch):
    """A run on molecules, trained in a folder `A` with a table of values that lies there; we stand in a folder `B`."""
    (tmp_path / "A").mkdir()
    (tmp_path / "B").mkdir()
    (tmp_path / "A" / "v.csv").write_text("object,value\nCCO,0.5\n")
    (tmp_path / "B" / "in.smi").write_text("CCO\nCCC\n")
    monkeypatch.chdir(tmp_path / "A")
    words = ["oracle=table", "oracle.path=v.csv", "oracle.missing=0.125", "trainer.iterations=2", "data.batch_size=4"]
    result = call("train", molecules_file, *words, "output=out")
    assert result.exit_code == 0, result.output
    monkeypatch.chdir(tmp_path / "B")
    (folder,) = (tmp_path / "A" / "out").iterdir()
    return folder


#: command line after the run, with a file of results
COMMANDS = {
    "evaluate": lambda run, *more: ["evaluate", run, "-n", 10, "--no-untrained", "-o", "result", *more],
    "sample": lambda run, *more: ["sample", run, "-n", 5, "--log-pt-samples", 0, "-o", "result.csv", *more],
    "score": lambda run, *more: ["score", "in.smi", "--run", run, "-o", "result.csv", *more],
    "score-as": lambda run, *more: ["evaluate", "in.smi", "--score-as", run, "-o", "result", *more],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_runs_own_files_or_refuses(call, table_run, tmp_path, command):
    words, table = COMMANDS[command], tmp_path / "A" / "v.csv"
    (tmp_path / "B" / "v.csv").write_text("object,value\nCCO,0.75\nCCC,0.75\n")  # of the same name, in this folder
    done = call(*words(table_run))
    assert done.exit_code == 0, done.stderr
    table.write_text("object,value\nCCO,0.25\n")
    refused = call(*words(table_run))
    assert refused.exit_code == 3
    assert f"{table}: is not the file the run was trained with" in refused.stderr
    table.unlink()
    gone = call(*words(table_run))
    assert gone.exit_code == 3
    assert "but it is gone" in gone.stderr
    assert "--file oracle.path=PATH" in gone.stderr
    chosen = call(*words(table_run, "--file", "oracle.path=v.csv"))
    assert chosen.exit_code == 0, chosen.stderr
    assert "because --file names it" in chosen.stderr
    assert call(*words(table_run, "--file", "oracle.path")).exit_code == 2
    unknown = call(*words(table_run, "--file", "oracle.weights=v.csv"))
    assert unknown.exit_code == 2
    assert "the run has no such file; it read oracle.path" in unknown.stderr
    missing = call(*words(table_run, "--file", "oracle.path=nowhere.csv"))
    assert missing.exit_code == 2
    assert "nowhere.csv: no such file" in missing.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_moved_with_its_run_is_found_by_every_command(call, table_run, tmp_path, command):
    (tmp_path / "A").rename(tmp_path / "C")
    moved = tmp_path / "C" / table_run.relative_to(tmp_path / "A")
    done = call(*COMMANDS[command](moved))
    assert done.exit_code == 0, done.stderr
    assert f"is now {tmp_path / 'C' / 'v.csv'}" in done.stderr


def test_an_override_comes_before_the_check_of_files(call, table_run, tmp_path):
    (tmp_path / "A" / "v.csv").unlink()
    (tmp_path / "B" / "w.csv").write_text("object,value\nCCO,0.75\n")
    done = call("score", "in.smi", "--run", table_run, "oracle.path=w.csv", "oracle.missing=0.5", "-o", "result.csv")
    assert done.exit_code == 0, done.stderr
    rows = [line.split(",") for line in (tmp_path / "B" / "result.csv").read_text().splitlines()]
    assert [row[rows[0].index("value")] for row in rows[1:]] == ["0.75", "0.5"]


def test_sampling_without_values_needs_no_file(call, table_run, tmp_path):
    (tmp_path / "A" / "v.csv").unlink()
    words = ["sample", table_run, "-n", 5, "--no-values", "--log-pt-samples", 0, "-o", "result.csv"]
    assert call(*words).exit_code == 0
    refused = call(*words, "--file", "oracle.path=v.csv")
    assert refused.exit_code == 2
    assert "--file is for the run's reward" in refused.stderr
    assert call("score", "in.smi", "oracle=qed", "--file", "oracle.path=v.csv", "-o", "x.csv").exit_code == 2
