"""Log-probabilities, flows and losses are float32 under every half precision, and those of the same logits."""

from types import SimpleNamespace

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.objectives.base import ObjectiveOutput
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.policies.distributions import Categorical, Packing, Staged
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.training.updates.gradient_steps import losses_of
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor, evaluate_backward
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.children import LogChildFactor, LogChildren, LogPathFactor, LogPFAll
from molgfn.trajectories.quantities.divergences import KL, KLOld
from molgfn.trajectories.quantities.flows import LogFlow, LogZ, NextLogFlow, TargetLogFlow, TargetLogPF
from molgfn.trajectories.quantities.forward import Entropy, LogPFExit
from molgfn.trajectories.quantities.inflow import LogInflow
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.quantities.rewards import LogRewardState
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler

HALF = [torch.bfloat16, torch.float16]
GRID = HyperGrid(dimensions=2, side=5)
MOLECULES = Fragments(vocabulary=[["C", [0]], ["CC", [0, 1]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]]], max_fragments=3)
EVERYTHING = (
    *(LogPB, LogFlow, Entropy, LogPFExit, KL, KLOld, LogPFAll, LogChildren, LogPathFactor, LogChildFactor),
    *(LogRewardState, LogInflow, NextLogFlow, TargetLogFlow, TargetLogPF, LogZ),
)
POLICIES = {
    "mlp": lambda: MLPPolicy(environment=GRID, learned_backward=True, hidden=16),
    "tabular": lambda: TabularPolicy(environment=GRID, learned_backward=True),
    "fixed": lambda: MLPPolicy(environment=GRID, hidden=16),
    "graph_transformer": lambda: GraphTransformerPolicy(
        environment=MOLECULES, learned_backward=True, width=16, layers=1
    ),
    "gine": lambda: MessagePassingPolicy(environment=MOLECULES, learned_backward=True, width=16, layers=1),
    "gatv2": lambda: MessagePassingPolicy(
        environment=MOLECULES, learned_backward=True, width=16, layers=1, convolution="gatv2"
    ),
}


@pytest.mark.parametrize("dtype", HALF)
def test_a_distribution_of_half_logits_is_that_of_the_same_logits_in_float32(dtype):
    logits, mask = 6 * torch.randn(40, 30), torch.rand(40, 30) < 0.7
    mask[:, 0] = True
    half = logits.to(dtype)
    plain = torch.log_softmax(half.float().masked_fill(~mask, -1e9), -1)
    distribution, other = Categorical(half, mask), Categorical((logits / 2).to(dtype), mask)
    assert torch.equal(distribution.log_p, plain)
    for value in (distribution.entropy(), distribution.kl(other), distribution.log_prob(torch.zeros(40).long())):
        assert value.dtype == torch.float32
    assert (distribution.kl(other) > 0).all()
    assert not distribution.kl(distribution).any()
    gap = distribution.mean_gap([(torch.zeros(40, dtype=dtype), other)])
    torch.testing.assert_close(gap, distribution.kl(other))
    for made in (distribution.tempered(2.0), distribution.uniform(), distribution.frozen()):
        assert made.log_p.dtype == torch.float32


@pytest.mark.parametrize("dtype", HALF)
def test_a_staged_distribution_of_half_logits(dtype):
    where, what, mask = torch.randn(8, 4).to(dtype), torch.randn(8, 4, 5).to(dtype), torch.ones(8, 4).bool()

    def staged(shift):
        return Staged(
            Categorical(where + shift, mask),
            lambda rows, c: Categorical(what[rows, c[:, 0]] * (1 + shift), torch.ones(len(rows), 5).bool()),
            packing=Packing((5,)),
        )

    one, other = staged(0.0), staged(0.5)
    torch.testing.assert_close(one.log_probs().exp().sum(1), torch.ones(8))
    for value in (one.log_probs(), one.entropy(), one.kl(other), one.log_prob(one.sample())):
        assert value.dtype == torch.float32
    assert (one.kl(other) > -1e-6).all()


@pytest.mark.parametrize("how", ["autocast bfloat16", "autocast float16", "bfloat16 weights", "float32"])
@pytest.mark.parametrize("name", POLICIES)
def test_everything_scored_is_float32(name, how):
    torch.manual_seed(0)
    policy = POLICIES[name]()
    environment = policy.environment
    drawn = Sampler(environment).forward(policy, 16, generator=torch.Generator().manual_seed(0))
    if environment is MOLECULES:
        reward = Power(oracle=QED(), beta=64.0)
    else:
        oracle = GridOracle(dimensions=2, side=5)
        reward = Power(oracle=oracle, beta=64.0)
    batch = find_rewards(drawn, environment, reward, state_rewards=True).trajectories
    old = policy.copy()
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(0.1 * torch.randn_like(p))
    if how == "bfloat16 weights":
        policy, old = policy.bfloat16(), old.bfloat16()
    dtype = torch.float16 if "float16" in how.split() else torch.bfloat16
    with torch.autocast("cpu", dtype=dtype, enabled=how.startswith("autocast")):
        _, anchor = evaluate_and_anchor(batch, old, quantities=(LogPB,))
        networks = Networks(target=old)
        evaluated = evaluate(batch, policy, quantities=EVERYTHING, joint=True, anchor=anchor, networks=networks)
        backward = evaluate_backward(batch, policy) if policy.learned_backward else evaluated
        distribution = policy(batch.states).forward
    fields = [("log_pf", evaluated.log_pf), ("log_reward", evaluated.log_reward), *evaluated.values.items()]
    for field, value in [*fields, *backward.values.items()]:
        assert value.dtype == torch.float32, field
    torch.testing.assert_close(evaluated.log_reward, batch.log_target.float())  # not rounded to a half type either
    torch.testing.assert_close(distribution.log_probs().exp().sum(1), torch.ones(len(batch.states)))
    assert (evaluated[KL] > -1e-6).all()
    assert (evaluated[KLOld] > -1e-6).all()


def test_objectives_compute_outside_autocast():
    """A matrix product of float32 stays one in an objective: RL-B's advantages are such a product."""
    seen = []

    def loss(evaluated):
        seen.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
        return ObjectiveOutput({})

    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses_of(loss, SimpleNamespace(mask=torch.ones(1, 1, dtype=torch.bool)))
    assert seen == [torch.float32]
