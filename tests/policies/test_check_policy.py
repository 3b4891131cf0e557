"""The contract test of policies: shipped ones keep it in every kind of environment, broken ones are named."""

from functools import partial

import pytest
import torch
from tests.environments.hops import Hops
from tests.environments.joined import Joined
from tests.policies.log_prob_only import LogProbOnlyPolicy

from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.tokens import Smiles
from molgfn.errors import ContractError
from molgfn.policies.base import PolicyOutput
from molgfn.policies.distributions import Categorical
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.sequence import GRUPolicy, TransformerPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import check_policy

GRID = HyperGrid(dimensions=2, side=4)
TREES = Fragments(vocabulary=[["C", [0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]], max_fragments=3)
STRINGS = Smiles(alphabet=["C", "O", "=", "(", ")"], max_length=6)
GRAPHS = Joined((0.0, 0.0, 1.0, 1.0))

mlp = partial(MLPPolicy, hidden=16)
transformer = partial(GraphTransformerPolicy, width=16, layers=1)
gru = partial(GRUPolicy, embedding=5, width=8)
causal = partial(TransformerPolicy, width=8, layers=2, heads=2)
gine = partial(MessagePassingPolicy, width=16, layers=1)
gatv2 = partial(MessagePassingPolicy, width=16, layers=1, convolution="gatv2")


def warm(environment):
    return conditional(environment, Temperature())


CASES = {
    "mlp": (mlp, GRID),
    "tables": (TabularPolicy, GRID),
    "no tables": (partial(LogProbOnlyPolicy, hidden=16), GRID),
    "mlp in parts": (mlp, Hops()),
    "tables in parts": (TabularPolicy, Hops()),
    "transformer": (transformer, TREES),
    "gine": (gine, TREES),
    "gatv2": (gatv2, TREES),
    "transformer on pairs and edges": (transformer, GRAPHS),
    "gine on pairs": (gine, Joined(shown="pair")),
    "gru": (gru, STRINGS),
    "causal transformer": (causal, STRINGS),
    "mlp under a condition": (partial(mlp, scale_logits="learned"), warm(GRID)),
    "mlp in parts under a condition": (partial(mlp, scale_logits="learned"), warm(Hops())),
    "transformer under a condition": (partial(transformer, scale_logits="learned"), warm(GRAPHS)),
    "gine under a condition": (gine, warm(GRAPHS)),
    "gru under a condition": (partial(gru, scale_logits="learned"), warm(STRINGS)),
    "causal transformer under a condition": (causal, warm(STRINGS)),
    "gru with a hypernetwork": (partial(gru, head="hypernetwork"), warm(STRINGS)),
    "causal transformer with a hypernetwork": (partial(causal, head="hypernetwork"), warm(STRINGS)),
    "mlp with a hypernetwork": (partial(mlp, head="hypernetwork", scale_logits="learned"), warm(GRID)),
    "mlp in parts with a hypernetwork": (partial(mlp, head="hypernetwork"), warm(Hops())),
    "transformer with a hypernetwork": (partial(transformer, head="hypernetwork"), warm(GRAPHS)),
    "gine with a hypernetwork": (partial(gine, head="hypernetwork"), warm(TREES)),
}


@pytest.mark.parametrize(("make", "environment"), CASES.values(), ids=CASES)
def test_shipped_policies_keep_it(make, environment):
    check_policy(make, environment, walks=12)


class LeavesOneOut(MLPPolicy):
    def group_modules(self):
        return {**super().group_modules(), "flow": []}


class HasOneTwice(MLPPolicy):
    def group_modules(self):
        groups = {k: list(v) for k, v in super().group_modules().items()}
        return {**groups, "flow": [*groups["flow"], *groups["forward"]]}


class ForgetsTheMask(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        free = out.forward and Categorical(out.forward.logits.clamp(min=0), torch.ones_like(out.forward.mask))
        return PolicyOutput(free, out.backward, out.log_flow)


class ForgetsTheMaskBackward(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        free = out.backward and Categorical(out.backward.logits.clamp(min=0), torch.ones_like(out.backward.mask))
        return PolicyOutput(out.forward, free, out.log_flow)


class LooksAtItsNeighbours(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        flow = None if out.log_flow is None else out.log_flow - out.log_flow.mean()
        return PolicyOutput(out.forward, out.backward, flow)


class CountsPlaces(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        place = torch.arange(len(states), dtype=torch.float64)[:, None]
        other = out.forward and Categorical(out.forward.logits * (1 + place), out.forward.mask)
        return PolicyOutput(other, out.backward, out.log_flow)


class AlwaysGivesAll(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        return super().forward(states, forward=True, backward=backward, flow=flow)


class RaisesTwice(MLPPolicy):
    def raise_flow(self, amount):
        super().raise_flow(2 * amount)


class RaisesNothing(MLPPolicy):
    def raise_flow(self, amount):
        pass


class CopiesNothing(MLPPolicy):
    def copy(self):
        return self


class Misnamed(MLPPolicy):
    @property
    def distribution(self):
        return LogProbOnlyPolicy


class KnowsNodesByName(GraphTransformerPolicy):
    """Adds to log F what depends on how the nodes happen to be numbered."""

    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        if out.log_flow is None:
            return out
        return PolicyOutput(out.forward, out.backward, out.log_flow + states.kind[:, 1] - states.kind[:, 2])


class FollowsTheParameters(MLPPolicy):
    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        if out.forward is not None:
            out.forward.frozen = lambda: Live(self, states)
        return out


class Live:
    def __init__(self, policy, states):
        self.policy, self.states = policy, states

    def sample(self, generator=None):
        return MLPPolicy.forward(self.policy, self.states).forward.sample(generator)

    def log_prob(self, actions):
        return MLPPolicy.forward(self.policy, self.states).forward.log_prob(actions)


class SharesSilently(MLPPolicy):
    """Takes no ``own_losses`` and reads log F from P_F's trunk."""

    def __init__(self, *, environment, learned_backward=False, hidden=16):
        super().__init__(environment=environment, learned_backward=learned_backward, hidden=hidden, share_trunk=True)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (LeavesOneOut, "group_modules leaves out flow_trunk"),
        (HasOneTwice, "more than once"),
        (ForgetsTheMask, "P_F draws illegal actions"),
        (ForgetsTheMaskBackward, "P_B draws illegal actions"),
        (LooksAtItsNeighbours, "log F of a state depends on its company"),
        (CountsPlaces, "do not sum to one|the order of states changes P_F"),
        (AlwaysGivesAll, "asked for P_B alone, it also gives forward"),
        (RaisesTwice, "does not add 1.5"),
        (RaisesNothing, "does not add 1.5"),
        (CopiesNothing, "raise_flow|copy"),
        (Misnamed, "says that P_F is a LogProbOnlyPolicy, but gives a Categorical"),
        (FollowsTheParameters, "frozen.. of P_F follows the parameters"),
        (SharesSilently, "takes no `own_losses`: what P_F reads would not be trained for log F"),
    ],
)
def test_broken_policies_are_named(kind, says):
    with pytest.raises(ContractError, match=f"^{kind.__name__}.*(?:{says})"):
        check_policy(partial(kind, hidden=16), GRID, walks=12)


def test_isomorphic_states_that_differ_are_named():
    make = partial(KnowsNodesByName, width=16, layers=1)
    with pytest.raises(ContractError, match=r"the same up to relabelling .* differ in log F"):
        check_policy(make, GRAPHS, walks=40)


@pytest.mark.parametrize("kind", [MLPPolicy, GraphTransformerPolicy])
def test_a_trunk_that_is_shared_against_the_default_is_said_and_named(kind, caplog):
    size = {"hidden": 16} if kind is MLPPolicy else {"width": 16, "layers": 1}
    with pytest.raises(ContractError, match=r"the gradient of log F reaches .* though `own_losses` names it"):
        check_policy(partial(kind, share_trunk=True, **size), GRID if kind is MLPPolicy else GRAPHS, walks=8)
    assert any("policy.share_trunk: the trunk learns for P_F alone" in r.message for r in caplog.records)


class RollsOutAnother(MLPPolicy):
    def for_rollout(self):
        choice = super().for_rollout()
        return lambda states: choice(states).tempered(2.0)


def test_a_rollout_of_another_policy_is_named():
    with pytest.raises(ContractError, match="for_rollout"):
        check_policy(partial(RollsOutAnother, hidden=16), GRID, walks=12)


def test_a_rollout_asks_forward_where_a_class_has_its_own():
    torch.manual_seed(0)
    policy = ForgetsTheMask(environment=GRID, hidden=16)
    states = GRID.initial(2)
    assert torch.equal(policy.for_rollout()(states).log_p, policy(states).forward.log_p)
    policy = MLPPolicy(environment=GRID, hidden=16)
    policy.trunk[0].register_forward_hook(lambda module, inputs, output: output + 1)
    assert torch.equal(policy.for_rollout()(states).log_p, policy(states).forward.log_p)
