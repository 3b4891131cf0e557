"""Objectives that read a policy of a checkpoint which nobody trains."""

from dataclasses import replace

import pytest
import torch
import yaml

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import exact_target, exact_terminal
from molgfn.experiment import assemble, reward_of, train
from molgfn.runs.checkpoint import load, read
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.quantities.prior import LogPrior

from .conftest import AMBIGUOUS, SYMMETRIC, node

RTB = "objectives.balance.relative_trajectory_balance.RelativeTrajectoryBalance"


@pytest.fixture
def prior(config):
    return train(config())


def on(config, prior, **changes):
    return config(objective=node(RTB, prior=str(prior)), **changes)


def test_the_prior_is_read_and_nothing_else_is_done_to_it(config, prior):
    run = train(on(config, prior.folder))
    content = read(run.checkpoint)
    assert set(content["state_dict"]) == set(read(prior.checkpoint)["state_dict"])  # it lies in no checkpoint
    (frozen,) = run.experiment.frozen.values()
    for key, value in load(prior.folder).policy.state_dict().items():
        assert torch.equal(frozen.state_dict()[key], value)
    assert not any(p.requires_grad for p in frozen.parameters())
    assert not frozen.training
    files = yaml.safe_load((run.folder / "files.yaml").read_text())
    assert [f["key"] for f in files] == ["objective.prior"]
    assert files[0]["path"].endswith("last.ckpt")
    sampled = load(run.folder)  # which needs no prior
    assert sampled.config["objective"]["prior"] == str(prior.folder)


def test_it_follows_in_precision_and_device(config, prior):
    module = assemble(on(config, prior.checkpoint)).module()
    (frozen,) = module.learner.frozen.values()
    module.double()
    assert {p.dtype for p in frozen.parameters()} == {torch.float64}
    module.to("meta")
    assert {p.device.type for p in frozen.parameters()} == {"meta"}
    assert not [key for key in module.state_dict() if "prior" in key]
    assert not {id(p) for p in frozen.parameters()} & {id(p) for p in module.parameters()}


def test_a_prior_of_a_run_without_a_condition_is_read_under_one(config, prior):
    """At the states less their condition: P_T(x | c) = P_prior(x) R(x, c) / Z(c)."""
    temperature = node("conditions.temperature.Temperature")
    e = assemble(on(config, prior.folder, condition=temperature, reward=node("rewards.power.Power", beta=None)))
    t = e.data().draw().trajectories
    evaluated = evaluate(t, e.policy, quantities=(LogPrior,), networks=Networks(frozen=e.frozen))
    plain = evaluate(replace(t, states=t.states.inner), e.frozen["prior"], quantities=())
    torch.testing.assert_close(evaluated[LogPrior], plain.log_pf)
    other = on(config, train(on_temperature(config, temperature)).folder)
    with pytest.raises(ConfigError, match=r"acts in another environment \(different: condition\)"):
        assemble(other)


def on_temperature(config, temperature):
    return config(condition=temperature, reward=node("rewards.power.Power", beta=None))


def test_resume_is_bit_for_bit(config, prior):
    part, whole = on(config, prior.folder), on(config, prior.folder)
    part["trainer"] |= {"iterations": 3}
    resumed, straight = train(whole, resume=train(part).checkpoint), train(whole)
    one, other = (read(run.checkpoint)["state_dict"] for run in (resumed, straight))
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def test_what_cannot_be_read_is_refused(config, prior, tmp_path):
    before = sorted(tmp_path.iterdir())
    other = node("environments.fragments.Fragments", vocabulary=AMBIGUOUS[:2], max_fragments=4)
    for bad, says in (
        (config(objective=node(RTB)), r"objective\.prior: RelativeTrajectoryBalance reads a trained policy; give its"),
        (on(config, tmp_path / "nowhere"), r"objective\.prior: .*nowhere: no such file or folder"),
        (on(config, prior.folder, environment=other), r"acts in another environment \(different: vocabulary\); what"),
    ):
        with pytest.raises(ConfigError, match=says):
            train(bad)
    assert sorted(tmp_path.iterdir()) == before


def test_the_posterior_under_the_prior_is_what_is_sampled(config):
    """Over all molecules of a space with symmetric fragments: P_T = P_prior R / Z, and not R / Z."""
    space = node("environments.fragments.Fragments", vocabulary=SYMMETRIC, max_fragments=2)
    small = node("policies.graph.GraphTransformerPolicy", width=16, layers=1, heads=2)
    first = config(environment=space, policy=small, reward=node("rewards.power.Power", beta=1.0))
    first["trainer"] |= {"iterations": 20}
    first["data"] |= {"batch_size": 32}
    prior = train(first)
    second = on(config, prior.folder, environment=space, policy=small, reward=node("rewards.power.Power", beta=6.0))
    second["trainer"] |= {"iterations": 150, "init_from": str(prior.folder)}
    second["data"] |= {"batch_size": 32}
    second["optimizer"] = node("training.optimizers.Optimizers", lr=5e-3)
    run = train(second)
    target = exact_target(Fragments(vocabulary=SYMMETRIC, max_fragments=2), reward_of(second))
    assert target.log_symmetry.any()
    of_prior, learned = (
        target.by_object(exact_terminal(load(place).policy, target.graph)) for place in (prior.folder, run.folder)
    )
    weights = of_prior * target.log_reward.exp()
    posterior = weights / weights.sum()
    assert 0.5 * (learned - posterior).abs().sum() < 0.02
    assert 0.5 * (of_prior - posterior).abs().sum() > 0.1
    assert 0.5 * (target.pi - posterior).abs().sum() > 0.1
    assert float(load(run.folder).policy.log_z.constant) == pytest.approx(weights.sum().log().item(), abs=0.1)
