"""Configs and training from Python: the same as on the command line."""

import pytest
import pytorch_lightning as pl
import torch
import yaml
from click.testing import CliRunner

import molgfn
from molgfn.cli.main import cli
from molgfn.errors import CheckpointError, ConfigError, DataError

from .conftest import GRID, MOLECULES


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(f"{GRID}output: {tmp_path / 'runs'}\n")
    return path


def test_a_config_is_what_the_command_prints(file):
    printed = CliRunner().invoke(cli, ["train", str(file), "seed=4", "objective=db", "--check"]).stdout
    assert molgfn.compose(file, "seed=4", "objective=db") == yaml.safe_load(printed)
    assert molgfn.compose("quickstart")["name"] == "quickstart"


def test_a_composed_config_can_be_changed_and_trained(file):
    config = molgfn.compose(molgfn.compose(file), "seed=7", "policy.hidden=4")
    assert (config["seed"], config["policy"]["hidden"]) == (7, 4)
    run = molgfn.train(config, "trainer.iterations=2")
    assert (run.iteration, run.interrupted) == (2, False)
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["seed"] == 7
    assert molgfn.load(run).policy.state_dict().keys() == molgfn.load(run.folder).policy.state_dict().keys()


@pytest.mark.parametrize(
    "overrides",
    [
        ["sed=1"],
        ["objective=tbb"],
        ["seed=x", "policy.hiden=3"],
        ["objective=tb,db"],
        ["data=exploration", "objective=ent_ppo"],
    ],
)
def test_bad_input_says_what_the_command_says(file, overrides):
    with pytest.raises(ConfigError) as error:
        molgfn.train(file, *overrides)
    said = CliRunner().invoke(cli, ["train", str(file), *overrides]).stderr
    for problem in error.value.problems:
        assert problem in said
    assert not (file.parent / "runs").exists()


@pytest.mark.parametrize("change", [{"sed": 1}, {"objective": "db"}, {"output": "https://a.b"}])
def test_a_bad_config_is_refused_as_a_file_would_be(file, change):
    with pytest.raises(ConfigError) as error:
        molgfn.train({**molgfn.compose(file), **change})
    assert next(iter(change)) in error.value.problems[0]


def test_a_run_that_goes_on_is_the_same_run(file):
    whole = molgfn.train(file, "trainer.iterations=6")
    half = molgfn.train(file, "trainer.iterations=3")
    for place in (half, half.folder):
        again = molgfn.resume(place, "trainer.iterations=6" if place is half else "trainer.iterations=7")
        assert again.folder == half.folder
    assert again.iteration == 7
    after = molgfn.train(file, "trainer.iterations=7")
    for name, tensor in molgfn.load(after).policy.state_dict().items():
        assert torch.equal(tensor, molgfn.load(again).policy.state_dict()[name])
    assert whole.iteration == 6
    with pytest.raises(ConfigError, match=r"trainer\.freeze: a resumed run keeps what is frozen; .*init_from="):
        molgfn.resume(half, "trainer.freeze=[flow]", "trainer.iterations=9")
    with pytest.raises(ConfigError, match=r"lr=1: a resumed run keeps its config; only trainer\.\*, scoring\.\* and"):
        molgfn.resume(half, "optimizer.lr=1")
    with pytest.raises(ConfigError, match=r"7 iterations behind it, and trainer\.iterations is 3"):
        molgfn.resume(half)


def test_what_was_logged_is_a_table(grid, tmp_path):
    table = molgfn.history(grid)
    assert list(table.index) == [0, 1, 2]
    assert table["train/loss/tb"].notna().all()
    assert table["train/loss/tb"].iloc[-1] == pytest.approx(grid.metrics["train/loss/tb"])
    for place in (grid.folder, str(grid.checkpoint), molgfn.load(grid)):
        assert molgfn.history(place).equals(table)
    with pytest.raises(CheckpointError, match="no such file or folder"):
        molgfn.history(tmp_path / "gone")
    alone = tmp_path / "alone" / "last.ckpt"
    alone.parent.mkdir()
    alone.write_bytes(grid.checkpoint.read_bytes())
    with pytest.raises(DataError, match=r"metrics are beside the `checkpoints` of a run"):
        molgfn.history(alone)


def test_what_comes_back_has_the_parts(grid):
    model = molgfn.load(grid)
    assert model.environment.n_states == 16
    assert not model.policy.training
    assert model.config["name"] == "grid"
    assert molgfn.load(model) is model
    assert repr(model) == f"MLPPolicy in HyperGrid, after 3 iterations: {grid.checkpoint}"


def test_code_of_ones_own_is_trusted_in_the_process_that_trained_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MOLECULES)
    (tmp_path / "my_reward.py").write_text("def size(smiles):\n    return [min(len(s) / 40, 1) for s in smiles]\n")
    own = ["oracle=function", "oracle.function=my_reward.py:size", "oracle.range=[0,1]"]
    run = molgfn.train("mine.yaml", *own)
    samples = molgfn.sample(run, 5)
    assert samples.values == pytest.approx([min(len(s) / 40, 1) for s in samples.smiles])
    with pytest.raises(CheckpointError, match=r"names code to run.*--trust .*my_reward.py"):
        molgfn.sample(run.folder, 5)
    assert len(molgfn.sample(run.folder, 5, trust=["my_reward.py"])) == 5
    assert len(molgfn.sample(run.folder, 5, values=False)) == 5


def test_callbacks_go_along(file):
    class Count(pl.Callback):
        steps = 0

        def on_train_batch_end(self, *_):
            self.steps += 1

    count = Count()
    run = molgfn.train(file, callbacks=[count])
    molgfn.resume(run, "trainer.iterations=5", callbacks=[count])
    assert count.steps == 5
    assert repr(run).startswith(f"Run(folder={run.folder!r}, checkpoint=")
    assert len(repr(run)) < 400


def test_a_device_that_is_not_there(grid):
    with pytest.raises(ConfigError, match="device: warp: not usable here"):
        molgfn.load(grid, device="warp")


def test_several_runs_are_no_experiment():
    with pytest.raises(ConfigError, match="`combine` makes one sampler of several runs"):
        molgfn.compose(["runs/a", "runs/b"], "mean")
