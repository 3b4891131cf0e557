"""Runs that hide objects: with every objective, none of what is hidden is scored, stored or trained on."""

import copy
import csv
from pathlib import Path

import pytest
import torch
import yaml

from molgfn.compatibility import all_or_none_hidden
from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.hiding.by_hash import HiddenByHash
from molgfn.hiding.by_length import HiddenByLength
from molgfn.rewards.base import Reward

CONFIGS = Path(__file__).parents[2] / "configs"


def shipped(group):
    return {p.stem: yaml.safe_load(p.read_text()) for p in sorted((CONFIGS / group).glob("*.yaml"))}


OBJECTIVES, BACKWARDS, DATA, HIDDEN = (shipped(g) for g in ("objective", "backward", "data", "hidden"))


def node(path, **arguments):
    return {"_target_": f"molgfn.{path}", **arguments}


def run(objective="tb", backward="uniform", data="on_policy", hidden=None, **trainer):
    hidden = node("hiding.by_hash.HiddenByHash", share=0.3, salt=1) if hidden is None else hidden
    return {
        "name": "hidden",
        "seed": 0,
        "output": "unused",
        "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=4),
        "oracle": node("oracles.synthetic.hypergrid.HyperGrid", dimensions=2, side=4),
        "policy": node("policies.mlp.MLPPolicy", hidden=16, layers=1),
        "reward": node("rewards.power.Power"),
        "objective": copy.deepcopy(OBJECTIVES[objective]),
        "backward": copy.deepcopy(BACKWARDS[backward]),
        "data": {**copy.deepcopy(DATA[data]), "batch_size": 16},
        "hidden": hidden,
        "optimizer": node("training.optimizers.Optimizers"),
        "trainer": node("training.trainer.TrainerSettings", **{"iterations": 3, "accelerator": "cpu", **trainer}),
        "logger": node("training.logs.loggers.Loggers", wandb="off"),
        "evaluation": node("evaluation.settings.EvaluationSettings"),
    }


def hides(hidden, keys):
    return hidden.hides(None, keys, torch.zeros(len(keys), dtype=torch.int64))


@pytest.fixture
def scored(monkeypatch):
    """Keys of everything that a reward was asked about."""
    from molgfn.rewards.oracle_reward import OracleReward

    keys, whole = [], OracleReward._scores
    assert issubclass(OracleReward, Reward)

    def note(self, objects, names, *more, **options):
        keys.extend(names)
        return whole(self, objects, names, *more, **options)

    monkeypatch.setattr(OracleReward, "_scores", note)
    return keys


#: what learns from given pairs or molecules, from policies of checkpoints, or not on this graph
OTHERWISE = {"agfn", "dpo", "dpo_steps", "mle", "rpe", "rtb", "self_play"}


@pytest.mark.parametrize("objective", sorted(set(OBJECTIVES) - OTHERWISE))
@pytest.mark.parametrize("backward", ["uniform", "tlm"])
def test_every_objective_trains_and_sees_nothing_hidden(objective, backward, scored):
    e = assemble(run(objective, backward))
    data, learner = e.data(), e.learner()
    data.setup("fit")
    batches = 0
    for batch in data.train_dataloader():
        assert len(batch) == 16
        assert not hides(e.hidden, batch.trajectories.keys).any()
        assert all(torch.isfinite(torch.as_tensor(v)).all() for v in learner.step(batch).values())
        batches += 1
    assert batches == 3
    assert scored
    assert not hides(e.hidden, scored).any()
    assert data.visible.left_out > 0


@pytest.mark.parametrize(
    ("data", "objective"),
    [(d, "tb") for d in ("exploration", "replay", "prioritised_replay", "tempered", "uniform")]
    + [("preferences_oracle", "dpo")],
)
def test_sources_that_draw_from_the_policy(data, objective, scored):
    e = assemble(run(objective, data=data))
    source = e.data()
    source.setup("fit")
    for batch in source.train_dataloader():
        assert len(batch) == 16
        assert not hides(e.hidden, batch.trajectories.keys).any()
    assert not hides(e.hidden, scored).any()


@pytest.mark.parametrize("data", ["local_search"])
def test_sources_that_may_lead_anywhere_are_refused(data):
    with pytest.raises(ConfigError, match=r"hidden: data\.sources\.local_search may lead to hidden objects"):
        assemble(run(data=data))


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_every_shipped_rule_is_built_or_refused_for_its_environment(name):
    if name in {"hash", "length"}:
        assert assemble(run(hidden=HIDDEN[name])).hidden is not None
        return
    with pytest.raises(ConfigError, match="hidden: "):
        assemble(run(hidden=HIDDEN[name]))


def test_forced_stop_is_not_on_policy():
    hidden = {**HIDDEN["length"], "above": 3, "forced_stop": True}
    assert assemble(run("tb", hidden=hidden)).hidden.last_step == 3
    with pytest.raises(ConfigError, match="rollouts that are made to stop are not"):
        assemble(run("ent_ppo", hidden=hidden))


def test_all_or_nothing_is_refused_before_work():
    with pytest.raises(ConfigError, match="hidden: nothing is hidden: all objects are built in at most 6 steps"):
        assemble(run(hidden={**HIDDEN["length"], "above": 6}))
    tiny = node("hiding.by_hash.HiddenByHash", share=1e-9)
    with pytest.raises(ConfigError, match="hidden: none of the 16 objects"):
        assemble(run(hidden=tiny, exact_every=1, log_every=1))


def fixed_strings(above, **more):
    """All strings have three letters, so that all or none of them is hidden."""
    environment = node("environments.strings.Strings", alphabet="AC", length=3)
    oracle = node("oracles.synthetic.string_modes.StringModes", alphabet="AC", length=3, n_modes=2)
    hidden = node("hiding.by_size.HiddenBySize", above=above)
    return {**run(hidden=hidden, **more), "environment": environment, "oracle": oracle}


def test_all_hidden_is_refused_by_what_the_policy_draws():
    with pytest.raises(ConfigError, match="hidden: all of 256 objects that the policy builds as training begins"):
        assemble(fixed_strings(2))


def test_nothing_of_a_runs_random_numbers_is_used_up():
    states, weights = [], []
    for hidden in (HIDDEN["hash"], None):
        e = assemble({**run(), "hidden": hidden})
        states.append(torch.get_rng_state())
        weights.append(torch.cat([p.detach().flatten() for p in e.policy.parameters()]))
    assert torch.equal(*states)
    assert torch.equal(*weights)


def test_none_hidden_is_a_warning(tmp_path):
    config = {**fixed_strings(3, iterations=1, progress="none"), "output": str(tmp_path)}
    some = {**config, "hidden": {**HIDDEN["hash"], "share": 0.3}}
    said = [(train(c).folder / "log.txt").read_text().count("hidden: none of 256 objects") for c in (config, some)]
    assert said == [1, 0]


@pytest.mark.parametrize(("stops", "above", "all_hidden"), [(-50.0, 1, True), (50.0, 1, False)])
def test_the_policy_that_is_asked_has_the_weights_that_training_begins_from(
    tmp_path, monkeypatch, stops, above, all_hidden
):
    """One that never stops early builds long paths alone, which are hidden; before it has its weights, not all are."""

    def weights(place, policy, environment):
        with torch.no_grad():
            policy.forward_head.bias[-1] = stops
        return place

    monkeypatch.setattr("molgfn.experiment.running.take_weights", weights)
    hidden = {**HIDDEN["length"], "above": above}
    first = train({**run(iterations=1, progress="none"), "hidden": None, "output": str(tmp_path / "first")})
    config = run(hidden=hidden, iterations=1, progress="none", init_from=str(first.checkpoint))
    config["output"] = str(tmp_path)
    assemble(config)
    if all_hidden:
        with pytest.raises(ConfigError, match="hidden: all of 256 objects"):
            train(config)
        assert not list(tmp_path.glob("hidden-*"))
    else:
        assert "hidden: none of 256 objects" in (train(config).folder / "log.txt").read_text()


def test_forced_stops_are_asked_without_and_with_the_mask():
    """Of what P_F builds itself nothing is hidden in too many steps only if it stops; of forced rollouts nothing is."""
    hidden = HiddenByLength(above=2, forced_stop=True)
    e = assemble(run(hidden={**HIDDEN["length"], "above": 2, "forced_stop": True}))
    assert all_or_none_hidden(hidden, e.policy) == (None, None)
    with torch.no_grad():
        e.policy.forward_head.bias[-1] = 50.0
    problem, remark = all_or_none_hidden(hidden, e.policy)
    assert problem is None
    assert remark.startswith("hidden: none of 256 objects")


def test_a_hidden_source_is_refused_where_states_have_rewards():
    keys = ["0 0", "0 1"]
    salt = next(s for s in range(100) if hides(HiddenByHash(share=0.3, salt=s), keys).tolist() == [True, False])
    hidden = node("hiding.by_hash.HiddenByHash", share=0.3, salt=salt)
    assert assemble(run("tb", hidden=hidden)).hidden is not None
    with pytest.raises(ConfigError, match="hidden: ForwardLookingDetailedBalance reads rewards of states"):
        assemble(run("fldb", hidden=hidden))


def test_rows_and_checkpoints(tmp_path):
    config = {**run(iterations=4, exact_every=2, log_every=2, progress="none"), "output": str(tmp_path)}
    first = train(config)
    with (first.folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    last = {key: float(value) for key, value in rows[-1].items() if value}
    assert last["hidden/left_out"] > 0
    assert 0 < last["hidden/share"] < 1
    assert 0 < last["exact/hidden/mass"] < 1
    assert {"exact/hidden/tv", "exact/hidden/log_l1", "exact/visible/tv", "exact/log_l1/steps=6"} <= last.keys()
    half = train({**config, "trainer": {**config["trainer"], "iterations": 8}}, resume=first.checkpoint)
    with (half.folder / "metrics.csv").open(newline="") as file:
        again = [row for row in csv.DictReader(file) if row["hidden/left_out"]]
    assert float(again[-1]["hidden/left_out"]) > last["hidden/left_out"]


def test_evaluate_knows_what_was_hidden(tmp_path):
    import molgfn

    config = {**run(iterations=2, progress="none"), "output": str(tmp_path)}
    done = molgfn.evaluate(train(config), samples=60, untrained=False)
    assert done.metrics["exact/hidden/mass"] + 0 == pytest.approx(done.metrics["exact/hidden/mass"])
    assert 0 < done.metrics["exact/hidden/tv"] < 1
    assert done.metrics["tv_bound"] >= 0
