"""A policy whose distribution promises what all do and no more, as a choice among very many has to."""

from molgfn.policies.base import PolicyOutput
from molgfn.policies.distributions import ActionDistribution
from molgfn.policies.mlp import MLPPolicy


class LogProbOnly(ActionDistribution):
    """A choice of which only single probabilities can be had."""

    def __init__(self, choice):
        self._choice = choice

    def sample(self, generator=None):
        return self._choice.sample(generator)

    def log_prob(self, actions):
        return self._choice.log_prob(actions)

    def frozen(self):
        return LogProbOnly(self._choice.frozen())


class LogProbOnlyPolicy(MLPPolicy):
    """The MLP, with its tables hidden."""

    @property
    def distribution(self):
        return LogProbOnly

    def forward(self, states, *, forward=True, backward=False, flow=False):
        out = super().forward(states, forward=forward, backward=backward, flow=flow)
        return PolicyOutput(LogProbOnly(out.forward) if forward else None, out.backward, out.log_flow)
