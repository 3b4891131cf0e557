"""From a policy or a file to readings and files."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.evaluator import evaluate_file, evaluate_policy, evaluate_samples
from molgfn.evaluation.exact.answers import compare, exact_target, solve_flows
from molgfn.evaluation.files import write_evaluation, write_samples, write_whole
from molgfn.evaluation.metrics.base import Metric, Reading
from molgfn.evaluation.metrics.reference.novelty import Novelty
from molgfn.evaluation.metrics.validity import Validity
from molgfn.evaluation.report.page import write_report
from molgfn.evaluation.report.summary import summary_cards
from molgfn.evaluation.samples import draw_samples
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.weight import Weight
from molgfn.oracles.structure.alerts import Alerts
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear

SETTINGS = EvaluationSettings(samples=300, batch=128, log_pt_objects=20, log_pt_samples=4)


def grid():
    environment = HyperGrid(dimensions=2, side=8)
    return environment, TabularPolicy(environment=environment), Power(oracle=GridOracle(dimensions=2, side=8))


def perfect(environment, reward) -> TabularPolicy:
    """A table of the exactly solved flows."""
    target = exact_target(environment, reward)
    flows = solve_flows(target.graph, target.log_target)
    policy = TabularPolicy(environment=environment)
    index = environment.index(target.graph.states)
    policy.forward_logits.data[index, environment.stop_action] = flows.log_stop.float()
    policy.forward_logits.data[index[target.graph.source], target.graph.action] = flows.log_pf.float()
    return policy


def test_a_perfect_sampler_reads_as_one():
    environment, _, reward = grid()
    found = evaluate_policy(environment, perfect(environment, reward), reward, SETTINGS).values()
    assert found["exact/tv"] < 1e-5
    assert found["elbo"] == pytest.approx(found["exact/log_z"], abs=1e-4), "KL(P_F || P_B) is 0"
    assert found["log_z/effective_share"] == pytest.approx(1, abs=1e-3)
    assert found["correlation/slope/samples/N=4"] == pytest.approx(1, abs=1e-3)
    assert found["exact/mean_reward"] == pytest.approx(found["exact/target_mean_reward"], abs=1e-4)


def test_an_untrained_sampler_does_not():
    environment, policy, reward = grid()
    evaluation = evaluate_policy(environment, policy, reward, SETTINGS)
    found = evaluation.values()
    assert found["exact/tv"] > 0.3
    assert found["elbo"] < found["exact/log_z"] - 0.1
    low, high = evaluation.readings["mean/reward"].low, evaluation.readings["mean/reward"].high
    assert low - 0.1 < found["exact/mean_reward"] < high + 0.1
    assert not any(key.startswith(("validity", "modes")) for key in evaluation.readings), "a grid has no molecules"


def test_evaluation_repeats_with_its_seed_and_leaves_the_policy_as_it_was():
    environment, policy, reward = grid()
    policy.train()
    state = torch.get_rng_state()
    first = evaluate_policy(environment, policy, reward, SETTINGS, seed=7)
    again = evaluate_policy(environment, policy, reward, SETTINGS, seed=7)
    other = evaluate_policy(environment, policy, reward, SETTINGS, seed=8)
    assert first.values() == again.values()
    assert first.values() != other.values()
    assert policy.training
    assert torch.equal(torch.get_rng_state(), state), "the global random stream is not touched"


def test_oracle_calls_of_the_evaluation_alone_are_reported():
    environment, policy, reward = grid()
    evaluate_policy(environment, policy, reward, SETTINGS)
    second = evaluate_policy(environment, policy, reward, SETTINGS)
    assert second.oracle["raw"] == 300 + 64, "samples, and each object of the exact comparison"
    assert second.oracle["unique"] == 0, "all of them had been seen"


def test_what_was_not_asked_for_is_missing_with_a_reason():
    environment, policy, reward = grid()
    settings = EvaluationSettings(samples=10, log_pt_objects=0, exact_limit=0)
    readings = evaluate_policy(environment, policy, reward, settings).readings
    assert readings["exact/tv"].value is None
    assert "exact_limit=0" in readings["exact/tv"].note
    assert "log_pt_objects=0" in readings["correlation"].note


def test_a_space_that_is_too_large_to_list_says_so():
    environment, policy, reward = grid()
    settings = EvaluationSettings(samples=10, log_pt_objects=0, exact_limit=50)
    readings = evaluate_policy(environment, policy, reward, settings).readings
    assert "more than 50 states" in readings["exact/tv"].note


def test_metrics_that_lack_something_say_what(samples):
    readings = evaluate_samples(samples(["CC", "CCO"]), EvaluationSettings().metrics())
    assert readings["novelty"].note == "no reference file was given"
    assert "no reward" in readings["mean"].note
    assert "not from a policy" in readings["elbo"].note
    assert readings["validity"].value == 1.0


def test_reasons_of_the_caller_come_first(samples):
    readings = evaluate_samples(samples(["CC"]), [Novelty()], {"reference": "it burnt"})
    assert readings["novelty"].note == "it burnt"


def test_two_metrics_with_one_key_are_refused(samples):
    with pytest.raises(ValueError, match="validity"):
        evaluate_samples(samples(["CC"]), [Validity(), Validity()])


class Longest(Metric):
    """Length of the longest SMILES; a metric of a user's own."""

    name = "longest"

    def __call__(self, samples):
        return {"longest": Reading(float(max(map(len, samples.keys))))}


def test_further_metrics_come_from_the_settings(samples):
    metrics = EvaluationSettings(extra=[Longest()]).metrics()
    assert evaluate_samples(samples(["CC", "CCCCO"]), metrics)["longest"].value == 5


def test_a_file_of_smiles_with_bad_lines(tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text("CCO\nOCC\nnonsense\nc1ccccc1\n")
    reference = tmp_path / "reference.smi"
    reference.write_text("c1ccccc1\n")
    evaluation = evaluate_file(path, EvaluationSettings(reference=str(reference)))
    found = evaluation.values()
    assert found["validity"] == 0.75
    assert found["uniqueness/n=4"] == pytest.approx(2 / 3)
    assert found["novelty"] == 0.5
    assert evaluation.source["kind"] == "file"
    assert sum(evaluation.problems.values()) == 1
    assert "line 3" in next(iter(evaluation.problems))


def test_a_file_with_a_reward(tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text("CCO\nCC(=O)Oc1ccccc1C(=O)O\n(\n")
    found = evaluate_file(path, reward=Power(oracle=QED())).values()
    assert found["top_k/k=1/value"] == pytest.approx(0.5501, abs=1e-3)
    assert found["validity/scored"] == pytest.approx(2 / 3)


def test_a_reference_counts_without_stereo_marks_and_charges_too(tmp_path):
    (tmp_path / "ref.smi").write_text("C[C@H](O)c1ccccc1\nC[NH2+]Cc1ccccc1\nF/C=C/F\nC[N+](C)(C)C\n")
    flat = ["CC(O)c1ccccc1", "CNCc1ccccc1", "FC=CF", "C[N+](C)(C)C", "C[C@@H](O)c1ccccc1", "CCO"]
    (tmp_path / "flat.smi").write_text("\n".join(flat))
    found = evaluate_file(tmp_path / "flat.smi", EvaluationSettings(reference=str(tmp_path / "ref.smi")))
    assert found.readings["novelty"].value == pytest.approx(2 / 6)  # the other enantiomer, and ethanol


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.smi"):
        evaluate_file(tmp_path / "gone.smi")
    (tmp_path / "one.smi").write_text("C\n")
    with pytest.raises(DataError, match=r"lost\.smi"):
        evaluate_file(tmp_path / "one.smi", EvaluationSettings(reference=str(tmp_path / "lost.smi")))


def test_files_of_an_evaluation(tmp_path):
    environment, policy, reward = grid()
    evaluation = evaluate_policy(environment, policy, reward, SETTINGS)
    folder = write_evaluation(evaluation, tmp_path / "deep" / "evaluation")
    plain = json.loads((folder / "metrics.json").read_text())
    assert plain["metrics"]["exact/tv"]["value"] == evaluation.readings["exact/tv"].value
    assert plain["settings"]["samples"] == 300
    assert plain["definitions"]["elbo"]["reference"]
    rows = list(csv.DictReader((folder / "samples.csv").open()))
    assert sum(int(row["count"]) for row in rows) == 300
    rewards = [float(row["log_reward"]) for row in rows]
    assert rewards == sorted(rewards, reverse=True)
    assert [p.name for p in sorted(folder.iterdir())] == ["metrics.json", "samples.csv"], "nothing temporary is left"


def test_table_of_samples_counts_repeats_and_names_problems(tmp_path, samples):
    s = samples(["CCO", "OCC", "CC", "("], [0.5, 0.5, math.nan, math.nan], components={"qed": np.array([1, 1, 2, 3.0])})
    write_samples(s, tmp_path / "samples.csv")
    rows = list(csv.DictReader((tmp_path / "samples.csv").open()))
    assert [(r["smiles"], r["count"], r["value"]) for r in rows] == [
        ("CCO", "2", "0.5"),
        ("CC", "1", ""),
        ("", "1", ""),
    ]
    assert rows[0]["qed"] == "1.0"
    assert "not a SMILES" in rows[2]["problem"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in Path(tmp_path).iterdir()] == ["file"]


def test_weights_of_molecular_trajectories_are_unbiased_for_z():
    """E[R' P_B / P_F] is the sum of R over molecules, though symmetric trees and several trees build one molecule."""
    environment = Fragments(
        vocabulary=[["C", [0, 0], 0], ["CC", [0, 1], 0], ["CCO", [0, 1], 0], ["c1ccccc1", [0, 3], 0]], max_fragments=3
    )
    reward = Power(oracle=QED())
    torch.manual_seed(0)
    policy = MessagePassingPolicy(environment=environment, width=8, layers=1)
    weight = np.exp(draw_samples(environment, policy, reward, 4000, batch=1000, seed=1).log_weight)
    z = np.exp(exact_target(environment, reward).log_z)
    error = weight.std() / np.sqrt(len(weight))
    assert error < 0.05 * z
    assert abs(weight.mean() - z) < 4 * error


def test_solved_flows_of_molecules_are_exact_with_the_correction_only():
    reward = Power(oracle=QED())
    tv = {}
    for symmetry in ("molecule", "tree", "none"):
        environment = Fragments(
            vocabulary=[["C", [0, 0], 0], ["CC", [0, 1], 0], ["c1ccccc1", [0, 3], 0]],
            max_fragments=3,
            symmetry=symmetry,
        )
        target = exact_target(environment, reward)
        tv[symmetry] = compare(target, solve_flows(target.graph, target.log_target).log_terminal).tv
    assert tv["molecule"] < 1e-12
    assert tv["tree"] > 0.01
    assert tv["none"] > 0.1


@pytest.fixture
def few():
    fragments = [["C", [0, 0, 0, 0]], ["N", [0, 0]], ["O", [0, 0]]]
    environment = Fragments(vocabulary=fragments, max_fragments=3)
    return environment, MessagePassingPolicy(environment=environment), Power(oracle=QED())


def test_held_out_molecules(few, tmp_path, caplog):
    given = tmp_path / "given.smi"
    built = ["CO", "CN", "CC", "NCO", "CCC", "CCN", "CCO", "COC", "CNC", "NCN", "OCO"]
    given.write_text("\n".join([*built, "c1ccccc1", "nonsense"]) + "\n")
    settings = EvaluationSettings(samples=8, log_pt_objects=0, log_pt_samples=4, heldout=str(given))
    evaluation = evaluate_policy(*few, settings)
    assert evaluation.readings["heldout/pearson/N=4"].count == 11
    assert evaluation.samples.heldout.log_reward == pytest.approx(
        [math.log(v) for v in QED().values([Molecule.from_smiles(s) for s in built])]
    )
    assert caplog.text.count("11 of 13 molecules kept") == 1
    assert "outside the environment" in caplog.text
    assert evaluate_policy(*few, SETTINGS).readings["heldout"].note == "no held-out molecules were given"


def test_held_out_molecules_that_cannot_be(few, tmp_path):
    with pytest.raises(DataError, match="lost"):
        evaluate_policy(*few, EvaluationSettings(samples=4, heldout=str(tmp_path / "lost.smi")))
    with pytest.raises(ConfigError, match="heldout: gives molecules, but HyperGrid builds grid objects"):
        evaluate_policy(*grid(), EvaluationSettings(samples=4, heldout=str(tmp_path / "lost.smi")))


def test_what_is_good_of_an_oracle_to_be_minimised(few):
    environment, policy, _ = few
    reward = Power(oracle=Weight(), transform=Linear(low=100.0, high=0.0))
    readings = evaluate_policy(environment, policy, reward, EvaluationSettings(samples=40, thresholds=(32.0,))).readings
    light = readings["scaffolds/value<=32"].count
    assert 0 < light <= 5, "5 of the 27 molecules are that light"
    assert readings["modes/value<=32/tanimoto<0.7"].count == light


def test_names_of_alerts_go_into_the_table_the_numbers_and_the_report(tmp_path):
    path = tmp_path / "given.smi"
    path.write_text("CCCC=O\nCCCC=O\nCC(C)Cc1ccc(cc1)C(C)C(=O)O\nCOCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC\n")
    reward = Power(oracle=Alerts())
    evaluation = evaluate_file(path, EvaluationSettings(), reward=reward)
    expected = {"alerts_found": {"aldehyde": 2, "Aliphatic_long_chain": 1, "triple_bond": 1}}
    assert evaluation.remarks == expected
    folder = write_evaluation(evaluation, tmp_path / "out")
    assert json.loads((folder / "metrics.json").read_text())["remarks"] == expected
    with (folder / "samples.csv").open(newline="") as file:
        rows = {row["smiles"]: row for row in csv.DictReader(file)}
    assert {row["alerts_found"] for row in rows.values()} == {"aldehyde", "", "Aliphatic_long_chain; triple_bond"}
    assert rows["CCCC=O"]["count"] == "2"
    text = write_report(folder, evaluation=folder).read_text()
    table = text.partition("What the oracle found")[2].partition("</table>")[0]
    for name, count in expected["alerts_found"].items():
        assert re.search(rf">{name}</td><td class=\"n\">{count}</td>", table), name


def test_without_words_nothing_is_shown(tmp_path):
    (tmp_path / "given.smi").write_text("CCO\n")
    for reward in (None, Power(oracle=QED())):
        evaluation = evaluate_file(tmp_path / "given.smi", EvaluationSettings(), reward=reward)
        assert evaluation.remarks == {}
        folder = write_evaluation(evaluation, tmp_path / "out")
        assert "What the oracle found" not in write_report(folder, evaluation=folder).read_text()


@pytest.mark.parametrize(("symmetry", "bounds"), [("molecule", True), ("tree", False), ("none", False)])
def test_the_elbo_is_called_a_bound_on_log_z_only_where_it_is_one(symmetry, bounds):
    """What the flows are trained to sum to is the bound: log Z with the whole correction, more without."""
    vocabulary = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]]]
    environment = Fragments(vocabulary=vocabulary, max_fragments=3, symmetry=symmetry)
    reward = Power(oracle=QED())
    target = exact_target(environment, reward)
    above = solve_flows(target.graph, target.log_target).log_z - target.log_z
    assert above == pytest.approx(0, abs=1e-9) if bounds else above > 0.1
    settings = EvaluationSettings(samples=16, log_pt_objects=2, log_pt_samples=2)
    policy = MessagePassingPolicy(environment=environment, width=8, layers=1)
    evaluation = evaluate_policy(environment, policy, reward, settings)
    for key in ("elbo", "log_z/importance"):
        assert ("no bound on log Z" in evaluation.readings[key].note) != bounds
    assert evaluation.readings["elbo"].value is not None
    metrics = {key: reading.plain() for key, reading in evaluation.readings.items()}
    labels = [card["label"] for card in summary_cards({"metrics": metrics}, None)]
    assert ("ELBO (at most log Z)" in labels) == bounds
    assert ("ELBO (may lie above log Z)" in labels) != bounds
