"""Every objective and every P_B on batches in which something is missing: joins, actions to choose from, company."""

import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from torch.utils.data import DataLoader

from molgfn.compatibility import misplaced
from molgfn.config import build
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch, policy_needs
from molgfn.objectives.base import Objective
from molgfn.oracles.properties import qed
from molgfn.oracles.synthetic import hypergrid
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.training.learner import Learner
from molgfn.training.module import GFlowNetModule
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.rewarded import Batch, find_rewards
from molgfn.trajectories.sampler import Sampler

CONFIGS = Path(__file__).parents[2] / "configs"
VOCABULARY = [["C", [0]], ["CC", [0, 1]], ["CCO", [0, 1]]]


def fragments(most):
    return Fragments(vocabulary=VOCABULARY, max_fragments=most), Power(oracle=qed.QED(), beta=4.0)


def grid():
    return HyperGrid(dimensions=2, side=3), Power(oracle=hypergrid.HyperGrid(dimensions=2, side=3))


def transformer(**live):
    return GraphTransformerPolicy(width=8, layers=1, heads=2, **live)


def convolution(kind):
    return lambda **live: MessagePassingPolicy(width=8, layers=1, convolution=kind, **live)


#: name -> (environment and reward, policy)
CASES = {
    "graph_transformer": (lambda: fragments(3), transformer),
    "gine": (lambda: fragments(3), convolution("gine")),
    "gatv2": (lambda: fragments(3), convolution("gatv2")),
    "graph_transformer, one fragment": (lambda: fragments(1), transformer),
    "gine, one fragment": (lambda: fragments(1), convolution("gine")),
    "gatv2, one fragment": (lambda: fragments(1), convolution("gatv2")),
    "mlp": (grid, lambda own_losses, **live: MLPPolicy(hidden=8, layers=1, **live)),
    "tabular": (grid, lambda own_losses, **live: TabularPolicy(**live)),
}


def shipped(group, cls):
    nodes = {p.stem: yaml.safe_load(p.read_text()) for p in sorted((CONFIGS / group).glob("*.yaml"))}
    nodes.get("mdb", {}).update(flow_without_stop=True)  # the empty molecule may not stop
    return {name: lambda node=node, **live: build(node, cls, group, live=live) for name, node in nodes.items()}


OBJECTIVES, BACKWARD = shipped("objective", Objective), shipped("backward", BackwardPolicyTraining)


def degenerate(environment, policy, reward, n):
    """``n`` of the shortest trajectories there are; ``n`` times the longest; ``n`` that differ."""
    drawn = Sampler(environment).forward(policy, 64, generator=torch.Generator().manual_seed(0))
    found = find_rewards(drawn, environment, reward, state_rewards=True)
    drawn = found.trajectories
    order = drawn.lengths.argsort()
    # a stop at once, or after one fragment: no state has a join
    assert int(drawn.lengths.min()) == (1 if environment.stops_everywhere else 2)
    shortest = drawn.select(order[:n])
    assert int(shortest.lengths.max()) == int(drawn.lengths.min())
    some = [shortest, drawn.select(order[-1:].repeat(n)), drawn.select(order[:: max(63 // n, 1)][:n])]
    return [Batch(trajectories, found) for trajectories in some]


#: of reactions alone, see tests/environments/reactions
ELSEWHERE = {"cost_guided", "decomposability_guided"}
PAIRS = [(name, "uniform") for name in OBJECTIVES] + [
    ("tb", name) for name in sorted(BACKWARD.keys() - ELSEWHERE - {"uniform"})
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "backward_name"), PAIRS)
def test_every_pair_trains_on_what_there_is(name, backward_name, case):
    """A few steps, three of a kind each; everything stays finite."""
    space, make = CASES[case]
    environment, reward = space()
    objective, backward = OBJECTIVES[name](), BACKWARD[backward_name](counts_paths=environment.counts_paths)
    assert mismatch(objective, backward) is None
    if misplaced(objective, environment):
        pytest.skip("the objective is not at home in this environment")
    torch.manual_seed(0)
    policy = make(environment=environment, **policy_needs(objective, backward))
    auxiliaries = {
        key: make(environment=environment, learned_backward=False, own_losses=frozenset())
        for key in (network.name for network in (*objective.networks, *backward.networks))
    }
    learner = Learner(
        policy=policy,
        objective=objective,
        backward=backward,
        optimizers=Optimizers(),
        auxiliaries=auxiliaries,
        frozen={name: policy.copy() for name in objective.frozen},
    )
    module = GFlowNetModule(learner)
    least = max(objective.least_batch, *(phase.splits for phase in objective.phases()))
    sizes = (1, 2) if least == 1 else (least,)
    batches = [batch for n in sizes for batch in degenerate(environment, policy, reward, n)]
    seen, step = [], module.training_step
    module.training_step = lambda batch, batch_idx: seen.append(step(batch, batch_idx)) or seen[-1]
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, DataLoader(batches, batch_size=None, collate_fn=lambda batch: batch))
    assert len(seen) == len(batches)
    for metrics in seen:
        assert not [key for key, value in metrics.items() if not torch.isfinite(value).all()]
    assert all(torch.isfinite(p).all() for p in module.parameters())
