"""What flows into a state from all its parents."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from molgfn.environments.enumerable import enumerable
from molgfn.networks.segments import segment_logsumexp
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation


class LogInflow(Quantity):
    """[B, T], log of the sum over all parents p of s_t and actions a that lead here of F(p) P_F(a | p); 0 at the
    source.

    Edges are counted as P_B counts them, one for each backward action (spec of the flow-matching condition: Bengio et
    al. 2021, arXiv 2106.04399, equation 9). Evaluates the policy at all parents of every state.
    """

    name: ClassVar[str] = "log_inflow"
    of_keyed_states: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        t, policy = evaluation.trajectories, evaluation.network()
        environment = enumerable(policy.environment, "the flow from all parents")
        row, back = environment.legal_backward_actions(t.states)
        after = t.states[row]
        parents = environment.undo(after, back)
        actions = environment.forward_action(after, back, parents)
        out = policy(parents, forward=True, flow=True)
        edge = out.log_flow + out.forward.log_prob(actions)  # type: ignore[operator, union-attr]
        inflow = segment_logsumexp(edge, row, len(t.actions))
        return torch.where(t.step == 0, torch.zeros_like(inflow), inflow)
