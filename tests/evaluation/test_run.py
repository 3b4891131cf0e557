import json

import torch

from molgfn.environments.fragments import Fragments
from molgfn.evaluation.run import evaluate_molecules, evaluate_run
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.oracles.properties.qed import QED
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.rewards.power import Power

SETTINGS = EvaluationSettings(samples=40, batch=32, log_pt_objects=6, log_pt_samples=4, top_k=(1, 5), exact_limit=2000)


def test_a_molecular_run_from_policy_to_report(tmp_path):
    torch.manual_seed(0)
    environment = Fragments(vocabulary=[["C", [0, 0], 0], ["CCO", [0, 1], 0], ["c1ccccc1", [0, 3], 0]], max_fragments=3)
    policy = MessagePassingPolicy(environment=environment, width=8, layers=1)
    fresh = MessagePassingPolicy(environment=environment, width=8, layers=1)
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("name: small\nseed: 1\n")
    done = evaluate_run(
        run, environment=environment, policy=policy, reward=Power(oracle=QED()), settings=SETTINGS, untrained=fresh
    )
    assert done.report == run / "evaluation" / "report.html"
    found = done.evaluation.values()
    assert found["validity"] == 1.0
    assert 0 < found["exact/tv"] < 1
    assert found["elbo"] <= found["exact/log_z"]
    assert sum(done.evaluation.samples.counts.values()) == 40
    assert "untrained 0" in done.report.read_text()
    ways = json.loads((run / "evaluation" / "trajectories.json").read_text())
    assert [way["key"] for way in ways] == [done.evaluation.samples.keys[i] for i in done.evaluation.samples.unique[:6]]
    assert all(0 < step["probability"] <= 1 for way in ways for step in way["steps"])
    assert "How the best were built" in done.report.read_text()
    settings = EvaluationSettings(samples=8, log_pt_objects=0, exact_limit=0, shown_trajectories=0)
    evaluate_run(run, environment=environment, policy=policy, reward=Power(oracle=QED()), settings=settings)
    assert not (run / "evaluation" / "trajectories.json").exists(), "nor are the ways of others shown"
    assert not (run / "evaluation" / "untrained.csv").exists(), "an old comparison is not shown with new samples"


def test_a_file_of_molecules_to_a_report(tmp_path):
    path = tmp_path / "some.smi"
    path.write_text("CCO\nc1ccccc1O\nxx\n")
    done = evaluate_molecules(path, tmp_path / "out", reward=Power(oracle=QED()))
    assert "some.smi" in done.report.read_text()
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["source"]["kind"] == "file"
