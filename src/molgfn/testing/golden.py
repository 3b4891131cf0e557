"""A small DAG on which everything is known exactly: the 3 x 3 grid with fixed rewards, logits and flows.

Nine states (i, j), R = 1 + 2i + 3j + ij, 19 complete trajectories; double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.hypergrid import GridStates, HyperGrid
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.pairs import Pairs

SIDE = 3


@dataclass(frozen=True)
class GoldenDag:
    """The DAG, a tabular policy on it, and all its trajectories (scored).

    Attributes:
        environment: ``HyperGrid(dimensions=2, side=3)``; states in row-major order (0,0), (0,1), ...
        policy: forward logits sin(1+i+2j+3a), backward logits cos(1+2i+j+2a), log-flows .3+.1i-.2j, log Z 2; float64.
        trajectories: all 19, of which 16 are of pairs.
        log_reward: float64 [9].
    """

    environment: HyperGrid
    policy: TabularPolicy
    trajectories: Trajectories
    log_reward: Tensor

    def probabilities(self) -> Tensor:
        """P_F(tau) of the 19 trajectories, float64 [19], without gradient."""
        evaluated = evaluate(self.trajectories, self.policy, quantities=())
        return evaluated.log_pf.sum(1).exp().detach()

    def solve(self, *, forward_looking: bool = False) -> None:
        """Give the policy the exact P_F, log F and log Z for its P_B, so that every balance residual vanishes.

        ``forward_looking``: log F - log R in place of log F.
        """
        with torch.no_grad():
            states = _all_states()
            backward = self.policy(states, forward=False, backward=True).backward.log_probs()  # type: ignore[union-attr]
            flow = torch.full((SIDE * SIDE,), -torch.inf, dtype=torch.float64)
            logits = torch.full((SIDE * SIDE, 3), -torch.inf, dtype=torch.float64)
            for index in sorted(range(SIDE * SIDE), key=lambda s: -(s // SIDE + s % SIDE)):
                logits[index, 2] = self.log_reward[index]
                for action, stride in ((0, SIDE), (1, 1)):
                    if (index // SIDE if action == 0 else index % SIDE) < SIDE - 1:
                        logits[index, action] = backward[index + stride, action] + flow[index + stride]
                flow[index] = logits[index].logsumexp(0)
            self.policy.forward_logits.copy_(logits.clamp(min=-1e9))
            self.policy.flows.copy_(flow - self.log_reward if forward_looking else flow)
            self.policy.log_z.constant.copy_(flow[0])


def _all_states() -> GridStates:
    return GridStates(torch.cartesian_prod(torch.arange(SIDE), torch.arange(SIDE)))


def golden_dag(*, learned_backward: bool = True) -> GoldenDag:
    """A fresh copy; ``learned_backward`` False gives the uniform P_B instead of the golden one."""
    environment = HyperGrid(dimensions=2, side=SIDE)
    policy = TabularPolicy(environment=environment, learned_backward=learned_backward).double()
    cells = [(i, j) for i in range(SIDE) for j in range(SIDE)]

    def table(function, width: int) -> Tensor:
        return torch.tensor([[function(i, j, a) for a in range(width)] for i, j in cells], dtype=torch.float64)

    with torch.no_grad():
        policy.forward_logits.copy_(table(lambda i, j, a: math.sin(1 + i + 2 * j + 3 * a), 3))
        if learned_backward:
            policy.backward_logits.copy_(table(lambda i, j, a: math.cos(1 + 2 * i + j + 2 * a), 2))
        policy.flows.copy_(table(lambda i, j, a: 0.3 + 0.1 * i - 0.2 * j, 1)[:, 0])
        policy.log_z.constant.fill_(2.0)
    log_reward = table(lambda i, j, a: math.log(1 + 2 * i + 3 * j + i * j), 1)[:, 0]
    return GoldenDag(environment, policy, _all_trajectories(environment, log_reward), log_reward)


def _all_trajectories(environment: HyperGrid, log_reward: Tensor) -> Trajectories:
    paths: list[list[tuple[int, int, int]]] = []  # (i, j, action)

    def walk(i: int, j: int, path: list[tuple[int, int, int]]) -> None:
        if i < SIDE - 1:
            walk(i + 1, j, [*path, (i, j, 0)])
        if j < SIDE - 1:
            walk(i, j + 1, [*path, (i, j, 1)])
        paths.append([*path, (i, j, 2)])

    walk(0, 0, [])
    flat = torch.tensor([step for path in paths for step in path])
    lengths = torch.tensor([len(path) for path in paths])
    trajectory = torch.repeat_interleave(torch.arange(len(paths)), lengths)
    actions = flat[:, 2]
    last = flat[lengths.cumsum(0) - 1]
    return Trajectories(
        states=GridStates(flat[:, :2]),
        actions=actions,
        undoing=actions,
        exits=actions == 2,
        trajectory=trajectory,
        step=torch.arange(len(flat)) - (lengths.cumsum(0) - lengths)[trajectory],
        lengths=lengths,
        log_reward=log_reward[last[:, 0] * SIDE + last[:, 1]],
        log_reward_state=log_reward[flat[:, 0] * SIDE + flat[:, 1]],
        keys=[f"{i} {j}" for i, j, _ in last.tolist()],
        source=["policy"] * len(paths),
        pairs=_pairs(paths, log_reward),
    )


def _pairs(paths: list[list[tuple[int, int, int]]], log_reward: Tensor) -> Pairs:
    """Neighbours, 0 and 1, 2 and 3 ...: the first is preferred with probability R / (R + R'); trajectory 8 is of no
    pair, so that either half of the others has its own, and the last is of none.
    """
    pairs = Pairs.none(len(paths))
    for first in (0, 2, 4, 6, 9, 11, 13, 15):
        one, other = paths[first], paths[first + 1]
        gap = [float(log_reward[i * SIDE + j]) for i, j, _ in (one[-1], other[-1])]
        parting = next(t for t, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
        rows = slice(first, first + 2)
        pairs.number[rows] = torch.tensor([first + 1, -first - 1])
        pairs.label[rows] = 1 / (1 + math.exp(gap[1] - gap[0]))
        pairs.step[rows] = parting
    pairs.log_opponent.copy_(torch.arange(len(paths)).cos() - 3)
    return pairs
