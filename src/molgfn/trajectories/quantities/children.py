"""Everything about all legal actions of a state: for small action spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from molgfn.environments.actions import listed
from molgfn.environments.enumerable import enumerable
from molgfn.policies.distributions import Capability, HasTable, require
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.evaluation import Evaluation
from molgfn.trajectories.quantities.networks import Head


class LogPFAll(Quantity):
    """[B, T, A], log P_F of every action; -inf where illegal."""

    name: ClassVar[str] = "log_pf_all"
    of_listed_actions: ClassVar[bool] = True
    reads: ClassVar[tuple[Head, ...]] = (Head("forward"),)
    needs: ClassVar[tuple[type[Capability], ...]] = (HasTable,)
    padding: ClassVar[float] = -torch.inf

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return require(evaluation.forward(), HasTable, cls.name).log_probs()


class LogChildren(Quantity):
    """[B, T, A], log flow of what every legal action leads to, by the target network where there is one, no gradient;
    -inf where illegal and at stop.
    """

    name: ClassVar[str] = "log_children"
    of_keyed_states: ClassVar[bool] = True
    of_listed_actions: ClassVar[bool] = True
    padding: ClassVar[float] = -torch.inf

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.shared(_children).log_flow


class LogPathFactor(Quantity):
    """[B, T], log g(s_t), g = product of (legal actions at s_i) / (parents of s_{i+1}) on the way."""

    name: ClassVar[str] = "log_path_factor"
    of_keyed_states: ClassVar[bool] = True

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.shared(_path_factors)[0]


class LogChildFactor(Quantity):
    """[B, T, A], ``log_path_factor`` of what every legal action leads to; -inf where illegal."""

    name: ClassVar[str] = "log_child_factor"
    of_keyed_states: ClassVar[bool] = True
    of_listed_actions: ClassVar[bool] = True
    padding: ClassVar[float] = -torch.inf

    @classmethod
    def compute(cls, evaluation: Evaluation) -> Tensor:
        return evaluation.shared(_children).log_factor


@dataclass(frozen=True)
class _Children:
    """[S, A] each: log flow, and log g, of what every action but stop leads to; -inf elsewhere."""

    log_flow: Tensor
    log_factor: Tensor


def _path_factors(evaluation: Evaluation) -> tuple[Tensor, Tensor]:
    """log g(s_t), the sum over earlier steps of log A(s_i) - log B(s_{i+1}), and log A(s_t), [S] each."""
    t, environment = evaluation.trajectories, enumerable(evaluation.policy.environment, "a product along paths")
    n_actions = environment.n_forward(t.states)
    n_parents = environment.n_backward(t.states)
    gain = n_actions.to(evaluation.dtype).log()
    loss = torch.where(t.step > 0, n_parents, 1).to(evaluation.dtype).log()
    padded = torch.nn.functional.pad(t.pad(gain).cumsum(1), (1, -1))  # sum over i < t
    log_g = padded - t.pad(loss).cumsum(1)
    return log_g[t.trajectory, t.step], gain


def _children(evaluation: Evaluation) -> _Children:
    t, policy = evaluation.trajectories, evaluation.network(of="target")
    environment, dtype = listed(policy.environment, "a table of all children"), evaluation.dtype
    log_g, gain = evaluation.shared(_path_factors)
    follows = environment.forward_mask(t.states).clone()
    follows[:, environment.stop_action] = False
    row, action = follows.nonzero(as_tuple=True)
    below = environment.step(t.states[row], action)
    with torch.no_grad():
        flow = policy(below, forward=False, flow=True).log_flow
    table = torch.full(follows.shape, -torch.inf, dtype=dtype, device=follows.device)
    parents_below = environment.n_backward(below).to(dtype).log()
    return _Children(
        log_flow=table.index_put((row, action), flow.to(dtype)),  # type: ignore[union-attr]
        log_factor=table.index_put((row, action), log_g[row] + gain[row] - parents_below),
    )
