"""Runs of two processes: one folder, the same weights, streams of their own, and a resume that changes no bit."""

import csv
from pathlib import Path

import pytest
import torch
from tests.processes import in_processes
from tests.training.ranked_runs import Apart, DieAt, config, run_here, run_poisoned

import molgfn
from molgfn import experiment
from molgfn.errors import ConfigError, TrainingError
from molgfn.experiment import assemble
from molgfn.ranks import ALONE, BY_RANK, Planned, Ranks
from molgfn.runs.checkpoint import read
from molgfn.training.updates.skipped_steps import NotFiniteError

REPLAY = [
    "data=replay",
    "data.sources.replay.share=0.5",
    "backward=pessimistic",
    "optimizer.ema_decay=0.9",
]


def straight_and_resumed(ranks: Ranks, folder: str, overrides: list[str]) -> list[str]:
    """Checkpoints of six iterations, and of three and three more; the first run's folder is asked of all."""
    output = Path(folder) / "runs"
    whole = run_here(ranks, config(output, *overrides), folder)
    half = run_here(ranks, config(output, *overrides, "trainer.iterations=3"), folder)
    rest = run_here(ranks, config(output, *overrides), folder, resume=half.checkpoint)
    assert rest.folder == half.folder
    return [str(whole.checkpoint), str(rest.checkpoint)]


def same(one, other, place=""):
    """Everything in two checkpoints is alike to the bit, but for times, places and names."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other) or torch.equal(one.isnan(), other.isnan()), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            if key not in {"seconds", "run_id", "config", "files", "config_hash"}:
                same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{place}/{i}")
    else:
        assert one == other or (one != one and other != other), place


@pytest.mark.parametrize(
    "overrides",
    [REPLAY, pytest.param(["objective=ent_ppo", "backward=rl_g"], marks=pytest.mark.slow)],
    ids=["tb, replay, pessimistic, ema", "ent_ppo, rl_g"],
)
def test_resumed_run_of_two_is_the_straight_one(tmp_path, overrides):
    first, second = in_processes(straight_and_resumed, 2, str(tmp_path), overrides)
    assert first == second
    whole, rest = (torch.load(path, weights_only=True) for path in first)
    for part in ("state_dict", "optimizer_states", "beside", "TrajectoryDataModule"):
        same(whole[part], rest[part], part)
    streams = whole["TrajectoryDataModule"]["streams"][BY_RANK]
    assert len(streams) == 2
    assert not torch.equal(streams[0]["actions"], streams[1]["actions"])
    assert whole["molgfn"]["processes"] == 2


def test_two_processes_are_one_run(tmp_path):
    """By the way that people take: one folder, one table, and what trained is given back."""
    run = molgfn.train(config(tmp_path, "trainer.exact_every=2"))
    assert [path.name for path in tmp_path.iterdir()] == [run.folder.name]
    assert run.iteration == 6
    assert not run.interrupted
    with (run.folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert "exact/tv" in rows[0]
    assert run.metrics["train/loss/tb"] == pytest.approx(float(rows[-1]["train/loss/tb"]))
    weights = torch.load(run.checkpoint, weights_only=True)["state_dict"]
    for name, value in run.experiment.policy.state_dict().items():
        assert torch.equal(value, weights[f"policy.{name}"])
    assert len(molgfn.sample(run, 4)) == 4
    assert "run folder" in (run.folder / "log.txt").read_text()
    with pytest.raises(ConfigError, match=r"of a run of 2 processes and cannot go on with 1; set trainer.devices"):
        molgfn.resume(run, "trainer.iterations=8", "trainer.devices=1")


def test_what_reproduces_a_number_that_is_not_finite_is_of_all_processes(tmp_path):
    """Rank 1 drew it: the first process says so, and the file has the batches of both, which one process can take."""
    output = tmp_path / "runs"
    first, second = in_processes(run_poisoned, 2, config(output, "trainer.give_up=2"), str(tmp_path))
    assert "log R is nan of trajectory 2 (" in first
    assert "of rank 1" in first
    assert "molgfn.reproduce" in first
    assert "of rank 1" in second
    (path,) = output.glob("*/not_finite.pt")
    content = torch.load(path, weights_only=True)
    assert content["state"]["batch"]["log_reward"].isnan().tolist() == [i == 4 + 2 for i in range(8)]
    with pytest.raises(NotFiniteError, match=r"at iteration 1: .*log R is nan of trajectory 6 \("):
        molgfn.reproduce(path)


def test_a_killed_process_ends_the_run(tmp_path):
    with pytest.raises(TrainingError, match=r"process 1 of 2 was killed \(SIGKILL\).*molgfn resume ") as caught:
        molgfn.train(config(tmp_path, "trainer.checkpoint_every=2"), callbacks=[DieAt(rank=1, iteration=4)])
    (folder,) = tmp_path.iterdir()
    assert str(folder) in str(caught.value)
    assert read(folder / "checkpoints" / "last.ckpt")["molgfn"]["iteration"] in {2, 4}


def apart(ranks: Ranks, folder: str) -> str:
    with pytest.raises(TrainingError) as caught:
        run_here(ranks, config(Path(folder) / "runs"), folder, callbacks=[Apart()])
    return str(caught.value)


def test_weights_that_come_apart_are_noticed(tmp_path):
    for text in in_processes(apart, 2, str(tmp_path)):
        assert "no longer have the same weights" in text


def test_all_start_from_the_same_weights(tmp_path):
    plain = config(tmp_path)
    one, other = assemble(plain), assemble(plain, Planned(2))
    for a, b in zip(one.policy.parameters(), other.policy.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (one.sources.batch_size, other.sources.batch_size) == (8, 4)


def test_what_cannot_work_is_refused_before_there_is_a_folder(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"data.batch_size: 7 cannot be shared out equally among 2 processes"):
        molgfn.train(config(tmp_path, "data.batch_size=7"))
    with pytest.raises(ConfigError, match="the share of each of 2 processes holds only 1"):
        molgfn.train(config(tmp_path, "data.batch_size=2", "objective=ent_ppo"))
    with pytest.raises(ConfigError, match=r"trainer.nodes=2: processes on several machines are started there by"):
        molgfn.train(config(tmp_path, "trainer.nodes=2"))

    class Local(DieAt):
        pass

    with pytest.raises(ConfigError, match="callbacks: Local cannot be sent to the processes"):
        molgfn.train(config(tmp_path), callbacks=[Local(0, 1)])
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="asks for 2 processes, but 3 were started"):
        molgfn.train(config(tmp_path))
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setattr("molgfn.experiment.processes.SAID", 0.0)
    with pytest.raises(SystemExit):  # the first has said it
        molgfn.train(config(tmp_path))
    assert not list(tmp_path.iterdir())


def test_share_of_one_is_enough_where_the_union_is(tmp_path):
    assert assemble(config(tmp_path, "data.batch_size=2", "objective=vargrad"), Planned(2)).sources.batch_size == 1
    with pytest.raises(ConfigError, match="needs at least 2 in a batch"):
        assemble(config(tmp_path, "data.batch_size=1", "objective=vargrad", "trainer.devices=1"), ALONE)


def test_fewer_gpus_than_processes(tmp_path, monkeypatch):
    plain = config(tmp_path, "trainer.accelerator=cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="2 processes of this machine need a GPU each, but torch sees 1"):
        experiment.train(plain)
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken(tmp_path, monkeypatch):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=f"port {port} of this machine is taken"):
            experiment.train(config(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path):
    """The exact distance to the target, over all objects of a grid that can be listed, after the same iterations."""
    settings = ["policy.hidden=64", "data.batch_size=32", "optimizer.lr=0.003", "trainer.iterations=300"]
    settings += ["trainer.log_every=50", "trainer.exact_every=50"]
    found = [molgfn.train(config(tmp_path, *settings, f"trainer.devices={n}")).metrics["exact/tv"] for n in (1, 2)]
    assert max(found) < 0.01
