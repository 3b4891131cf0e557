"""Runs that learn from pairs: they go on bit for bit, ask the oracle no more than they should, and find the reward."""

import csv
import runpy
from pathlib import Path

import pytest
from scipy.stats import spearmanr
from tests.training.test_resume import node, resumed_is_straight, shipped

from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import assemble, train
from molgfn.oracles.properties.qed import QED
from molgfn.rewards.power import Power
from molgfn.runs.checkpoint import load

SMALL = node("policies.graph.GraphTransformerPolicy", width=16, layers=1)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pairs.csv").write_text("chosen,rejected\nCCCC,CCO\nCCO,CC\nCCCCO,CCC\n")
    (tmp_path / "good.smi").write_text("CCCC\nCCO\nCC\nCCCCCO\n")
    return {"pairs": str(tmp_path / "pairs.csv"), "molecules": str(tmp_path / "good.smi")}


def parts(objective, data, source, files, *, settings=None, **changes):
    """The nodes of an objective and of its data, small."""
    sources = shipped("data", data, batch_size=8)
    own = sources["sources"][source]
    own |= {key: value for key, value in files.items() if key in own} | changes
    return {"policy": SMALL, "data": sources, "objective": shipped("objective", objective, **(settings or {}))}


def test_pairs_of_a_file_and_a_reference_go_on(config, files):
    resumed_is_straight(config, parts("dpo", "preferences", "preferences", files), whole=5)


def test_judged_molecules_go_on(config, files):
    """Which are still to come, and how the judge's coin falls."""
    resumed_is_straight(config, parts("dpo", "preferences_offline", "judged", files, ties=0.5), whole=5)


def test_judged_molecules_are_counted_and_not_found(config, files):
    run = train(config(**parts("dpo", "preferences_offline", "judged", files)))
    counters = run.experiment.reward.counters
    assert counters.raw == 6 * (8 + 1)  # of each batch, and the trajectory that P_F is watched by
    assert counters.unique <= 4 + 6
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("pairs", "dropped/same_object", "dropped/no_value", "dropped/incomplete")
    assert all(sum(float(row[f"train/{name}"]) for name in names) == 4 for row in rows)
    assert float(rows[-1]["found/trajectories"]) == 6


def test_self_play_goes_on_within_a_round_and_over_one(config, files):
    rounds = {"round": 2, "mixing": 0.3, "history": 2}
    play = parts("self_play", "self_play", "self_play", files, settings={"kl_weight": 0.1}, **rounds)
    resumed_is_straight(config, play, whole=5)


def test_a_weak_policy_of_a_checkpoint(config, files):
    weak = train(config(policy=SMALL))
    step = parts(
        "dpo_steps", "preferences_steps", "step_pairs", files, rejected="checkpoint", weak=str(weak.checkpoint)
    )
    run = train(config(**step))
    assert run.iteration == 6
    other = node("environments.fragments.Fragments", vocabulary=[["C", [0]], ["CC", [0, 1]]], max_fragments=3)
    with pytest.raises(ConfigError, match=r"data.sources.step_pairs.weak: the policy .* acts in another environment"):
        assemble(config(**step, environment=other))
    step = parts("dpo_steps", "preferences_steps", "step_pairs", files, rejected="checkpoint")
    with pytest.raises(ConfigError, match=r"data.sources.step_pairs.weak: StepPairs reads a trained policy"):
        assemble(config(**step))


def test_what_does_not_fit_is_said_before_anything_runs(config, files):
    with pytest.raises(ConfigError, match=r"DirectPreference learns from pairs of objects, but none of data.sources"):
        assemble(config(objective=shipped("objective", "dpo")))
    with pytest.raises(ConfigError, match=r"StepPreference learns from pairs of steps, .* data=preferences_steps"):
        assemble(config(**parts("dpo_steps", "preferences", "preferences", files)))
    settings = {"reference": "prior"}
    with pytest.raises(ConfigError, match=r"objective.prior: DirectPreference reads a trained policy"):
        assemble(config(**parts("dpo", "preferences", "preferences", files, settings=settings)))


def test_nothing_given_is_scored_but_corruptions(config, files):
    calls = {}
    for rejected in ("random", "corruption"):
        step = parts("dpo_steps", "preferences_steps", "step_pairs", files, rejected=rejected)
        calls[rejected] = train(config(**step)).experiment.reward.counters.unique
    assert calls["random"] <= 6  # of the trajectory that P_F is watched by
    assert calls["corruption"] > calls["random"]


def test_pairs_that_cannot_be_used_are_counted_in_the_record(config, files):
    """In every row of metrics.csv: pairs and those dropped are as many as were drawn."""
    tiny = node("environments.fragments.Fragments", vocabulary=[["C", [0]], ["CC", [0, 1]]], max_fragments=2)
    changes = parts("dpo", "preferences_oracle", "policy", {}, noise=0.0)
    run = train(config(**changes, environment=tiny))
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    counts = [(float(row["train/pairs"]), float(row["train/dropped/same_object"])) for row in rows]
    assert all(pairs + dropped == 4 for pairs, dropped in counts)
    assert sum(dropped for _, dropped in counts) > 0
    step = parts("dpo_steps", "preferences_steps", "step_pairs", files, rejected="corruption")
    run = train(config(**step))
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("pairs", "dropped/same_step", "dropped/not_worse", "dropped/incomplete")
    assert all(sum(float(row[f"train/{name}"]) for name in names) == 4 for row in rows)


def test_different_molecules_of_a_run_and_of_what_came_before_it(config, files):
    """experiments/preferences/calls.py: a molecule that was scored in both counts once."""
    script = runpy.run_path(str(Path(__file__).parents[2] / "experiments" / "preferences" / "calls.py"))
    step = parts("dpo_steps", "preferences_steps", "step_pairs", files, rejected="corruption")
    run = train(config(**step))
    Path(files["molecules"]).with_suffix(".csv").write_text("smiles,qed\nCCCC,1\nCCO,1\nCC,1\nCCCCCO,1\nCCN,1\n")
    row = script["counted"](run.folder)
    own = run.experiment.reward.counters.unique
    assert (row["own"], row["finding"]) == (own, 5)
    assert row["different"] == own + 1  # each given one is asked for again in the run; ethylamine cannot be built there


@pytest.mark.slow
@pytest.mark.parametrize("count_paths", [True, False])
def test_an_exact_judge_gives_the_reward_of_molecules_back(config, count_paths):
    """Molecules that up to seven trees build: R / Z with P_B, and what P_F alone leads to is not."""
    settings = {"reference": "none", "count_paths": count_paths}
    changes = parts("dpo", "preferences_oracle", "policy", {}, settings=settings, answers="expected", epsilon=0.1)
    changes["data"]["batch_size"] = 64
    changes["policy"] = node("policies.graph.GraphTransformerPolicy", width=64, layers=3)
    changes["environment"] = node(
        "environments.fragments.Fragments",
        vocabulary=[["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]],
        max_fragments=3,
    )
    changes["optimizer"] = node("training.optimizers.Optimizers", lr=3e-3, half_life=400)
    small = config(**changes)
    small["trainer"] |= {"iterations": 2000, "log_every": 100}
    trained = load(train(small).checkpoint)
    found = exact_distribution(trained.environment, trained.policy, Power(oracle=QED(), beta=4.0))
    if count_paths:
        assert found.tv < 0.02
        assert spearmanr(found.p, found.pi).statistic > 0.999
    else:
        assert found.tv > 0.1
