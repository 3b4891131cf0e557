"""Checkpoints from when log Z was one number of the policy: they load, go on bit for bit, and start other runs."""

import pytest
import torch

from molgfn.experiment import train
from molgfn.runs.checkpoint import load, read

from .conftest import node

NOW, THEN = "log_z.constant", "log_z"


def with_former_names(checkpoint):
    """The checkpoint as it was written before; returns how many names were changed."""
    content = read(checkpoint)
    changed = 0
    for part in ("state_dict", "current_model_state"):
        weights = content.get(part, {})
        for name in [n for n in weights if n.endswith(NOW)]:
            weights[name.removesuffix(NOW) + THEN] = weights.pop(name)
            changed += 1
    torch.save(content, checkpoint)
    return changed


CASES = {
    "plain": ({}, 1),
    "averages": ({"optimizer": node("training.optimizers.Optimizers", ema_decay=0.9)}, 2),
    "target network": (
        {
            "target": node("objectives.base.TargetNetwork"),
            "objective": node("objectives.balance.subtrajectory_balance.SubTrajectoryBalance"),
        },
        2,
    ),
}


@pytest.mark.parametrize(("changes", "names"), CASES.values(), ids=CASES)
def test_a_former_checkpoint_goes_on_bit_for_bit(config, changes, names):
    whole = config(**changes)
    part = config(**changes)
    part["trainer"] = {**part["trainer"], "iterations": 3}
    first, straight = train(part), train(whole)
    expected = load(first.checkpoint).policy.state_dict()
    assert with_former_names(first.checkpoint) == names
    loaded = load(first.checkpoint).policy.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())
    resumed = train(whole, resume=first.checkpoint)
    ours, theirs = (read(run.checkpoint)["state_dict"] for run in (resumed, straight))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_a_former_checkpoint_starts_another_run(config):
    first = train(config())
    assert with_former_names(first.checkpoint) == 1
    second = config()
    second["trainer"] |= {"iterations": 1, "init_from": str(first.folder)}
    second["optimizer"] = node("training.optimizers.Optimizers", lr=1e-12, lr_log_z=1e-12)
    after, before = read(train(second).checkpoint)["state_dict"], read(first.checkpoint)["state_dict"]
    same = "policy.encoder.pool.weight"
    torch.testing.assert_close(after[same], before[same], rtol=0, atol=1e-6)


def with_former_groups(checkpoint):
    """The checkpoint as it was written when log Z of a condition was one parameter group."""
    content = read(checkpoint)
    (state,), (schedule,) = content["optimizer_states"], content["lr_schedulers"]
    groups = state["param_groups"]
    head, (place,) = groups.pop(), [i for i, group in enumerate(groups) if group["name"] == "log_z"]
    assert head["name"] == "log_z_of_condition"
    groups[place]["params"] = [*groups[place]["params"], *head["params"]]
    for key in ("base_lrs", "_last_lr", "lr_lambdas"):
        schedule[key] = schedule[key][:-1]
    torch.save(content, checkpoint)


def test_log_z_of_a_condition_goes_on_at_the_rate_that_it_had(config, monkeypatch):
    monkeypatch.setattr("molgfn.training.optimizers.OF_CONDITION", 1.0)  # as it was
    whole, part = (
        config(
            condition=node("conditions.temperature.Temperature"),
            reward=node("rewards.power.Power", beta=None),
            optimizer=node("training.optimizers.Optimizers", half_life=3),
        )
        for _ in range(2)
    )
    part["trainer"] = {**part["trainer"], "iterations": 3}
    first, straight = train(part), train(whole)
    with_former_groups(first.checkpoint)
    monkeypatch.undo()
    resumed = train(whole, resume=first.checkpoint)
    ours, theirs = (read(run.checkpoint) for run in (resumed, straight))
    assert all(torch.equal(ours["state_dict"][name], value) for name, value in theirs["state_dict"].items())
    rates = [group["lr"] for group in ours["optimizer_states"][0]["param_groups"]]
    assert rates == [group["lr"] for group in theirs["optimizer_states"][0]["param_groups"]]
