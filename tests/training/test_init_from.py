"""A run that starts from the weights of another."""

import pytest
import torch

from molgfn.errors import CheckpointError
from molgfn.experiment import assemble, train
from molgfn.runs.checkpoint import read

from .conftest import node


def weights(run):
    return {k: v for k, v in read(run.checkpoint)["state_dict"].items() if k.startswith("policy.")}


def test_fine_tuning_goes_on_from_the_weights_but_log_z(config):
    first = train(config())
    second = config()
    second["trainer"] |= {"iterations": 1, "init_from": str(first.folder)}
    second["optimizer"] = node("training.optimizers.Optimizers", lr=1e-12, lr_log_z=1e-12)
    second["reward"] = node("rewards.power.Power", beta=1.0)
    after, before = weights(train(second)), weights(first)
    for name, value in before.items():
        if name == "policy.log_z.constant":
            assert abs(value - after[name]) > 0.1  # another reward: the first batch put it elsewhere
        else:
            torch.testing.assert_close(after[name], value, rtol=0, atol=1e-6)


def test_a_resume_goes_on_from_its_own_weights(config):
    first = train(config())
    second = config()
    second["trainer"] |= {"iterations": 2, "init_from": str(first.folder)}
    part = train(second)
    whole = {**second, "trainer": {**second["trainer"], "iterations": 4}}
    resumed, straight = train(whole, resume=part.checkpoint), train(whole)
    for name, value in weights(straight).items():
        torch.testing.assert_close(weights(resumed)[name], value, rtol=0, atol=0)


def test_another_environment_or_policy_is_refused(config):
    first = train(config())
    other = config(
        environment=node("environments.fragments.Fragments", vocabulary=[["C", [0]], ["CC", [0, 1]]], max_fragments=4)
    )
    other["trainer"] |= {"init_from": str(first.folder)}
    with pytest.raises(CheckpointError, match=r"another environment .different: vocabulary"):
        train(other)
    wider = config(policy=node("policies.graph.GraphTransformerPolicy", width=64, layers=2))
    wider["trainer"] |= {"init_from": str(first.folder)}
    with pytest.raises(CheckpointError, match="do not fit the policy"):
        train(wider)
    missing = config()
    missing["trainer"] |= {"init_from": "nowhere"}
    with pytest.raises(CheckpointError, match="nowhere: no such file"):
        train(missing)
    assert assemble(missing)  # the place is looked at when training starts
