"""A run that goes on is the same run: bit for bit on a CPU."""

import csv

import pytest
import torch

from molgfn.checkpoint import read
from molgfn.experiment import train


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


REPLAY = node(
    "trajectories.sources.Sources",
    batch_size=8,
    replay_share=0.5,
    replay=node("trajectories.replay.PrioritisedReplay", capacity=20),
    exploration=node("policies.exploration.Exploration", epsilon=0.3, final_epsilon=0.0, decay_iterations=10),
)
CASES = {
    "tb": {},
    "db + replay + exploration": {
        "objective": node("objectives.detailed_balance.DetailedBalance"),
        "data": REPLAY,
    },
    "tlm": {"backward": node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood")},
    "schedules": {"optimizer": node("training.optimizers.Optimizers", half_life=3, backward_decay=0.9)},
    "ema": {"optimizer": node("training.optimizers.Optimizers", ema_decay=0.9)},
}


def plain(value):
    """Tensors of a nested state as lists, so that == compares everything."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def content(run):
    """What has to be equal, times and names left out."""
    c = read(run.checkpoint)
    data = c["TrajectoryDataModule"]
    data["reward"] = {k: v for k, v in data["reward"].items() if k != "counters"} | {
        "counters": {k: v for k, v in data["reward"]["counters"].items() if k != "seconds"}
    }
    return plain({k: c[k] for k in ("state_dict", "optimizer_states", "lr_schedulers", "callbacks")} | {"data": data})


@pytest.mark.parametrize("case", CASES)
def test_straight_equals_stopped_and_resumed(config, case):
    changes = CASES[case]
    straight = config(**changes)
    straight["trainer"] |= {"iterations": 7}
    whole = train(straight)
    first = config(**changes)
    first["trainer"] |= {"iterations": 3}
    part = train(first)
    assert part.iteration == 3
    rest = train(straight, resume=part.checkpoint)
    assert rest.folder == part.folder
    assert rest.iteration == whole.iteration == 7
    assert content(rest) == content(whole)
    again = train({**straight, "trainer": straight["trainer"] | {"iterations": 9}}, resume=rest.checkpoint)
    assert again.iteration == 9


def test_metrics_go_on_in_the_same_file(config):
    short, long = config(), config()
    short["trainer"] |= {"iterations": 3}
    part = train(short)
    train(long, resume=part.checkpoint)
    with (part.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(6))
    assert all(row["train/loss/tb"] for row in rows)


def test_checkpoint_every_and_kill(config):
    """A run killed between checkpoints loses only what came after the last one."""
    settings = config()
    settings["trainer"] |= {"iterations": 5, "checkpoint_every": 2}
    from molgfn.training.data import TrajectoryDataModule

    draw = TrajectoryDataModule.draw

    def dies(self):
        if self.iteration == 3:
            raise RuntimeError("power cut")
        return draw(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrajectoryDataModule, "draw", dies)
        with pytest.raises(RuntimeError, match="power cut"):
            train(settings)
    (checkpoint,) = __import__("pathlib").Path(settings["output"]).glob("*/checkpoints/last.ckpt")
    assert read(checkpoint)["molgfn"]["iteration"] == 2
    rest = train(settings, resume=checkpoint)
    assert rest.iteration == 5
    fresh = config()
    fresh["trainer"] |= {"iterations": 5}
    assert content(rest)["state_dict"] == content(train(fresh))["state_dict"]
