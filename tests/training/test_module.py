"""The training step: gradient routing, log Z's start, learning rates. Phases of an
iteration, and what follows, are in test_phases.py."""

import pytest
import pytorch_lightning as pl
import torch

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError
from molgfn.experiment import assemble, misfits, train
from molgfn.objectives.residuals import log_ratios
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


TLM = node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood")
DB = node("objectives.detailed_balance.DetailedBalance")


def trainer():
    return pl.Trainer(
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )


def changed(config, iterations=1):
    """The groups whose parameters an iteration changed."""
    config["trainer"] |= {"iterations": iterations}
    e = assemble(config)
    before = {k: [p.detach().clone() for p in v] for k, v in e.policy.parameter_groups().items()}
    trainer().fit(e.module(), datamodule=e.data())
    after = e.policy.parameter_groups()
    return {k for k, v in before.items() if any(not torch.equal(a, b) for a, b in zip(v, after[k], strict=True))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("changes", "groups"),
    [
        ({}, {"forward", "log_z"}),
        ({"objective": DB}, {"forward", "flow"}),
        ({"backward": node("objectives.backward.joint.Joint")}, {"forward", "backward", "log_z"}),
        ({"backward": TLM}, {"forward", "backward", "log_z"}),
        ({"backward": TLM, "objective": DB}, {"forward", "backward", "flow"}),
    ],
    ids=["tb", "db", "joint", "tlm", "db + tlm"],
)
@pytest.mark.parametrize("share", [True, False])
def test_each_group_is_trained_by_whom_it_should(config, changes, groups, share):
    policy = node("policies.graph.GraphTransformerPolicy", width=16, layers=1, share_trunk=share)
    assert changed(config(policy=policy, **changes), iterations=2) == groups


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [True, False])
def test_tlm_step_leaves_pf_alone(config, share):
    """The step of P_B, alone, changes no log P_F, shared trunk or not."""
    policy = node("policies.graph.GraphTransformerPolicy", width=16, layers=1, share_trunk=share)
    e = assemble(config(policy=policy, backward=TLM))
    module, data = e.module(), e.data()
    kept = {}

    class Watch(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            take = pl_module.learner.steps.take

            def watched(output, what, *rest):
                before = evaluate(batch.trajectories, e.policy, quantities=()).log_pf.detach()
                result = take(output, what, *rest)
                after = evaluate(batch.trajectories, e.policy, quantities=()).log_pf.detach()
                kept.setdefault(what, []).append(torch.equal(before, after))
                return result

            pl_module.learner.steps.take = watched

    t = trainer()
    t.callbacks.append(Watch())
    t.fit(module, datamodule=data)
    assert kept["backward"][0] is True
    assert kept["forward"][0] is False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", [None, "mean", "importance", 3.5])
def test_log_z_starts_at_the_first_batch(config, start):
    c = config()
    c["policy"]["initial_log_z"] = start
    c["optimizer"] |= {"lr": 1e-12, "lr_log_z": 1e-12}
    c["trainer"] |= {"iterations": 1}
    e = assemble(c)
    data = e.data()
    first = {}
    draw = data.draw

    def keep():
        first["batch"] = draw()
        return first["batch"]

    data.draw = keep
    trainer().fit(e.module(), datamodule=data)
    evaluated = evaluate(first["batch"].trajectories, e.policy, quantities=(LogPB,))
    weights = -log_ratios(evaluated)
    mean = weights.mean().item()
    expected = {None: mean, "mean": mean, "importance": weights.exp().mean().log().item()}.get(start, start)
    assert e.policy.log_z.constant.item() == pytest.approx(expected, abs=1e-4)


def test_learning_rates_and_decay(config):
    c = config(backward=TLM)
    c["optimizer"] |= {
        "lr": 1e-3,
        "lr_backward": 2e-3,
        "lr_flow": 3e-3,
        "lr_log_z": 0.5,
        "backward_decay": 0.9,
        "half_life": 2,
        "weight_decay": 0.1,
    }
    e = assemble(c)
    optimizer, schedule = e.optimizers.build(e.policy.parameter_groups())
    by_name = {g["name"]: g for g in optimizer.param_groups}
    assert {k: g["lr"] for k, g in by_name.items()} == {"forward": 1e-3, "backward": 2e-3, "flow": 3e-3, "log_z": 0.5}
    assert by_name["log_z"]["weight_decay"] == 0.0
    assert by_name["forward"]["weight_decay"] == 0.1
    for _ in range(2):
        optimizer.step()
        schedule.step()
    assert by_name["forward"]["lr"] == pytest.approx(5e-4)
    assert by_name["backward"]["lr"] == pytest.approx(2e-3 * 0.5 * 0.81)


@pytest.mark.filterwarnings("ignore")
def test_clipping_is_by_the_global_norm(config):
    c = config()
    c["optimizer"] |= {"clip_norm": 0.01}
    e = assemble(c)
    seen = []

    class Watch(pl.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
            seen.append(torch.stack([g.norm() for g in grads]).norm().item())

    t = trainer()
    t.callbacks.append(Watch())
    t.fit(e.module(), datamodule=e.data())
    assert seen == pytest.approx([0.01] * len(seen), rel=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_batches_come_from_the_present_weights(config):
    """No batch is drawn before the update before it is done: log P_F at draw time equals log P_F at training time."""
    e = assemble(config())
    data = e.data()
    draw, drawn = data.draw, []

    def keep():
        batch = draw()
        drawn.append(evaluate(batch.trajectories, e.policy, quantities=()).log_pf.detach())
        return batch

    data.draw = keep

    class Watch(pl.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            now = evaluate(batch.trajectories, e.policy, quantities=()).log_pf.detach()
            assert torch.equal(now, drawn[-1])
            assert len(drawn) == batch_idx + 1

    t = trainer()
    t.callbacks.append(Watch())
    t.fit(e.module(), datamodule=data)
    assert len(drawn) == 6


def test_misfits_are_reported_together(config, monkeypatch):
    sources = {
        "policy": node("trajectories.sources.on_policy.OnPolicy"),
        "replay": node("trajectories.sources.replay.UniformReplay"),
    }
    replay = node("trajectories.mixture.Sources", sources=sources)
    e = assemble(config(data=replay))
    monkeypatch.setattr(type(e.objective), "on_policy", True)
    monkeypatch.setattr(type(e.policy), "provides", frozenset({"forward", "backward"}))
    problems = misfits(e)
    assert len(problems) == 2
    assert problems[0] == "objective: TrajectoryBalance reads log_z, but GraphTransformerPolicy has no log Z"
    assert "on-policy" in problems[1]
    assert "replay" in problems[1]


def test_a_reward_and_an_environment_agree_on_the_condition(config, monkeypatch):
    drawn = node("rewards.power.Power", beta=None)
    lacking = r"reward: Power reads the condition `beta`, but Fragments carries no condition; give reward.beta a number"
    with pytest.raises(ConfigError, match=lacking):
        train(config(reward=drawn))

    def values(self, states):
        return {"beta": torch.ones(len(states), dtype=torch.float64)}

    monkeypatch.setattr(Fragments, "condition_values", values)
    assert misfits(assemble(config(reward=drawn))) == []
    with pytest.raises(ConfigError, match="condition: beta is drawn for each trajectory, but nothing reads it: Power"):
        train(config())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"environment": node("environments.hypergrid.HyperGrid")}, "reads graph states"),
        ({"oracle": node("oracles.hypergrid.HyperGrid")}, "grid objects"),
        (
            {"evaluation": node("evaluation.settings.EvaluationSettings", heldout="lost.smi")},
            "evaluation.heldout: lost.smi: no such file",
        ),
        (
            {
                "backward": TLM,
                "data": node(
                    "trajectories.mixture.Sources",
                    sources={"policy": node("trajectories.sources.explored.Explored", epsilon=0.1)},
                ),
            },
            "on-policy",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_step(config, tmp_path, changes, says):
    with pytest.raises(ConfigError, match=says):
        train(config(**changes))
    assert not list(tmp_path.iterdir())
