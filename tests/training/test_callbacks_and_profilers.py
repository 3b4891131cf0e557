"""A user's own callbacks, from a config and from Python, and a profile of the training."""

import csv
import logging

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint, RichProgressBar

from molgfn.errors import ConfigError
from molgfn.experiment import train

MODULE = """
import pytorch_lightning as pl


class Weights(pl.Callback):
    def __init__(self, *, power: int = 2) -> None:
        self.power, self.seen = power, 0

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.seen += 1

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        size = sum(p.detach().abs().pow(self.power).sum() for p in pl_module.policy.parameters())
        pl_module.row["own/weights"] = size
        pl_module.row["own/steps"] = self.seen

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]
"""


def with_trainer(config, **settings):
    plain = config()
    plain["trainer"] = {**plain["trainer"], "iterations": 3, **settings}
    return plain


def column(run, name):
    with (run.folder / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def test_a_callback_of_the_config_measures_and_goes_on(config, tmp_path):
    path = tmp_path / "weights.py"
    path.write_text(MODULE)
    own = [{"_target_": f"{path}:Weights", "power": 1}]
    run = train(with_trainer(config, callbacks=own))
    assert column(run, "own/steps") == [1, 2, 3]
    assert len(set(column(run, "own/weights"))) == 3
    again = train(with_trainer(config, callbacks=own, iterations=5), resume=run.checkpoint)
    assert column(again, "own/steps") == [1, 2, 3, 4, 5]


def test_a_callback_of_python_joins(config):
    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            assert outputs["loss/tb"] >= 0
            assert len(batch.fresh) == 8
            trainer.should_stop = batch_idx == 1

    run = train(config(), callbacks=[Stop()])
    assert run.iteration == 2
    assert not run.interrupted


@pytest.mark.parametrize(
    ("callback", "says"),
    [
        (ModelCheckpoint, r"callbacks: ModelCheckpoint has no place here: .*trainer\.checkpoint_every"),
        (RichProgressBar, r"callbacks: RichProgressBar has no place here: .*trainer\.progress"),
    ],
)
def test_a_callback_for_what_the_run_does_is_refused(config, callback, says, tmp_path):
    with pytest.raises(ConfigError, match=says):
        train(config(), callbacks=[callback()])
    with pytest.raises(ConfigError, match=rf"trainer.*{says}"):
        train(with_trainer(config, callbacks=[{"_target_": f"pytorch_lightning.callbacks.{callback.__name__}"}]))
    assert not list(tmp_path.iterdir())


def test_what_is_no_callback_is_refused(config):
    with pytest.raises(ConfigError, match=r"trainer\.callbacks\[0\]: `Linear` is not a Callback"):
        train(with_trainer(config, callbacks=[{"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1}]))
    with pytest.raises(ConfigError, match=r"trainer\.callbacks\[0\]\.monitor: missing"):
        train(with_trainer(config, callbacks=[{"_target_": "pytorch_lightning.callbacks.EarlyStopping"}]))


@pytest.mark.parametrize(
    ("kind", "holds"), [("simple", "training_step"), ("advanced", "function calls"), ("pytorch", "CPU time")]
)
def test_a_profile_is_written_into_the_run_folder(config, kind, holds, caplog):
    with caplog.at_level(logging.ERROR):
        run = train(with_trainer(config, profiler=kind, iterations=6))
    texts = [p.read_text() for p in (run.folder / "profile").iterdir() if p.suffix == ".txt"]
    assert any(holds in text for text in texts)
    assert not caplog.records


def test_another_profiler_is_refused(config):
    with pytest.raises(ConfigError, match=r"trainer\.profiler: should be 'simple', 'advanced' or 'pytorch'"):
        train(with_trainer(config, profiler="thorough"))
