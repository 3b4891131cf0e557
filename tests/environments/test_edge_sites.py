"""Graphs whose sites are edges and whose removals are edges or the whole graph: contracts, a run, its report."""

import functools
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tests.environments.painted import Bright, Painted

from molgfn.cli.main import cli
from molgfn.environments.enumeration import enumerate_states
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.testing import check_environment, check_oracle, check_policy

HERE = Path(__file__).with_name("painted.py")
SHOWN = pytest.mark.parametrize("shown", ["edge", "graph"])
RUN = f"""
defaults:
  - train
  - override /oracle: hypergrid
  - _self_
name: painted
environment: {{_target_: "{HERE}:Painted", shown: SHOWN}}
oracle: {{_target_: "{HERE}:Bright"}}
policy: {{width: 8, layers: 1, heads: 2}}
optimizer: {{lr: 0.01}}
data: {{batch_size: 16}}
trainer: {{iterations: 4, exact_every: 2, log_every: 2, accelerator: cpu, threads: 1, progress: none}}
logger: {{wandb: "off"}}
evaluation: {{samples: 40, batch: 40, log_pt_objects: 4, log_pt_samples: 2, thresholds: [1.5]}}
output: runs
"""


@SHOWN
def test_the_environment_keeps_its_contract(shown):
    check_environment(Painted(shown=shown))
    check_environment(Painted(shown=shown, least=2))
    assert len(enumerate_states(Painted(shown=shown))) == 1 + 6 + 24 + 48


def test_the_oracle_keeps_its_contract():
    environment = Painted()
    check_oracle(Bright(), environment.objects(enumerate_states(environment).states[:20]))


@SHOWN
@pytest.mark.parametrize("kind", [GraphTransformerPolicy, MessagePassingPolicy])
def test_policies_keep_their_contract_there(kind, shown):
    check_policy(functools.partial(kind, width=8, layers=1), Painted(shown=shown))


@SHOWN
def test_packed_is_padded(shown):
    environment = Painted(shown=shown)
    torch.manual_seed(0)
    policy = GraphTransformerPolicy(environment=environment, learned_backward=True, width=8, layers=1, heads=2).double()
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.3)
    states = enumerate_states(environment).states
    found = []
    for padded in (False, True):
        environment.encode = lambda s, padded=padded: Painted.encode(environment, s, padded=padded)
        out = policy(states, backward=True, flow=True)
        found.append((out.forward.log_probs(), out.backward.log_probs(), out.log_flow))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
    assert torch.equal(found[0][0].isfinite(), environment.forward_mask(states))


def call(*arguments):
    result = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("shown", [pytest.param("edge", marks=pytest.mark.slow), "graph"])
def test_a_run_ends_in_a_report(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("painted.yaml").write_text(RUN.replace("SHOWN", shown))
    backward = "backward=tlm" if shown == "graph" else "backward=guided_tb"
    call("train", "painted.yaml", backward)
    (run,) = Path("runs").iterdir()
    call("evaluate", run, "--trust", HERE, "-o", "ev")
    found = json.loads(Path("ev/metrics.json").read_text())["metrics"]
    assert found["exact/tv"]["count"] == 79
    assert 0 < found["exact/tv"]["value"] < 0.5
    page = Path("ev/report.html").read_text()
    assert "bright" in page
    assert "<b>Painted</b>" in page
    call("sample", run, "-n", 5, "--trust", HERE, "-o", "five.csv")
    assert len(Path("five.csv").read_text().splitlines()) == 6
