"""``molgfn train``: checks, trains, resumes, runs grids."""

import csv
import os
import signal

import pytest
import yaml

from molgfn.evaluation.report.summary import number
from molgfn.runs.checkpoint import load


def test_check_prints_the_composed_config_and_trains_nothing(call, grid_file, tmp_path):
    result = call("train", grid_file, "--check", "seed=5")
    assert result.exit_code == 0
    config = yaml.safe_load(result.stdout)
    assert (config["seed"], config["environment"]["side"]) == (5, 4)
    assert not (tmp_path / "runs").exists()


def test_main_numbers_are_said_and_they_are_those_of_the_file(call, grid_file):
    result = call("train", grid_file, "trainer.exact_every=3", "trainer.log_every=3")
    assert result.exit_code == 0, result.stderr
    (folder,) = result.stdout.split("run folder: ")[1:]
    with open(f"{folder.strip()}/metrics.csv") as file:
        row = list(csv.DictReader(file))[-1]
    said = dict(line.split(": ", 1) for line in result.stderr.splitlines() if ": " in line)
    for label, column in (
        ("mean hypergrid of what was drawn last", "value/mean"),
        ("loss tb", "train/loss/tb"),
        ("log Z", "train/log_z"),
        ("exact total variation", "exact/tv"),
    ):
        assert said[label] == number(float(row[column])), label
    assert said["different among these"] == f"{100 * float(row['found/different']):.1f} %"


@pytest.mark.parametrize(
    ("overrides", "steep", "note"),
    [
        ([], "R = max(qed, 0.0001)^7: log R from -64.47 to 0; 10 % more qed is 1.95 times as likely", False),
        (["oracle=logp"], "R = max(logp, 0.0001)^7: log R from -64.47 up, since logp has no bound there", True),
        (["oracle=logp", "reward.beta=2"], "R = max(logp, 0.0001)^2: log R from -18.42 up", False),
        (["oracle=logp", "reward=boltzmann"], "R = exp(7 logp): log R from -30 up", False),
    ],
)
def test_what_beta_means_for_this_oracle_is_said_first(call, molecules_file, overrides, steep, note):
    molecules_file.write_text(molecules_file.read_text() + "reward: {beta: 7}\n")
    plain = ("trainer.iterations=1", "data.batch_size=4", "trainer.progress=lines")
    result = call("train", molecules_file, *plain, *overrides)
    assert result.exit_code == 0, result.stderr
    lines = result.stderr.splitlines()
    said = [line for line in lines if line.startswith("reward: ")]
    assert len(said) == 1
    assert said[0].startswith(f"reward: {steep}")
    assert lines.index(said[0]) < next(i for i, line in enumerate(lines) if "iteration 1/1" in line)
    assert ("what the experiment has for its own oracle" in result.stderr) == note


def test_the_shipped_experiment_checks_by_name_and_from_anywhere(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("train", "quickstart", "--check")
    assert result.exit_code == 0, result.stderr
    assert call("train", "experiments/quickstart.yaml", "--check").stdout == result.stdout


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["seed=x"], "error: seed: should be a valid integer, got 'x'"),
        (["objective=tbb"], "error: objective: there is no `tbb`; did you mean `tb`?"),
        (["policy=graph_transformer", "~policy.hidden"], "policy: GraphTransformerPolicy reads graph states"),
        (["backward=tlm", "data=replay"], "backward: TrajectoryLikelihood is on-policy"),
        (["oracle=qed"], "oracle: "),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(call, grid_file, tmp_path, overrides, line):
    grid_file.write_text(grid_file.read_text().replace("policy: {hidden: 8, layers: 1}\n", ""))
    overrides = [o for o in overrides if not o.startswith("~")]
    result = call("train", grid_file, *overrides)
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.splitlines()) < 10
    assert not (tmp_path / "runs").exists()


def test_training_makes_a_run_that_resumes_and_loads(call, grid_file, tmp_path):
    result = call("train", grid_file)
    assert result.exit_code == 0, result.stderr
    folder = result.stdout.split("run folder: ")[1].strip()
    assert load(folder).iteration == 3
    assert yaml.safe_load((tmp_path / "runs" / folder / "config.yaml").read_text())["name"] == "grid"
    done = call("train", "--resume", folder)
    assert done.exit_code == 2
    assert "trainer.iterations" in done.stderr
    more = call("train", "--resume", folder, "trainer.iterations=5")
    assert more.exit_code == 0, more.stderr
    assert load(folder).iteration == 5


def test_resume_keeps_the_config(call, grid_run):
    result = call("train", "--resume", grid_run, "seed=3", "objective=db")
    assert result.exit_code == 2
    assert "seed=3: a resumed run keeps its config" in result.stderr
    assert "objective=db: a resumed run keeps its config" in result.stderr
    wrong = call("train", "--resume", grid_run, "trainer.iteratons=9")
    assert wrong.exit_code == 2
    assert "did you mean `iterations`?" in wrong.stderr
    gone = call("train", "--resume", grid_run / "gone")
    assert gone.exit_code == 3
    assert call("train", "--resume", grid_run, "-m").exit_code == 2


def test_usage(call):
    assert "which experiment?" in call("train").stderr
    assert "comes first" in call("train", "seed=1").stderr
    assert call("train").exit_code == 2


def test_a_grid_is_checked_whole_before_it_starts(call, grid_file, tmp_path):
    result = call("train", grid_file, "-m", "objective=tb,db", "seed=0,x")
    assert result.exit_code == 2
    assert "got 'x'" in result.stderr
    assert not (tmp_path / "runs").exists()
    result = call("train", grid_file, "-m", "--check", "objective=tb,db", "seed=0,1")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "[1/4] objective=tb seed=0",
        "[2/4] objective=tb seed=1",
        "[3/4] objective=db seed=0",
        "[4/4] objective=db seed=1",
    ]


def test_a_grid_runs_each_point_in_its_own_folder(call, grid_file, tmp_path):
    result = call("train", grid_file, "-m", "seed=0,1")
    assert result.exit_code == 0, result.stderr
    configs = [yaml.safe_load(p.read_text()) for p in (tmp_path / "runs").glob("*/config.yaml")]
    assert sorted(c["seed"] for c in configs) == [0, 1]


def test_a_failed_run_of_a_grid_is_named_and_the_others_run(call, grid_file, monkeypatch):
    codes = iter([0, 1, 0])
    ran = []

    def run(command):
        ran.append(command[-1])
        return next(codes)

    monkeypatch.setattr("molgfn.cli.train.attended", run)
    result = call("train", grid_file, "-m", "seed=0,1,2")
    assert ran == ["seed=0", "seed=1", "seed=2"]
    assert result.exit_code == 1
    assert result.stderr.strip() == "run 2 (seed=1) ended with exit code 1"


@pytest.mark.parametrize("code", [130, 143, 138])
def test_an_interrupted_grid_stops(call, grid_file, monkeypatch, code):
    ran = []

    def run(command):
        ran.append(command[-1])
        return code

    monkeypatch.setattr("molgfn.cli.train.attended", run)
    assert call("train", grid_file, "-m", "seed=0,1,2").exit_code == code
    assert ran == ["seed=0"]


def test_ctrl_c_leaves_a_usable_checkpoint_and_says_how_to_go_on(call, grid_file, monkeypatch):
    from molgfn.training.data import TrajectoryDataModule

    draw = TrajectoryDataModule.draw

    def pressed(self):
        if self.iteration == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(self)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(TrajectoryDataModule, "draw", pressed)
    result = call("train", grid_file)
    assert result.exit_code == 130
    folder = result.stdout.split("run folder: ")[1].strip()
    assert f"go on with: molgfn resume {folder}" in result.stderr
    assert load(folder).iteration == 2
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(TrajectoryDataModule, "draw", draw)
    more = call("train", "--resume", folder)
    assert more.exit_code == 0, more.stderr
    assert load(folder).iteration == 3
