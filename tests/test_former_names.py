"""Parts of one's own that were written for an earlier version: refused with one sentence, never half obeyed."""

import pytest
from click.testing import CliRunner

from molgfn.cli.main import cli
from molgfn.environments.base import Environment
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ContractError
from molgfn.evaluation.metrics.base import Metric
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Objective
from molgfn.oracles.base import Oracle
from molgfn.rewards.base import Reward


@pytest.mark.parametrize(
    ("contract", "name", "now"),
    [
        (Metric, "domains", "kinds"),
        (Oracle, "domain", "kind"),
        (Environment, "domain", "kind"),
        (Environment, "object_keys", "kind"),
        (Reward, "domain", "kind"),
        (Objective, "requires", "quantities"),
        (Objective, "anchors", "prepares_from"),
        (Objective, "auxiliaries", "networks"),
        (BackwardPolicyTraining, "requires", "quantities"),
        (BackwardPolicyTraining, "auxiliaries", "networks"),
        (BackwardPolicyTraining, "settle", "counts_paths"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.__name__,
)
def test_a_former_declaration_is_refused_where_the_class_is_defined(contract, name, now):
    with pytest.raises(ContractError, match=rf"^Mine\.{name} is read no more: .*`{now}`"):
        type("Mine", (contract,), {name: frozenset()})
    below = type("Below", (contract,), {})
    with pytest.raises(ContractError, match=rf"^Mine\.{name} is read no more"):
        type("Mine", (below,), {name: property(lambda self: "grid")})


def test_a_former_declaration_is_refused_where_a_constructor_gives_it():
    objective = TrajectoryBalance()
    with pytest.raises(ContractError, match=r"^TrajectoryBalance\.requires is read no more: `quantities`"):
        objective.requires = frozenset({"log_pb"})
    with pytest.raises(AttributeError, match=r"HyperGrid\.domain is read no more: `kind`"):
        HyperGrid(side=3).domain  # noqa: B018


@pytest.mark.parametrize("given", ["grid", type(HyperGrid.kind)])
@pytest.mark.parametrize("contract", [Oracle, Environment])
def test_a_kind_is_an_instance(contract, given):
    with pytest.raises(ContractError, match=r"^Mine\.kind is .* but should be an instance of ObjectKind"):
        type("Mine", (contract,), {"kind": given})


def test_what_a_metric_declares_is_known():
    with pytest.raises(ContractError, match=r"^Mine\.kinds is .* but should be a class"):
        type("Mine", (Metric,), {"kinds": HyperGrid.kind})
    with pytest.raises(ContractError, match=r"^Mine\.requires names domain; samples have .*kind"):
        type("Mine", (Metric,), {"requires": frozenset({"domain", "objects"})})


GRID = """
defaults:
  - train
  - override /environment: hypergrid
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: former
oracle: {dimensions: 2, side: 4}
"""
FILES = {
    "metric.py:Mine": "from molgfn.evaluation.metrics.base import Metric\n\n\nclass Mine(Metric):\n"
    "    name = 'mine'\n    domains = frozenset({'grid'})\n\n    def __call__(self, samples):\n        return {}\n",
    "objective.py:Mine": "from molgfn.objectives.base import Objective\n\n\nclass Mine(Objective):\n"
    "    on_policy = False\n\n    def __call__(self, evaluated):\n        return None\n",
    "environment.py:Mine": "from molgfn.environments.base import Environment\n\n\nclass Mine(Environment):\n"
    "    encoding = 'vector'\n\n    def forward_mask(self, states):\n        return None\n",
    "walk.py:Mine": "from molgfn.environments.hypergrid import HyperGrid\n\n\nclass Mine(HyperGrid):\n"
    "    domain = 'grid'\n",
}


@pytest.mark.parametrize(
    ("key", "code", "says"),
    [
        ("evaluation.extra", "metric.py:Mine", "Mine.domains is read no more: `kinds` says what"),
        ("objective", "objective.py:Mine", "objective: Mine.quantities is not declared"),
        ("environment", "environment.py:Mine", "cannot be built: backward_action, encode, exit_action"),
        ("environment", "walk.py:Mine", "Mine.domain is read no more: `kind` says what the objects are"),
    ],
)
def test_a_run_with_it_is_refused_before_its_folder_is_made(key, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / code.partition(":")[0]).write_text(FILES[code])
    node = f"[{{_target_: '{code}'}}]" if key == "evaluation.extra" else f"{{_target_: '{code}'}}"
    top, _, below = key.partition(".")
    own = f"{top}: {{{below}: {node}}}\n" if below else f"{top}: {node}\n"
    (tmp_path / "own.yaml").write_text(GRID + own)
    result = CliRunner().invoke(cli, ["train", "own.yaml", "output=runs"], prog_name="molgfn")
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "runs").exists()
