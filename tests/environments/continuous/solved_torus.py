"""The exact policy of a torus with a von Mises reward: even turns, then one that draws the object."""

import math

import torch

from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.densities.families import VonMises
from molgfn.policies.densities.hybrid import Hybrid
from molgfn.policies.densities.mixture import Mixture, Reference
from molgfn.policies.distributions import Categorical

#: R(x) = exp(LOG_Z) prod_i von Mises(x_i; MEAN_i, KAPPA_i)
LOG_Z, MEAN, KAPPA = 1.25, torch.tensor([0.7, -2.0]).double(), torch.tensor([3.0, 0.8]).double()


def log_reward(angle):
    return LOG_Z + VonMises().log_prob(angle, MEAN, KAPPA).sum(1)


class SolvedTorus(Policy):
    """P_B is uniform on the torus, so F(s) = Z / (2 pi)^d on the way, and P_F before the last turn is uniform, too."""

    reads = frozenset({"vector"})

    def __init__(self, *, environment):
        super().__init__(environment=environment, learned_backward=False, initial_log_z=LOG_Z)
        self.double()
        self.shift = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))  # off the exact policy

    @property
    def distribution(self):
        return Hybrid

    backward_distribution = distribution

    def forward(self, states, *, forward=True, backward=False, flow=False):
        e, n, d = self.environment, len(states), len(MEAN)
        last = (states.clock == e.moves - 1)[:, None]
        out = {}
        if forward:
            weights = torch.zeros(n, 1, 1, dtype=torch.float64)
            mean, kappa = MEAN - states.angle + self.shift, KAPPA.expand(n, d)
            mixture = Mixture(VonMises(), weights, mean[..., None], torch.where(last, kappa, 1e-12)[..., None])
            out["forward"] = Hybrid(
                Categorical(weights[..., 0].expand(n, 2), e.choice_mask(states)), mixture, e.chart(states)
            )
        if backward:
            choice = Categorical(torch.zeros(n, 1, dtype=torch.float64), e.backward_choice_mask(states))
            out["backward"] = Hybrid(choice, Reference(VonMises(), states.angle), e.backward_chart(states))
        if flow:
            on_the_way = torch.full((n,), LOG_Z - d * math.log(2 * math.pi), dtype=torch.float64)
            flows = torch.where(states.clock == e.moves, log_reward(states.angle), on_the_way)
            out["log_flow"] = torch.where(states.clock == 0, LOG_Z, flows)
        return PolicyOutput(**out)

    def group_modules(self):
        return {"forward": [self.shift], "backward": [], "flow": []}
