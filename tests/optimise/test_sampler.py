"""A sampler in the loop: it learns from what was scored or from what is expected, is resumed, refused and sampled."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.optimise.small import FEW, config_of
from tests.optimise.test_acquisitions import known_of

import molgfn
from molgfn.chemistry.molecules import parse
from molgfn.errors import CheckpointError, ConfigError
from molgfn.optimising import streams
from molgfn.optimising.assembling import assemble
from molgfn.optimising.learning.base import Lesson

HERE = Path(__file__).parent
STRINGS, GRID = str(HERE / "strings.yaml"), str(HERE / "grid.yaml")
BOLTZMANN = {"_target_": "molgfn.rewards.boltzmann.Boltzmann", "sign": -1}


def made(*words):
    """The parts of a small loop."""
    return assemble(config_of(STRINGS, *words))


def lesson(parts, known, acquisition=None):
    acquisition = acquisition or parts.acquisition
    if len(known.valued):
        acquisition.fit(known)
    return Lesson(known, acquisition, streams.numbers(0, 1, "test"), streams.tensors(0, 1, "test"))


def few_known(parts):
    """Three molecules that the strings can be, and one that they cannot."""
    molecules = parse(["CCO", "CN", "CC=C", "c1ccccc1"])
    known = known_of(molecules, [0.2, 0.9, 0.4, 0.6], [1] * 4)
    log_reward = parts.reward.log_reward_of(known.worth, {})
    known.scores = type(known.scores)(
        torch.from_numpy(np.asarray(log_reward)), known.scores.value, {}, known.scores.problems
    )
    return known


def test_replay_learns_from_what_its_environment_can_build():
    parts = made("reward.beta=4")
    learnt = parts.learning.learn(parts.sampler, lesson(parts, few_known(parts)))
    assert (learnt["outside"], learnt["learnt_from"]) == (1, 3)
    assert parts.sampler.learner.iteration == 2
    assert all(np.isfinite(value) for value in learnt.values())
    assert parts.reward.counters.raw == 0  # no call


@pytest.mark.parametrize("redraw", ["true", "false"])
def test_replay_draws_the_best_more_often_and_knows_their_log_r(redraw):
    parts = made("learning.batch_size=200", f"learning.redraw={redraw}", "learning.rank_weight=0.2", "reward.beta=4")
    known = few_known(parts)
    batches = []
    parts.sampler.learner.step = lambda batch: batches.append(batch) or {}
    parts.learning.learn(parts.sampler, lesson(parts, known))
    batch = batches[0].trajectories
    share = {key: batch.keys.count(key) / 200 for key in known.keys}
    weights = {key: 1 / (0.2 * 3 + rank) for rank, key in enumerate(["CN", "C=CC", "CCO"])}
    for key, weight in weights.items():
        assert share[key] == pytest.approx(weight / sum(weights.values()), abs=0.1)
    worth = dict(zip(known.keys, known.worth.tolist(), strict=True))
    expected = [4 * np.log(worth[key]) for key in batch.keys]
    assert batch.log_reward.tolist() == pytest.approx(expected)
    ends = parts.sampler.environment.objects(batch.terminal)
    assert parts.kind.keys(ends) == batch.keys


def test_predicted_rewards_are_those_of_the_model_and_log_z_begins_anew():
    parts = made("objective=ent_ppo", "learning=predicted", "learning.updates=1", "reward.beta=4")
    known, batches = few_known(parts), []
    learner = parts.sampler.learner
    learner.step = lambda batch: batches.append(batch) or {}
    parts.learning.learn(parts.sampler, lesson(parts, known))
    trajectories = batches[0].trajectories
    objects = parts.sampler.environment.objects(trajectories.terminal)
    mean, _ = parts.acquisition.expect([m for m in objects if m.valid])
    told = dict(zip(known.keys, known.worth.tolist(), strict=True))
    keys = [m.smiles for m in objects if m.valid]
    expected = [told.get(key, float(value)) for key, value in zip(keys, mean, strict=True)]
    floor = parts.reward.log_reward_of(np.array([0.0]), {})[0]
    found = [r for r, m in zip(trajectories.log_reward.tolist(), objects, strict=True) if m.valid]
    assert found == pytest.approx([max(4 * np.log(max(w, 1e-12)), floor) for w in expected])
    assert parts.reward.counters.raw == 0


def test_log_z_follows_a_reward_that_changed():
    """With other values log Z is moved to where the batch says that it is, before the first step of the round."""
    parts = made("objective=tb", "learning=predicted", "learning.updates=1", "policy.initial_log_z=-50")
    parts.learning.learn(parts.sampler, lesson(parts, few_known(parts)))
    assert parts.sampler.policy.log_z.constant.item() > -40


def test_a_loop_with_a_sampler_goes_on_bit_for_bit_and_is_sampled(tmp_path):
    config = config_of(STRINGS, *FEW[:2])
    whole = molgfn.optimise(config, f"output={tmp_path}")
    assert {"policy", "graph_ga"} == set(whole.calls["proposer"])
    assert whole.metrics["train/outside"].iloc[-1] >= 0
    part = molgfn.optimise(config, f"output={tmp_path}", "rounds.most=2")
    assert len(part.calls) == 16
    ended = molgfn.resume_optimisation(part.folder, "rounds.most=null")
    pd.testing.assert_frame_equal(ended.calls, whole.calls)
    pd.testing.assert_frame_equal(ended.metrics, whole.metrics)
    mine, theirs = (molgfn.load(run.folder).policy.state_dict() for run in (ended, whole))
    assert all((mine[name] == theirs[name]).all() for name in theirs)
    assert len(molgfn.sample(whole.folder, 5, seed=0)) == 5


def test_a_trained_run_proposes_and_brings_its_labels_along(tmp_path):
    taught = molgfn.optimise(config_of(STRINGS, *FEW[:2]), f"output={tmp_path}", "rounds.most=1")
    words = ("oracle=qed", "candidates=policy", "candidates.proposers.policy.count=30")
    config = config_of("optimise/gp_ga", *words, "scoring.budget=6", "rounds.size=6", "rounds.report=false")
    config["candidates"]["proposers"]["policy"]["run"] = str(taught.folder)
    run = molgfn.optimise(config, f"output={tmp_path / 'frozen'}")
    assert set(run.calls["proposer"]) == {"policy"}
    assert (run.summary["track"], run.summary["labels_outside_the_budget"]) == ("B", 8)
    other = molgfn.optimise(config | {"oracle": {"_target_": "molgfn.oracles.properties.sa.SA"}, "reward": BOLTZMANN},
                            f"output={tmp_path / 'frozen'}", "acquisition.standardise=true")  # fmt: skip
    assert other.summary["track"] == "A"  # they were of another oracle


def test_it_works_on_any_kind_of_object_and_under_a_condition(tmp_path):
    grid = molgfn.optimise(GRID, f"output={tmp_path}")
    assert len(grid.calls) == 24
    assert grid.calls.iloc[:, 3].is_unique
    assert (grid.folder / "report.html").is_file()
    assert "sa_top100" not in grid.summary


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["objective=ent_ppo"], "objective: EntPPO is on-policy, but learning feeds it"),
        (["learning=predicted", "acquisition=random"], "learning: PredictedRewards learns from what the acquisition"),
        (["objective=fldb"], "reads rewards of states on the way"),
        (
            ["candidates=given", "~candidates.proposers.policy"],
            "candidates: a sampler learns, but no proposer draws from it",
        ),
        (["learning.device=nonsense"], "device: nonsense: not usable here"),
    ],
)
def test_what_does_not_fit_is_refused(words, says):
    with pytest.raises(ConfigError) as refused:
        made(*words)
    assert says in str(refused.value)


def test_a_prior_of_another_alphabet_is_refused_before_the_first_call(tmp_path):
    words = ('environment.alphabet=["[C]","[N]"]', "candidates=policy", "candidates.proposers.policy.count=16")
    prior = molgfn.optimise(STRINGS, *words, "rounds.most=1", "rounds.size=2", f"output={tmp_path}")
    with pytest.raises(CheckpointError, match="different: alphabet"):
        made(f"learning.init_from={prior.folder}")
    with pytest.raises((ConfigError, CheckpointError), match="alphabet"):
        made("objective=rtb", f"objective.prior={prior.folder}")
