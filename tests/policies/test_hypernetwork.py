"""Heads whose weights the condition makes: what they compute, how they start, what trains them."""

import pytest
import torch
from tests.environments.hops import Hops
from tests.policies.test_conditions import PAIRS, make, under

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.errors import ConfigError
from molgfn.networks.graph_transformer import compute_products_in
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.hypernetwork import Change, Hypernetwork
from molgfn.policies.mlp import MLPPolicy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler

SPACES = [*PAIRS, (MLPPolicy, Hops())]


def pair(kind, inner):
    """The same policy with a plain head and with a hypernetwork, as it is made."""
    environment = conditional(inner, Temperature())
    return make(kind, environment, std=None), make(kind, environment, std=None, head="hypernetwork")


def visited(policy, n=6):
    return Sampler(policy.environment).forward(policy, n, generator=torch.Generator().manual_seed(0)).states


@pytest.mark.parametrize(("m", "out"), [(3, 4), (11, 4), (11, 1), (0, 4)])
def test_each_row_is_multiplied_by_the_weights_of_its_state(m, out):
    draw = torch.Generator().manual_seed(0)
    whole = torch.randn(4, out, 6, generator=draw, dtype=torch.float64)
    inputs = torch.randn(m, 5, generator=draw, dtype=torch.float64)
    rows = torch.randint(4, (m,), generator=draw)
    found = Change(whole)(inputs, rows)
    wanted = [whole[r, :, :5] @ x + whole[r, :, 5] for r, x in zip(rows.tolist(), inputs, strict=True)]
    torch.testing.assert_close(found, torch.stack(wanted) if wanted else found.new_zeros(0, out))
    if m >= 4:
        torch.testing.assert_close(Change(whole)(inputs[:4]), Change(whole)(inputs[:4], torch.arange(4)))


@pytest.mark.parametrize(("kind", "inner"), SPACES)
def test_it_starts_as_the_plain_head(kind, inner):
    plain, made = pair(kind, inner)
    states = visited(plain)
    torch.testing.assert_close(made(states).forward.log_probs(), plain(states).forward.log_probs(), rtol=0, atol=0)
    assert made.hypernetwork.network[0].in_features == made.environment.condition_size
    hidden = [m.out_features for m in made.hypernetwork.network if isinstance(m, torch.nn.Linear)][:-1]
    assert hidden == [100, 100, 100]


@pytest.mark.parametrize(("kind", "inner"), SPACES)
def test_the_condition_makes_the_weights(kind, inner):
    """Of P_F's last layers and of nothing else: where all else stands still, P_F moves with the condition."""
    _, policy = pair(kind, inner)
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.2)
    for module in policy.modules():  # what else reads the condition, deaf
        if module is not policy and hasattr(module, "condition") and module.condition is not None:
            torch.nn.init.zeros_(module.condition[-1].weight)
    environment, states = policy.environment, visited(policy)
    if kind is MLPPolicy:
        with torch.no_grad():
            for trunk in (policy.trunk, policy.flow_trunk, policy.backward_trunk):
                trunk[0].weight[:, -environment.condition_size :] = 0
    cold, hot = (policy(under(states, beta), backward=True, flow=True) for beta in (40.0, 2.0))
    torch.testing.assert_close(cold.log_flow, hot.log_flow)
    torch.testing.assert_close(cold.backward.log_probs(), hot.backward.log_probs())
    far = (cold.forward.log_probs() - hot.forward.log_probs()).nan_to_num(0.0).abs()
    assert far.max() > 1e-2
    one, other = (policy.hypernetwork.changes(environment, under(states[:1], beta)) for beta in (40.0, 2.0))
    assert all(not torch.allclose(a.weight, b.weight) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("kind", "inner"), SPACES)
def test_gradient_reaches_every_layer_of_it(kind, inner):
    """At the start the last layer, whose step makes a way for the others."""
    _, policy = pair(kind, inner)
    states = visited(policy)
    drawn = policy(states).forward.sample(torch.Generator().manual_seed(0))
    policy(states).forward.log_prob(drawn).sum().backward()
    last = policy.hypernetwork.network[-1]
    assert last.weight.grad.abs().max() > 0
    with torch.no_grad():
        last.weight.add_(last.weight.grad, alpha=0.1)
    policy.zero_grad()
    policy(states).forward.log_prob(drawn).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in policy.hypernetwork.parameters())
    listed = [id(p) for p in policy.parameter_groups()["forward"]]
    assert all(listed.count(id(p)) == 1 for p in policy.hypernetwork.parameters())


@pytest.mark.parametrize(("kind", "inner"), SPACES)
def test_a_copy_by_its_state_is_the_same(kind, inner):
    _, policy = pair(kind, inner)
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.2)
    _, other = pair(kind, inner)
    other.load_state_dict(policy.state_dict())
    states = visited(policy)
    assert torch.equal(other(states).forward.log_probs(), policy(states).forward.log_probs())
    plain, _ = pair(kind, inner)
    assert not any("hypernetwork" in name for name in plain.state_dict())


@pytest.mark.parametrize(("kind", "inner"), SPACES)
def test_without_a_condition_it_is_refused(kind, inner):
    with pytest.raises(ConfigError, match=r"policy\.head: a hypernetwork makes weights of the condition"):
        make(kind, inner, head="hypernetwork")
    assert Hypernetwork.of(inner, None, []) is None


@pytest.mark.parametrize("products", [None, torch.bfloat16])
def test_a_rollout_that_is_kept_is_not_computed_twice(products):
    """log P_F of the step on a kept rollout is that of an evaluation of its own, to the rounding of the products."""
    environment = conditional(PAIRS[1][1], Temperature())
    torch.manual_seed(0)
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=2, head="hypernetwork")
    for p in policy.hypernetwork.parameters():
        torch.nn.init.normal_(p, std=0.1)
    if products is not None:
        assert compute_products_in(products, policy)
    t, kept = Sampler(environment).forward_and_keep(policy, 8, generator=torch.Generator().manual_seed(0))
    t = type(t)(**{**vars(t), "log_reward": torch.zeros(8)})
    assert kept is not None
    once = evaluate(t, policy, quantities=(), kept=kept).log_pf
    again = evaluate(t, policy, quantities=()).log_pf
    torch.testing.assert_close(once, again, rtol=0, atol=1e-5 if products is None else 3e-2)
    gradients = []
    for log_pf in (once, again):
        found = torch.autograd.grad(log_pf.sum(), list(policy.hypernetwork.parameters()))
        gradients.append(torch.cat([g.flatten() for g in found]))
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.999
