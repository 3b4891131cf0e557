"""Graph policies on atoms: exact probabilities, packed and padded graphs, isomorphic states."""

from functools import partial

import pytest
import torch
from tests.environments.atoms.spaces import DRUG_LIKE, uniform_walk

from molgfn.conditions.draws import LogUniform
from molgfn.conditions.temperature import Temperature
from molgfn.environments.atoms import Atoms, encoding
from molgfn.environments.conditional import Conditional
from molgfn.environments.enumeration import enumerate_states
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.testing import check_policy
from molgfn.trajectories.sampler import Sampler

transformer = partial(GraphTransformerPolicy, width=16, layers=2)
gine = partial(MessagePassingPolicy, width=16, layers=2)


@pytest.mark.parametrize("make", [transformer, gine], ids=["transformer", "gine"])
@pytest.mark.parametrize(
    "arguments",
    [{"types": ["C", "N", "O"], "max_atoms": 4}, {**DRUG_LIKE, "max_atoms": 10}],
    ids=["small", "all rules"],
)
def test_policies_keep_their_contract(make, arguments):
    check_policy(make, Atoms(**arguments), walks=8)


@pytest.mark.parametrize("arguments", [{}, {**DRUG_LIKE, "max_atoms": 12}], ids=["qm9", "all rules"])
def test_padded_graphs_are_the_packed_ones(arguments, monkeypatch):
    """What a GPU reads, without looking at what was computed, gives the numbers of what a CPU reads."""
    torch.manual_seed(0)
    environment = Atoms(**arguments)
    policy = transformer(environment=environment, learned_backward=True).double()
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    states = type(environment.initial(1)).cat([s for s, _ in uniform_walk(environment, 6, 0, stop=False)])
    packed = policy(states, backward=True, flow=True)
    encode = environment.encode
    environment.encode = lambda states: encode(states, padded=True)
    for module in ("legal", "rings"):
        monkeypatch.setattr(f"molgfn.environments.atoms.{module}.waits", lambda device: False)
    padded = policy(states, backward=True, flow=True)
    for one, other in ((packed.forward, padded.forward), (packed.backward, padded.backward)):
        torch.testing.assert_close(one.log_probs(), other.log_probs(), rtol=0, atol=1e-9)
    torch.testing.assert_close(packed.forward.entropy(), padded.forward.entropy(), rtol=0, atol=1e-9)
    torch.testing.assert_close(packed.forward.kl(padded.forward), torch.zeros(len(states)).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(packed.log_flow, padded.log_flow, rtol=0, atol=1e-9)


def test_many_graphs_are_encoded_by_their_size_and_put_together():
    """Whatever a state is encoded with, all that a policy reads of it is the same."""
    torch.manual_seed(0)
    environment = Atoms(**{**DRUG_LIKE, "max_atoms": 14})
    policy = transformer(environment=environment, learned_backward=True).double()
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    states = type(environment.initial(1)).cat([s for s, _ in uniform_walk(environment, 40, 0, stop=False)])
    assert len(states) > 2 * encoding._TOGETHER
    whole = policy(states, backward=True, flow=True)
    for part in torch.randperm(len(states), generator=torch.Generator().manual_seed(0)).split(100):
        some = policy(states[part], backward=True, flow=True)
        for name in ("forward", "backward"):
            one, other = getattr(some, name).log_probs(), getattr(whole, name).log_probs()[part]
            torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
        torch.testing.assert_close(some.log_flow, whole.log_flow[part], rtol=0, atol=1e-9)


def test_a_rollout_computes_no_removals_and_the_same_policy(monkeypatch):
    """What P_F and log F are is the same with and without what P_B reads; also behind a condition."""
    inner = Atoms(**{**DRUG_LIKE, "max_atoms": 12})
    beta = Temperature(beta=LogUniform(low=1.0, high=8.0))
    for environment in (inner, Conditional(inner, beta)):
        torch.manual_seed(0)
        policy = transformer(environment=environment).double()
        with torch.no_grad():
            walked = Sampler(environment).forward(policy, 6, generator=torch.Generator().manual_seed(0))
            whole = policy(walked.states, backward=True, flow=True)
        with monkeypatch.context() as patch:
            patch.setattr("molgfn.environments.atoms.encoding.backward", None)  # a call fails
            again = Sampler(environment).forward(policy, 6, generator=torch.Generator().manual_seed(0))
            bare = policy(again.states, flow=True)
        torch.testing.assert_close(bare.forward.log_probs(), whole.forward.log_probs(), rtol=0, atol=1e-12)
        torch.testing.assert_close(bare.log_flow, whole.log_flow, rtol=0, atol=1e-12)
        assert environment.encode(walked.states).removal_action.numel() > len(walked.lengths)


def test_probabilities_of_all_actions_sum_to_one_where_they_are_legal():
    environment = Atoms(types=["C", "N", "O"], max_atoms=4)
    states = enumerate_states(environment).states
    table = transformer(environment=environment)(states).forward.log_probs()
    assert torch.equal(table > -torch.inf, environment.forward_mask(states))
    torch.testing.assert_close(table.exp().sum(1), torch.ones(len(states)))
