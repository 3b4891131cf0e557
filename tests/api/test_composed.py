"""``molgfn.combine`` and what is known of a sampler as a whole, on small trained runs."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests.api.conftest import GRID, MOLECULES, trained

import molgfn
from molgfn.class_paths import import_class
from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.exact.answers import exact_target, exact_terminal
from molgfn.evaluation.exact.objects import list_objects
from molgfn.experiment import reward_of


def variant(text, name, **groups):
    """An experiment with other groups, under another name."""
    words = "".join(f"override {key}: {value}, " for key, value in groups.items())
    return text.replace("_self_]", f"{words}_self_]").replace("name: ", f"name: {name}_")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one grid that learn flows, one by DB and one by SubTB."""
    folder = tmp_path_factory.mktemp("flows")
    return [
        trained(folder, variant(GRID, "db", objective="db")),
        trained(folder, variant(GRID, "subtb", objective="subtb") + "reward: {beta: 2.0}\n"),
    ]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two runs of molecules with another reward each, by TB and by DB."""
    folder = tmp_path_factory.mktemp("molecules")
    other = variant(MOLECULES, "both", objective="db", oracle="qed_sa")
    return [trained(folder, MOLECULES), trained(folder, other)]


def exact(loaded):
    listed = list_objects(loaded.environment)
    return listed, listed.by_object(exact_terminal(loaded.policy, listed.graph))


@pytest.mark.parametrize("weights", [[0.3, 0.7], [1.0, 0.0]])
def test_a_mixture_of_runs_is_exact(runs, weights):
    made = molgfn.combine(runs, "mixture", weights)
    assert made.flows == "exact"
    (_, a), (_, b) = (exact(molgfn.load(run)) for run in runs)
    _, p = exact(made)
    torch.testing.assert_close(p, weights[0] * a + weights[1] * b, atol=1e-5, rtol=0)


def test_mean_weighs_the_learned_log_z(runs):
    made = molgfn.combine(runs, "mean", [0.5, 0.5])
    (_, a), (_, b) = (exact(molgfn.load(run)) for run in runs)
    z = torch.tensor([m.log_z for m in made.policy.members], dtype=torch.float64).softmax(0)
    _, p = exact(made)
    torch.testing.assert_close(p, z[0] * a + z[1] * b, atol=1e-5, rtol=0)
    learned = molgfn.combine(runs, "mean", [0.5, 0.5], flows="learned")
    assert learned.flows == "learned"
    assert float(exact(learned)[1].sum()) == pytest.approx(1, abs=1e-5)


def test_samples_of_a_composition(runs):
    made = molgfn.combine(runs, "mean", [0.3, 0.7])
    drawn = molgfn.sample(made, 50, seed=1, log_pt_samples=4)
    assert set(drawn.columns) >= {"value_1", "value_2", "log_reward_1", "log_reward_2", "log_reward", "log_pt"}
    one, two = (np.array(drawn.columns[f"log_reward_{i}"]) for i in (1, 2))
    wanted = np.log(0.3 * np.exp(one) + 0.7 * np.exp(two))
    np.testing.assert_allclose(drawn.columns["log_reward"], wanted, atol=1e-9)
    assert not np.allclose(one, two), "the runs were trained on other rewards"
    again = molgfn.sample(made, 50, seed=1)
    assert list(again.keys) == list(drawn.keys)
    assert "mean:0.3,0.7, exact flows" in repr(made)
    best = drawn.best(3)
    assert best.columns["log_reward"][0] == max(drawn.columns["log_reward"])


def test_log_pt_of_a_composition_agrees_with_the_exact_one(runs):
    made = molgfn.combine(runs, "harmonic")
    listed, p = exact(made)
    drawn = molgfn.sample(made, 40, log_pt_samples=64, values=False)
    place = {key: i for i, key in enumerate(listed.keys)}
    wanted = p[[place[key] for key in drawn.keys]].log().numpy()
    error = np.maximum(drawn.columns["log_pt_error"], 1e-3)
    assert np.abs((drawn.log_pt - wanted) / error).max() < 5


def test_runs_of_molecules(both):
    made = molgfn.combine(both, "mixture")
    assert made.flows == "exact", "one was trained by TB: its log F is not known, but u(s) is"
    drawn = molgfn.sample(made, 20, log_pt_samples=4)
    assert {"qed_1", "sa_2", "value_1", "value_2"} <= set(drawn.columns)
    assert "log_reward" in drawn.columns
    with pytest.raises(ConfigError, match=r"did not learn: .*TrajectoryBalance.*log F is learned by"):
        molgfn.combine(both, "mixture", flows="learned")
    assert molgfn.combine(both, "product", flows="learned").flows is None, "a product reads no flows"


def test_where_nothing_is_listed_and_nothing_was_learned(both, monkeypatch):
    monkeypatch.setattr(Fragments, "enumeration_unavailable_reason", lambda self: "far too many")
    with pytest.raises(ConfigError, match=r"did not learn: .*nor can exact ones be had: Fragments: far too many"):
        molgfn.combine(both, "mixture")
    with pytest.raises(ConfigError, match=r"flows=exact lists all states, which cannot be done: .*far too many"):
        molgfn.combine(both, "mixture", flows="exact")
    learned = molgfn.combine([both[1], both[1]], "mixture")
    assert learned.flows == "learned"
    assert len(molgfn.sample(learned, 10, values=False)) == 10


def test_what_cannot_be_combined(runs, both, grid):
    with pytest.raises(ConfigError, match=r"another environment than .* \(different: "):
        molgfn.combine([runs[0], both[0]], "mixture")
    with pytest.raises(ConfigError, match="sum to 1"):
        molgfn.combine(runs, "mean", [0.3, 0.3])
    with pytest.raises(ConfigError, match="as a list"):
        molgfn.combine("runs", "mean")
    with pytest.raises(ConfigError, match="exact or learned"):
        molgfn.combine(runs, "mean", flows="guessed")
    nameless = molgfn.load(grid)
    config = {**nameless.config, "objective": {"_target_": "molgfn.objectives.balance.log_variance.LogVariance"}}
    nameless = dataclasses.replace(nameless, config=config)
    with pytest.raises(ConfigError, match=r"needs log Z, which .* did not learn; mixture"):
        molgfn.combine([runs[0], nameless], "mean")
    with pytest.raises(ConfigError, match="each run has its own"):
        molgfn.sample(molgfn.combine(runs, "mixture"), 5, condition={"beta": 2})


def test_entropy_of_a_run(runs):
    listed, p = exact(molgfn.load(runs[0]))
    found = molgfn.entropy(runs[0])
    assert found.value == pytest.approx(float(-(p * p.log()).sum()), abs=1e-6)
    assert (found.low, found.note) == (None, "exact: all states were listed")
    rough = molgfn.entropy(runs[0], exact=False, objects=100, samples=4)
    assert rough.low < found.value < rough.high
    assert molgfn.entropy(molgfn.combine(runs, "mixture")).value > 0
    assert found.value <= math.log(len(listed.keys))


def test_marginals_and_free_energies_of_a_run(both):
    run = both[0]
    inside = molgfn.marginal(run, "c1ccccc1")
    assert 0 < inside.value < 1
    rough = molgfn.marginal(run, "c1ccccc1", exact=False, samples=200)
    assert abs(rough.value - inside.value) < 4 * rough.error
    energy = molgfn.free_energy(run, "c1ccccc1")
    rough = molgfn.free_energy(run, "c1ccccc1", exact=False, samples=200)
    assert abs(rough.value - energy.value) < 4 * rough.error
    assert rough.low < rough.value < rough.high
    larger = molgfn.free_energy(run, "OCc1ccccc1")
    assert larger.value > energy.value, "fewer molecules contain more"
    with pytest.raises(DataError):
        molgfn.marginal(run, "FC(F)F")


def test_molecules_that_contain_a_part(both):
    drawn = molgfn.complete(both[0], "OCc1ccccc1", 20, seed=3)
    assert len(drawn) == 20
    assert {"value", "qed"} <= set(drawn.columns)
    from rdkit import Chem

    alcohol = Chem.MolFromSmarts("OCc1ccccc1")
    assert all(Chem.MolFromSmiles(smiles).HasSubstructMatch(alcohol) for smiles in drawn.smiles)
    mixture = molgfn.complete(molgfn.combine(both, "mixture"), "OCc1ccccc1", 5)
    assert {"value_1", "value_2"} <= set(mixture.columns)


def test_mutual_information_of_a_run(tmp_path, runs):
    text = variant(GRID, "beta", condition="temperature").replace("oracle: hypergrid", "oracle: hypergrid")
    run = trained(tmp_path, text + "reward: {beta: null}\n")
    conditions = [{"beta": 1.0}, {"beta": 16.0}]
    found = molgfn.mutual_information(run, conditions)
    assert 0 <= found.value <= math.log(2)
    assert molgfn.mutual_information(run, [{"beta": 4.0}] * 2).value == pytest.approx(0, abs=1e-9)
    rough = molgfn.mutual_information(run, conditions, exact=False, objects=50, samples=4)
    assert rough.low < found.value < rough.high
    some = molgfn.mutual_information(run, 5, seed=1)
    assert 0 < some.value < math.log(5)
    assert molgfn.mutual_information(run, 5, seed=2).value != some.value
    for told in (conditions, 3):
        with pytest.raises(ConfigError, match="no condition"):
            molgfn.mutual_information(runs[0], told)
    made = molgfn.combine([molgfn.load(run).under(c) for c in conditions], "mixture")
    assert set(molgfn.sample(made, 5).columns) >= {"beta_1", "beta_2", "log_reward_1"}


def test_objectives_that_learn_flows_train_them():
    """Those whose fixed point is log_flow = log F, by their docstrings; a critic or a part of log F is none."""
    folder = Path(__file__).parents[2] / "configs" / "objective"
    found = {path.stem: import_class(yaml.safe_load(path.read_text())["_target_"]) for path in folder.glob("*.yaml")}
    learning = {name for name, objective in found.items() if objective.learns_flow}
    assert learning == {"db", "subtb", "fm", "soft_dqn", "rpe"}
    assert all("flow" in found[name].trains and not found[name].forward_looking for name in learning)


@pytest.mark.slow
@pytest.mark.parametrize("flows", ["exact", "learned"])
def test_trained_samplers_give_the_mean_of_their_rewards(tmp_path, flows):
    """DB on a 4 x 4 grid: the composition is as near to w_1 R_1 + w_2 R_2 as its parts are to their own."""
    made = []
    for beta in (0.5, 3.0):
        text = variant(GRID, f"b{int(beta)}", objective="db").replace("iterations: 3", "iterations: 500")
        text = text.replace("hidden: 8", "hidden: 64").replace("batch_size: 8", "batch_size: 32")
        made.append(trained(tmp_path, f"{text}reward: {{beta: {beta}}}\noptimizer: {{lr: 0.005, half_life: 150}}\n"))
    targets, parts = [], []
    for run in map(molgfn.load, made):
        target = exact_target(run.environment, reward_of(run.config))
        targets.append(target)
        parts.append(float((exact(run)[1] - target.pi).abs().sum() / 2))
    assert max(parts) < 0.03
    for w in ([0.3, 0.7], [0.9, 0.1]):
        rewards = w[0] * targets[0].log_reward.exp() + w[1] * targets[1].log_reward.exp()
        p = exact(molgfn.combine(made, "mean", w, flows=flows))[1]
        assert float((p - rewards / rewards.sum()).abs().sum() / 2) < max(parts) + 0.01
