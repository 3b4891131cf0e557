"""A stranger's objective: a quantity and a network of its own, in files outside the package, trained from a command."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import molgfn
from molgfn.cli.main import cli
from molgfn.testing import check_objective
from molgfn.testing.objective import evaluate_for, golden_dag

QUANTITY = '''
"""The flow that P_F and a second network carry along each step."""

from typing import ClassVar

from torch import Tensor

from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class SecondEdgeFlow(Quantity):
    """[B, T], log F(s_t) of the network ``second`` plus log P_F(a_t | s_t)."""

    name: ClassVar[str] = "second_edge_flow"
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"), Head("flow", "second"))
    padding: ClassVar[float] = -7.0

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        log_pf = evaluation.forward().log_prob(evaluation.trajectories.actions)
        return evaluation.log_flow("second") + log_pf
'''
OBJECTIVE = '''
"""Detailed balance whose flow is a network of its own."""

import torch

from molgfn.objectives.base import Loss, Network, Objective, ObjectiveOutput
from molgfn.trajectories.quantities.backward import LogPB

from strangers_lab.second_edge_flow import SecondEdgeFlow


class SecondFlow(Objective):
    """``mean_b sum_t d_t^2``, d_t of detailed balance with the flow of the network ``second``."""

    quantities = (LogPB, SecondEdgeFlow)
    networks = (Network("second", start="returns"),)
    on_policy = False
    trains = frozenset({"forward", "backward", "second"})
    reference = "none"

    def __call__(self, evaluated):
        edge = torch.where(evaluated.mask, evaluated[SecondEdgeFlow], 0.0)
        flow = edge - evaluated.log_pf  # of s_t
        after = torch.nn.functional.pad(flow[:, 1:], (0, 1)) * ~evaluated.is_exit
        target = after + evaluated[LogPB] + evaluated.is_exit * evaluated.log_reward[:, None]
        loss = ((edge - target) * evaluated.mask).square().sum(1).mean()
        return ObjectiveOutput({"second": Loss(loss, self.trains)}, {"log_z": flow[:, 0].detach().mean()})
'''
EXPERIMENT = """
defaults:
  - train
  - override /environment: hypergrid
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: mine
environment: {dimensions: 2, side: 4}
oracle: {dimensions: 2, side: 4}
policy: {hidden: 16, layers: 1}
objective: {_target_: strangers_lab.second_flow.SecondFlow}
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    folder = tmp_path / "strangers_lab"
    folder.mkdir()
    (folder / "second_edge_flow.py").write_text(QUANTITY)
    (folder / "second_flow.py").write_text(OBJECTIVE)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [n for n in sys.modules if n.partition(".")[0] == "strangers_lab"]:
        del sys.modules[name]


def test_nothing_in_the_package_knows_them():
    text = "".join(p.read_text() for p in Path(molgfn.__file__).parent.rglob("*.py"))
    assert not re.search(r"SecondEdgeFlow|second_edge_flow|SecondFlow|strangers_lab", text)


def test_it_keeps_the_contract(lab):
    objective = importlib.import_module("strangers_lab.second_flow").SecondFlow()
    check_objective(objective)
    quantity = importlib.import_module("strangers_lab.second_edge_flow").SecondEdgeFlow
    evaluated = evaluate_for(objective, golden_dag())
    assert (evaluated[quantity][~evaluated.mask] == -7).all()


def test_it_trains_from_the_command_line(lab):
    few = ["data.batch_size=16", "trainer.iterations=6", "trainer.accelerator=cpu", "trainer.threads=1"]
    few += ["trainer.progress=none", "trainer.log_every=3", "logger.wandb=off", f"output={lab / 'runs'}"]
    command = ["train", str(lab / "experiment.yaml"), *few]
    result = CliRunner().invoke(cli, [*command, "target=soft"])
    assert result.exit_code != 0
    assert "reads no flow or value of a next state" in result.output
    result = CliRunner().invoke(cli, ["--debug", *command], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (path,) = (lab / "runs").rglob("last.ckpt")
    weights = torch.load(path, weights_only=True)["state_dict"]
    assert any(key.startswith("auxiliaries.second.") for key in weights)
    rows = next((lab / "runs").rglob("metrics.csv")).read_text().splitlines()
    assert "train/loss/second" in rows[0]
    assert len(rows) == 3
