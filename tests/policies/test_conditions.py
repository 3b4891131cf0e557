"""How policies read a condition; without one nothing of it is there."""

import dataclasses
import math

import pytest
import torch
from tests.environments.joined import Joined

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import ConditionalStates, conditional
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.log_z import LogZ
from molgfn.policies.mlp import MLPPolicy
from molgfn.trajectories.sampler import Sampler

TREES = Fragments(vocabulary=[["C", [0]], ["c1ccccc1", [0, 3]]], max_fragments=3)
SIZES = {
    MLPPolicy: {"hidden": 16},
    GraphTransformerPolicy: {"width": 16, "layers": 2},
    MessagePassingPolicy: {"width": 16, "layers": 2},
}
PAIRS = [
    (MLPPolicy, HyperGrid(dimensions=2, side=4)),
    (GraphTransformerPolicy, TREES),
    (MessagePassingPolicy, TREES),
    (GraphTransformerPolicy, Joined()),
]


def make(kind, environment, *, std=0.3, **arguments):
    torch.manual_seed(0)
    policy = kind(environment=environment, learned_backward=True, **SIZES[kind], **arguments).double()
    if std:
        for p in policy.parameters():
            torch.nn.init.normal_(p, std=std)
    return policy


def under(states, beta):
    return ConditionalStates(inner=states.inner, values=torch.full_like(states.values, beta))


@pytest.mark.parametrize(("kind", "inner"), PAIRS)
def test_the_condition_changes_everything_that_is_read(kind, inner):
    """P_F, P_B, log F at every state, the empty graph among them, and log Z."""
    environment = conditional(inner, Temperature())
    policy = make(kind, environment)
    states = Sampler(environment).forward(policy, 8, generator=torch.Generator().manual_seed(0)).states
    cold, hot = (policy(under(states, beta), backward=True, flow=True) for beta in (32.0, 2.0))
    assert ((cold.log_flow - hot.log_flow).abs() > 1e-6).all()
    choice = environment.forward_mask(states).sum(1) > 1
    far = (cold.forward.log_probs() - hot.forward.log_probs()).nan_to_num(0.0).abs().amax(1)
    assert (far[choice] > 1e-6).all()
    several = environment.backward_mask(states).sum(1) > 1
    far = (cold.backward.log_probs() - hot.backward.log_probs()).nan_to_num(0.0).abs().amax(1)
    if several.any():
        assert far[several].max() > 1e-6
    z = policy.log_z_of(under(states, 32.0))
    assert z.shape == (len(states),)
    assert (z - policy.log_z_of(under(states, 2.0))).abs().max() > 1e-6


@pytest.mark.parametrize("kind", [GraphTransformerPolicy, MessagePassingPolicy])
def test_every_layer_of_a_graph_policy_reads_it(kind):
    """The part of the condition that one layer reads, set to zero, changes the nodes; so does that of the graph."""
    environment = conditional(TREES, Temperature())
    policy = make(kind, environment)
    states = environment.initial(1)
    states = environment.step(states, environment.forward_mask(states).int().argmax(1))
    g = environment.encode(states)
    nodes, graphs = (getattr(policy.encoder(g), name) for name in ("nodes", "graphs"))
    width = 16
    for part in range(3):
        other = make(kind, environment)
        last = other.encoder.condition[-1]
        with torch.no_grad():
            last.weight[part * width : (part + 1) * width] = 0
            last.bias[part * width : (part + 1) * width] = 0
        assert not torch.allclose(other.encoder(g).graphs, graphs)
        assert torch.allclose(other.encoder(g).nodes, nodes) == (part == 2)


@pytest.mark.parametrize("kind", [GraphTransformerPolicy, MessagePassingPolicy])
def test_packed_is_padded_under_a_condition(kind):
    environment = conditional(TREES, Temperature())
    policy = make(kind, environment)
    states = Sampler(environment).forward(policy, 6, generator=torch.Generator().manual_seed(0)).states
    packed = policy.encoder(environment.encode(states))
    padded = dataclasses.replace(TREES.encode(states.inner, padded=True), condition=environment.condition(states))
    torch.testing.assert_close(policy.encoder(padded).graphs, packed.graphs)


@pytest.mark.parametrize(("kind", "inner"), PAIRS)
def test_without_a_condition_there_is_nothing_of_it(kind, inner):
    """The same parameters in the same order as of a policy that knows none; the first ones drawn are the same."""
    plain, carried = make(kind, inner, std=None), make(kind, conditional(inner, Temperature()), std=None)
    names = list(plain.state_dict())
    assert names == [n for n in carried.state_dict() if not n.startswith("log_z.head") and ".condition" not in n]
    assert not any("condition" in n or "scale" in n or "head" in n.split(".")[1:2] for n in names)
    assert names[0] == "log_z.constant"


def test_log_z_is_a_function_that_starts_as_a_number():
    module = LogZ(3.0, 4)
    condition = torch.randn(5, 4)
    assert module(condition).tolist() == [3.0] * 5
    module(condition).sum().backward()
    assert module.constant.grad.item() == 5
    assert module.head[-1].weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="which was not given"):
        module()
    assert LogZ(3.0)(None).item() == 3.0
    assert [n for n, _ in LogZ(3.0).named_parameters()] == ["constant"]


def test_log_z_learns_a_function_of_the_condition():
    """log Z(c) of a line in beta, by its own rate, to a tenth."""
    environment = conditional(HyperGrid(dimensions=1, side=2), Temperature())
    policy = make(MLPPolicy, environment, std=None)
    optimizer = torch.optim.Adam(policy.parameter_groups()["log_z"], lr=0.02)
    g = torch.Generator().manual_seed(0)
    for _ in range(600):
        states = environment.draw_initial(64, g)
        wanted = 2 + 3 * states.values[:, 0].log() / math.log(64)
        loss = (policy.log_z_of(states) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


@pytest.mark.parametrize(("kind", "inner"), PAIRS)
def test_logits_are_scaled_by_a_number_of_the_condition(kind, inner):
    """At first by 1, whatever the condition; then every logit of P_F by one number of the condition, P_B's by none."""
    environment = conditional(inner, Temperature())
    plain, scaled = make(kind, environment, std=None), make(kind, environment, std=None, scale_logits="learned")
    states = Sampler(environment).forward(plain, 6, generator=torch.Generator().manual_seed(0)).states
    torch.testing.assert_close(scaled(states).forward.log_probs(), plain(states).forward.log_probs())
    torch.nn.init.normal_(scaled.logit_scale.network[-1].weight)
    scale = scaled.logit_scale.network(environment.condition(states).double()).squeeze(1).exp()
    assert scale.std() > 0
    wanted = plain(states).forward.tempered(1 / scale).log_probs()
    torch.testing.assert_close(scaled(states).forward.log_probs(), wanted)
    back = [p(states, forward=False, backward=True).backward.log_probs() for p in (plain, scaled)]
    torch.testing.assert_close(*back)
    listed = {id(p) for p in scaled.parameter_groups()["forward"]}
    assert all(id(p) in listed for p in scaled.logit_scale.parameters())


@pytest.mark.parametrize(("kind", "inner"), PAIRS)
def test_a_scale_without_a_condition_is_refused(kind, inner):
    with pytest.raises(ConfigError, match=r"policy\.scale_logits: scales by the condition, but there is none"):
        kind(environment=inner, scale_logits="learned", **SIZES[kind])
