"""Loggers, checkpoints on a full disk, pictures, what a run has found."""

import csv
import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from molgfn.chemistry.fingerprints import fingerprints
from molgfn.chemistry.molecules import parse
from molgfn.errors import TrainingError
from molgfn.experiment import train
from molgfn.runs.checkpoint import read
from molgfn.serving.faults import OracleFault
from molgfn.training.callbacks.checkpointing import Checkpointing
from molgfn.training.callbacks.discoveries import Modes
from molgfn.training.logs.loggers import Loggers


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def rows(run):
    with (run.folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_what_is_logged(config):
    run = train(config())
    table = rows(run)
    assert [int(r["step"]) for r in table] == list(range(6))
    for name in (
        "train/loss/tb",
        "train/log_z",
        "reward/mean",
        "log_reward/q10",
        "log_reward/q50",
        "log_reward/q90",
        "found/unique",
        "found/hits/value>=0.7",
        "found/modes/value>=0.7/tanimoto<0.7",
        "oracle/calls",
        "oracle/unique",
        "oracle/seconds",
    ):
        assert all(r[name] for r in table), name
    assert [float(r["found/trajectories"]) for r in table] == [8.0 * (i + 1) for i in range(6)]
    assert float(table[-1]["oracle/calls"]) == 48
    unique = [float(r["found/unique"]) for r in table]
    assert unique == sorted(unique)
    assert (run.folder / "best_molecules.png").read_bytes()[:4] == b"\x89PNG"


def test_wandb_offline_needs_no_account(config, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    settings = config(logger=node("training.loggers.Loggers", wandb="offline"))
    settings["trainer"] |= {"iterations": 2}
    run = train(settings)
    (folder,) = (run.folder / "wandb").glob("offline-run-*")
    assert list(folder.glob("*.wandb"))
    assert read(run.checkpoint)["molgfn"]["run_id"] in folder.name


def test_wandb_is_off_where_nobody_is_logged_in(monkeypatch, tmp_path):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Loggers().mode == "off"
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert Loggers().mode == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert Loggers().mode == "offline"
    assert Loggers(wandb="off").mode == "off"


def test_full_disk_keeps_the_checkpoint_before(config, monkeypatch, caplog):
    settings = config()
    settings["trainer"] |= {"checkpoint_every": 2}
    save = pl.Trainer.save_checkpoint

    def full(self, path, *args, **kwargs):
        if self.datamodule.iteration > 2:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return save(self, path, *args, **kwargs)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", full)
    with (
        caplog.at_level(logging.ERROR, "molgfn"),
        pytest.raises(TrainingError, match=r"could not be written .*No space left.*earlier iteration is at"),
    ):
        train(settings)
    (checkpoint,) = Path(settings["output"]).rglob("last.ckpt")
    assert read(checkpoint)["molgfn"]["iteration"] == 2
    assert caplog.text.count("No space left") == 1, "said once"
    assert not list(checkpoint.parent.glob("*.part"))


def test_the_checkpoint_is_plain_data(config):
    content = torch.load(train(config()).checkpoint, weights_only=True)["molgfn"]
    assert json.loads(json.dumps(content)) == content
    assert content["config"]["environment"]["vocabulary"]


def test_modes_are_told_apart_greedily():
    smiles = ["c1ccccc1CCN", "c1ccccc1CCNC", "C1CCCCC1O", "CCCCCCCC", "c1ccccc1CCN", "CCCCCCC"]
    bits = fingerprints([m.mol for m in parse(smiles)])
    modes, reference = Modes(0.7), []
    for row in bits:
        both = [(row & r).sum() / (row | r).sum() for r in reference]
        if not both or max(both) < 0.7:
            reference.append(row)
    for part in (bits[:2], bits[2:]):
        modes.add(part)
    assert modes.count == len(reference)
    assert np.array_equal(modes.bits.astype(bool), np.array(reference))


def test_modes_of_another_kind_go_on_from_a_checkpoint():
    bits = np.eye(12, dtype=np.uint8)[:, :10] | np.eye(12, 10, 1, dtype=np.uint8)
    whole, first, rest = Modes(0.7), Modes(0.7), Modes(0.7)
    whole.add(bits)
    first.add(bits[:5])
    packed = np.packbits(first.bits.astype(bool), axis=1)
    rest.keep(np.unpackbits(packed, axis=1))  # as ``Discoveries`` keeps them, in whole bytes
    rest.add(bits[5:])
    assert whole.count > first.count > 1
    assert np.array_equal(rest.bits, whole.bits)


def test_modes_stop_where_they_are_full():
    bits = np.eye(2048, dtype=bool)[:200]
    modes = Modes(0.7, most=150)
    modes.add(bits[:100])
    assert not modes.full
    modes.add(bits[100:])
    assert modes.full
    assert modes.count == 150


def test_checkpoints_by_the_clock(config, monkeypatch):
    settings = config()
    settings["trainer"] |= {"checkpoint_every": 1000, "checkpoint_minutes": 3.0}
    now, saved = [0.0], []
    monkeypatch.setattr("molgfn.training.callbacks.checkpointing.time", SimpleNamespace(monotonic=lambda: now[0]))
    save, end = Checkpointing.save, Checkpointing.on_train_batch_end

    def noted(self, trainer):
        saved.append(trainer.datamodule.iteration)
        save(self, trainer)

    def later(self, *args):
        now[0] += 100.0
        end(self, *args)

    monkeypatch.setattr(Checkpointing, "save", noted)
    monkeypatch.setattr(Checkpointing, "on_train_batch_end", later)
    train(settings)
    assert saved == [2, 4, 6, 6]  # the last one is that of the end


def test_a_run_that_fails_says_how_to_go_on(config, caplog, monkeypatch):
    settings = config()
    settings["trainer"] |= {"checkpoint_every": 2}
    asked = []

    def broken(self, objects):
        asked.append(len(objects))
        raise OSError("no licence")

    run = train(settings)
    monkeypatch.setattr(type(run.experiment.reward.oracle), "measure", broken)
    settings["scoring"] = {"_target_": "molgfn.serving.settings.Scoring", "give_up": 5, "cache_size": 0}
    with pytest.raises(OracleFault, match="no licence"):
        train(settings)
    assert "there is a checkpoint" not in caplog.text
    settings["trainer"] |= {"iterations": 9}
    with pytest.raises(OracleFault, match="5 different objects in a row"):
        train(settings, resume=run.checkpoint)
    assert f"there is a checkpoint to go on from: molgfn resume {run.folder}" in caplog.text


@pytest.mark.parametrize("mode", ["live", "lines"])
def test_progress_says_how_far_and_how_fast(config, mode, capfd):
    settings = config()
    settings["trainer"] |= {"progress": mode}
    train(settings)
    text = capfd.readouterr().err
    assert "6/6" in text
    assert "trajectories/s" in text
    assert "loss" in text


@pytest.mark.parametrize(("precision", "dtype"), [("64-true", torch.float64), ("bf16-mixed", torch.float32)])
def test_precision(config, precision, dtype):
    settings = config()
    settings["trainer"] |= {"precision": precision}
    run = train(settings)
    assert {p.dtype for p in run.experiment.policy.parameters()} == {dtype}
    assert all(np.isfinite(float(r["train/loss/tb"])) for r in rows(run))
    assert read(run.checkpoint)["state_dict"]["policy.log_z.constant"].dtype == dtype
    assert train(settings | {"trainer": settings["trainer"] | {"iterations": 8}}, resume=run.checkpoint).iteration == 8
