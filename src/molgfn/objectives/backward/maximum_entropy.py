"""The P_B of maximum entropy."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch.nn import functional

from molgfn.errors import ConfigError
from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Loss, Network, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.backward_values import LogPaths

Counts = Literal["auto", "counted", "learned"]


class MaximumEntropy(BackwardPolicyTraining):
    """``P_B(s|s') = n(s) / n(s')``, n(s) paths from the source: all paths to an object are equally likely.

    Where the environment counts its paths, P_B is exact and nothing is trained. Otherwise a network l = log n and P_B
    are fitted together to ``l(s_t) - l(s_{t+1}) = log P_B(s_t|s_{t+1})`` on every construction step, squared, summed
    over steps and averaged over the batch; l(s_0) = 0. As the probabilities at s' sum to 1, only l = log n solves it:
    n(s') = sum of n over the backward actions of s'. Any trajectories will do.

    Args:
        counts: "counted": by the environment; "learned": by a network; "auto": counted where the environment can.

        counts_paths: whether the environment counts its paths; a run says so itself.

    Raises:
        ConfigError: ``counts`` is "counted" and the environment does not count.

    Reference: Mohammadpour et al. 2023, arXiv 2312.14331 (maximum entropy GFlowNets). Pinned by
    tests/objectives/test_backward_learned.py.
    """

    joint: ClassVar[bool] = False
    on_policy: ClassVar[bool] = False
    reference: ClassVar[str] = "Mohammadpour et al. 2023, arXiv 2312.14331"
    fixed = "maxent"

    def __init__(self, *, counts: Counts = "auto", counts_paths: bool = True) -> None:
        if counts == "counted" and not counts_paths:
            raise ConfigError(
                "backward: counts is `counted`, but this environment does not count its paths; use auto or learned"
            )
        self.learned = counts == "learned" or not counts_paths
        self.networks = (Network("log_paths"),) if self.learned else ()
        self.quantities = (LogPB, LogPaths) if self.learned else (LogPB,)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        if not self.learned:
            return ObjectiveOutput(losses={})
        paths = functional.pad(evaluated[LogPaths][:, 1:], (1, 0))  # log n(s_0) = 0
        after = functional.pad(paths[:, 1:], (0, 1))
        construction = evaluated.mask & ~evaluated.is_exit
        residual = torch.where(construction, paths - after - evaluated[LogPB], 0.0)
        groups = frozenset({"backward", "log_paths"})
        loss = residual.square().sum(1).mean()
        return ObjectiveOutput(
            losses={"maxent": Loss(loss, groups)}, metrics={"maxent/residual": residual.detach().abs().sum(1).mean()}
        )
