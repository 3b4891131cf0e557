"""What policy gradients freeze for an iteration (``Objective.prepare``), while P_F and V move."""

from __future__ import annotations

from typing import ClassVar

from molgfn.trajectories.quantities.base import Frozen


class LogPFOld(Frozen):
    """[B, T], ``log_pf`` at the start of the iteration: of the policy that drew the batch."""

    name: ClassVar[str] = "log_pf_old"


class Advantage(Frozen):
    """[B, T], what log P_F is weighed with."""

    name: ClassVar[str] = "advantage"


class ValueTarget(Frozen):
    """[B, T], what V(s_t) is fitted to."""

    name: ClassVar[str] = "value_target"
