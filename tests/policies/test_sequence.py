"""Policies that read sequences: each string once for all its prefixes, each token once in a rollout."""

import pytest
import torch
from torch.nn import functional

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.tokens import Smiles
from molgfn.errors import ConfigError, ContractError
from molgfn.networks.sequences import CausalTransformer, Recurrent
from molgfn.policies.carried import Carried
from molgfn.policies.sequence import GRUPolicy, TransformerPolicy
from molgfn.policies.sequence.runs import Runs
from molgfn.testing import check_policy
from molgfn.trajectories.sampler import Sampler

SPACE = Smiles(max_length=20)


def made(kind, environment=SPACE, **settings):
    sizes = {"embedding": 6, "width": 16} if kind is GRUPolicy else {"width": 16, "heads": 4, "layers": 2}
    torch.manual_seed(0)
    return kind(environment=environment, **sizes, **settings).double()


KINDS = pytest.mark.parametrize("kind", [GRUPolicy, TransformerPolicy])
WHERE = pytest.mark.parametrize("environment", [SPACE, conditional(SPACE, Temperature())], ids=["plain", "conditional"])


@WHERE
def test_the_states_of_a_trajectory_are_one_run(environment):
    policy = made(GRUPolicy, environment)
    t = Sampler(environment).forward(policy, 12, generator=torch.Generator().manual_seed(0))
    runs = Runs.of(environment.encode(t.states))
    assert torch.equal(runs.run, t.trajectory)
    assert torch.equal(runs.last, t.last)
    order = torch.randperm(len(t.states), generator=torch.Generator().manual_seed(0))
    mixed = Runs.of(environment.encode(t.states[order]))
    assert len(mixed.last) > len(t.states) - 12
    assert len(Runs.of(environment.encode(t.states[:0])).last) == 0


def test_runs_end_where_a_prefix_or_the_condition_changes():
    environment = conditional(SPACE, Temperature())
    plain = SPACE._written([[], [1], [1, 2], [1, 3], [1, 3, 3], [1, 3, 3], [2, 3, 3, 4], [2, 3, 3, 4, 5]])
    assert Runs.of(SPACE.encode(plain)).run.tolist() == [0, 0, 0, 1, 1, 2, 3, 3]
    states = environment._under(plain, torch.tensor([[1.0]] * 2 + [[2.0]] * 6).double())
    assert Runs.of(environment.encode(states)).run.tolist() == [0, 0, 1, 2, 2, 3, 4, 4]


@KINDS
@WHERE
def test_a_string_is_read_once_and_gives_what_its_prefixes_give_alone(kind, environment, monkeypatch):
    policy = made(kind, environment)
    t = Sampler(environment).forward(policy, 12, generator=torch.Generator().manual_seed(0))
    read = []
    whole = type(policy.encoder.trunk).forward
    monkeypatch.setattr(
        type(policy.encoder.trunk), "forward", lambda self, x, n: (read.append(x.shape[:2]), whole(self, x, n))[1]
    )
    together = policy(t.states, forward=True, flow=True)
    assert read == [(12, int(t.lengths.max()))]
    one_by_one = [policy(t.states[i : i + 1], forward=True, flow=True) for i in range(len(t.states))]
    log_p = torch.cat([out.forward.log_probs() for out in one_by_one])
    torch.testing.assert_close(together.forward.log_probs(), log_p, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        together.log_flow, torch.cat([out.log_flow for out in one_by_one]), rtol=1e-10, atol=1e-12
    )


@KINDS
def test_gradients_are_those_of_the_prefixes_alone(kind):
    policy = made(kind)
    t = Sampler(SPACE).forward(policy, 6, generator=torch.Generator().manual_seed(0))
    gradients = []
    for order in (torch.arange(len(t.states)), torch.arange(len(t.states)).flip(0)):  # backwards nothing is a run
        policy.zero_grad()
        (policy(t.states[order]).forward.log_prob(t.actions[order]) * (order + 1.0)).sum().backward()
        gradients.append([p.grad.clone() for p in policy.group_modules()["forward"] if p.grad is not None])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@KINDS
@WHERE
@pytest.mark.parametrize("compact", [True, False])
def test_a_rollout_reads_each_token_once(kind, environment, compact, monkeypatch):
    """The trajectories are those of a policy that reads the whole prefix at every step."""
    policy = made(kind, environment)
    choice = policy.for_rollout()
    assert isinstance(choice, Carried)
    sampler = Sampler(environment, compact=compact)
    places = []
    step = type(policy.encoder.trunk).step
    monkeypatch.setattr(
        type(policy.encoder.trunk), "step", lambda self, x, *rest: (places.append(x.shape), step(self, x, *rest))[1]
    )
    fast = sampler.forward(policy, 16, generator=torch.Generator().manual_seed(1))
    assert len(places) == (int(fast.lengths.max()) if compact else environment.max_steps) - 1
    assert all(len(shape) == 2 for shape in places)
    monkeypatch.setattr(kind, "for_rollout", lambda self: self._present)
    slow = sampler.forward(policy, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(fast.actions, slow.actions)
    assert torch.equal(fast.trajectory, slow.trajectory)


@KINDS
def test_a_rollout_from_given_states(kind, monkeypatch):
    """Local search starts from strings of different lengths."""
    policy = made(kind)
    start = SPACE._written([[], [3, 4, 5], [1] * 19, [2] * 20, [7]])
    fast = Sampler(SPACE).forward(policy, 5, generator=torch.Generator().manual_seed(1), start=start)
    monkeypatch.setattr(kind, "for_rollout", lambda self: self._present)
    slow = Sampler(SPACE).forward(policy, 5, generator=torch.Generator().manual_seed(1), start=start)
    assert torch.equal(fast.actions, slow.actions)
    assert SPACE.keys(fast.terminal)[3] == (2,) * 20


class Forgetful(GRUPolicy):
    """Carries something, but does not follow who leaves."""

    def for_rollout(self):
        choice = super().for_rollout()
        choice.keep = lambda rows: setattr(
            choice.memory, "hidden", choice.memory.hidden[:, : len(rows)].contiguous()
        )  # the first rows instead of those that stay
        return choice


def test_the_contract_notices_a_memory_of_other_rows():
    environment = Smiles(alphabet=["C", "O", "(", ")"], max_length=5)

    def make(**needs):
        return Forgetful(embedding=4, width=8, **needs)

    with pytest.raises(ContractError, match=r"for_rollout\(\) has another P_F at step"):
        check_policy(make, environment)


def test_recurrent_units_are_those_of_the_paper():
    """One layer by hand: h' = (1 - z) n + z h (torch's form of Cho et al. 2014)."""
    torch.manual_seed(0)
    trunk = Recurrent(inputs=3, width=4, layers=1).double()
    x, h, out = torch.randn(2, 5, 3).double(), torch.zeros(2, 4).double(), []
    w, u, b, c = (p.detach() for p in trunk.gru.parameters())
    for t in range(5):
        (r1, z1, n1), (r2, z2, n2) = (x[:, t] @ w.T + b).chunk(3, 1), (h @ u.T + c).chunk(3, 1)
        r, z = torch.sigmoid(r1 + r2), torch.sigmoid(z1 + z2)
        h = (1 - z) * torch.tanh(n1 + r * n2) + z * h
        out.append(h)
    torch.testing.assert_close(trunk(x, torch.tensor([5, 5])), torch.stack(out, 1), rtol=1e-12, atol=1e-12)


def test_attention_is_softmax_over_earlier_places():
    torch.manual_seed(0)
    trunk = CausalTransformer(width=8, layers=1, heads=2, expansion=2, places=6).double()
    x = torch.randn(3, 6, 8).double()
    layer, y = trunk.layers[0], x + trunk.place.weight[:6]
    h = functional.layer_norm(y, (8,), layer.norm.weight, layer.norm.bias)
    q, k, v = (part.view(3, 6, 2, 4) for part in layer.qkv(h).chunk(3, 2))
    score = torch.einsum("bihd,bjhd->bhij", q, k) / 2
    score = score.masked_fill(torch.ones(6, 6).triu(1).bool(), -torch.inf).softmax(-1)
    y = y + layer.out(torch.einsum("bhij,bjhd->bihd", score, v).reshape(3, 6, 8))
    y = y + layer.feed_out(functional.gelu(layer.feed_in(layer.feed_norm(y))))
    torch.testing.assert_close(trunk(x, torch.full((3,), 6)), trunk.norm(y), rtol=1e-10, atol=1e-12)


@KINDS
def test_what_is_refused(kind):
    with pytest.raises(ConfigError, match=rf"{kind.__name__} reads sequence states, but HyperGrid gives vector states"):
        kind(environment=HyperGrid(dimensions=2, side=4))
    with pytest.raises(ConfigError, match="but there is none"):
        made(kind, scale_logits="learned")
    if kind is TransformerPolicy:
        with pytest.raises(ConfigError, match=r"width \(18\) is not a multiple of heads \(4\)"):
            kind(environment=SPACE, width=18, heads=4)


@KINDS
def test_trunks_are_shared_but_for_what_has_a_loss_of_its_own(kind):
    assert made(kind).flow_encoder is None
    own = made(kind, own_losses=frozenset({"flow", "backward"}), learned_backward=True)
    assert own.flow_encoder is not None
    assert own.backward_encoder is not None
    assert made(kind, share_trunk=False).flow_encoder is not None
    assert made(kind, share_trunk=True, own_losses=frozenset({"flow"})).flow_encoder is None
