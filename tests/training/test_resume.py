"""A run that goes on is the same run: bit for bit on a CPU."""

import csv
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml

from molgfn.experiment import train
from molgfn.runs.checkpoint import read


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def shipped(group, name, **changes):
    """The node of a shipped config."""
    path = Path(__file__).parents[2] / "configs" / group / f"{name}.yaml"
    return {**yaml.safe_load(path.read_text()), **changes}


REPLAY = node(
    "trajectories.mixture.Sources",
    batch_size=8,
    sources={
        "policy": node("trajectories.sources.explored.Explored", epsilon=0.3, final_epsilon=0.0, decay_iterations=10),
        "replay": node("trajectories.sources.replay.PrioritisedReplay", share=0.5, capacity=20),
    },
)
CASES = {
    "tb": {},
    "db + replay + exploration": {
        "objective": node("objectives.detailed_balance.DetailedBalance"),
        "data": REPLAY,
    },
    "tb + prioritised replay + ema": {
        "data": REPLAY,
        "optimizer": node("training.optimizers.Optimizers", ema_decay=0.9),
    },
    "tlm": {"backward": node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood")},
    "schedules": {"optimizer": node("training.optimizers.Optimizers", half_life=3, backward_decay=0.9)},
    "ema": {"optimizer": node("training.optimizers.Optimizers", ema_decay=0.9)},
    "adamw, warm-up, cosine": {"optimizer": shipped("optimizer", "adamw", warm_up=3, cosine=6, cosine_end=0.1)},
    "sgd": {"optimizer": shipped("optimizer", "sgd", lr=1e-4)},
}
#: the same for what keeps more than weights; smaller, since these take many steps an iteration
LARGER = {
    "phases, and a copy of P_B": {"objective": shipped("objective", "ent_ppo"), "backward": shipped("backward", "tlm")},
    "trust region": {"objective": shipped("objective", "rl_t")},
    "target network + replay": {"objective": shipped("objective", "soft_dqn"), "data": REPLAY},
    "further networks": {"objective": shipped("objective", "sac"), "data": REPLAY},
    "target network + ema": {
        "objective": shipped("objective", "subtb"),
        "target": shipped("target", "periodic", every=2),
        "optimizer": node("training.optimizers.Optimizers", ema_decay=0.9),
    },
    "rewards of states + replay": {"objective": shipped("objective", "fldb"), "data": REPLAY},
    "local search + replay": {
        "data": {
            **REPLAY,
            "sources": {
                **REPLAY["sources"],
                "local_search": node(
                    "trajectories.sources.local_search.LocalSearch",
                    rounds=2,
                    accept="metropolis",
                    cut="random",
                    taken_back=0.7,
                ),
            },
        }
    },
    "latest batches": {"backward": shipped("backward", "pessimistic"), "data": REPLAY},
    "trajectories drawn by P_B": {"backward": shipped("backward", "rl_b")},
    "guide": {"backward": shipped("backward", "rl_g")},
}


def plain(value):
    """Tensors of a nested state as lists, so that == compares everything."""
    if isinstance(value, torch.Tensor):
        return plain(value.tolist())
    if isinstance(value, float) and value != value:
        return "not a number"  # what was not measured, in the same place on both sides
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
    parts = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "beside")
    more = ("current_model_state", "averaging_state")  # of weight averaging: ``state_dict`` holds the averaged weights
    return plain({k: c[k] for k in parts} | {k: c[k] for k in more if k in c} | {"data": data})


@pytest.mark.parametrize("case", CASES)
def test_straight_equals_stopped_and_resumed(config, case):
    resumed_is_straight(config, CASES[case])


@pytest.mark.parametrize("case", LARGER)
def test_everything_beside_the_policy_goes_on_too(config, case):
    small = node("policies.graph.GraphTransformerPolicy", width=16, layers=1)
    resumed_is_straight(config, {"policy": small, **LARGER[case]}, whole=5)


def resumed_is_straight(config, changes, whole=7):
    """A run of ``whole`` iterations, and one that stops after three and goes on, leave the same behind; the latter."""
    straight = config(**changes)
    straight["trainer"] |= {"iterations": whole}
    run = train(straight)
    first = config(**changes)
    first["trainer"] |= {"iterations": 3}
    part = train(first)
    assert part.iteration == 3
    rest = train(straight, resume=part.checkpoint)
    assert rest.folder == part.folder
    assert rest.iteration == run.iteration == whole
    assert content(rest) == content(run)
    return rest


def test_torchs_own_stream_goes_on_too(config):
    """Parts of a user draw from it, as dropout does."""

    class Draws(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            pl_module.row["drawn"] = torch.rand(())

    def drawn(run):
        return [row["drawn"] for row in steady(run)]

    short, long = config(), config()
    short["trainer"] |= {"iterations": 2}
    long["trainer"] |= {"iterations": 4}
    straight = train(long, callbacks=[Draws()])
    part = train(short, callbacks=[Draws()])
    rest = train(long, resume=part.checkpoint, callbacks=[Draws()])
    assert drawn(rest) == drawn(straight)
    assert len(set(drawn(rest))) == 4


def test_a_finished_run_goes_on(config):
    rest = resumed_is_straight(config, {})
    longer = config()
    longer["trainer"] |= {"iterations": 9}
    assert train(longer, resume=rest.checkpoint).iteration == 9


def test_metrics_go_on_in_the_same_file(config):
    short, long = config(), config()
    short["trainer"] |= {"iterations": 3}
    part = train(short)
    train(long, resume=part.checkpoint)
    with (part.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(6))
    assert all(row["train/loss/tb"] for row in rows)


def steady(run):
    """``metrics.csv`` without what a clock says."""
    with (run.folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if "second" not in k} for row in csv.DictReader(file)]


def test_metrics_are_those_of_a_run_that_was_not_stopped(config):
    """Iterations left over at the end have a row of their own, which a run that goes on writes anew."""
    short, long = config(), config()
    short["trainer"] |= {"iterations": 5, "log_every": 2}
    long["trainer"] |= {"iterations": 7, "log_every": 2}
    part = train(short)
    assert [int(row["step"]) for row in steady(part)] == [1, 3, 5]
    last = steady(part)[-1]
    assert (float(last["found/trajectories"]), float(last["train/gradient_steps"])) == (40, 5)
    rest = steady(train(long, resume=part.checkpoint))
    assert rest == steady(train(long))
    assert [int(row["step"]) for row in rest] == [1, 3, 5, 7]


def test_what_the_budget_paid_for_last_is_among_the_discoveries(config):
    settings = config()
    settings["scoring"] = node("rewards.settings.Scoring", budget=20)
    settings["trainer"] |= {"iterations": 50, "log_every": 10}
    run = train(settings)
    last = steady(run)[-1]
    assert float(last["oracle/unique"]) == float(last["found/unique"]) == 20
    assert float(last["train/gradient_steps"]) == run.iteration - 1  # the last batch is not trained on
    assert float(last["found/trajectories"]) == 8 * run.iteration


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
    whole = train(fresh)
    assert content(rest)["state_dict"] == content(whole)["state_dict"]
    assert steady(rest) == steady(whole)
