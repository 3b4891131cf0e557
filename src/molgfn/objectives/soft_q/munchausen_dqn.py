"""Munchausen deep Q-learning."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from molgfn.objectives.regression import Reduction
from molgfn.objectives.soft_q.soft_dqn import SoftDQN
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogFlow, TargetLogFlow, TargetLogPF


class MunchausenDQN(SoftDQN):
    """Munchausen DQN (M-DQN): soft Q-learning whose reward also holds a share of the policy's own log-probability.

    ``Q(s_t, a_t) -> y_t = alpha clip(tau log pibar(a_t|s_t), l0, 0) + log P_B(s_t|s_{t+1}) + Vbar(s_{t+1})``, at the
    exit with log R'(x) in place of the last two. ``V = tau logsumexp(Q / tau)``, ``pi = softmax(Q / tau)`` and ``tau =
    1 / (1 - alpha)``; with any other temperature the fixed point would not be P_F of the exact flows. pibar and Vbar
    are of the target network, and y carries no gradient.

    Q has a dueling form, ``Q(s,a) = V(s) + tau log pi(a|s)``, with the policy's log_flow as V and P_F as pi: no
    restriction, since any Q can be written so. At the fixed point ``pi`` is P_F of the exact flows, ``V = log F`` and
    ``Q = log F(s -> s') + alpha tau log pi(a|s)``, so sampling and log F(s) need no conversion. alpha = 0 is SoftDQN.
    Valid for trajectories from any policy with full support. P_B, which is the reward, gets no gradient.

    Authors' settings: alpha .15 and l0 -100 on the hypergrid, -25 on bit sequences, -2500 on fragment molecules (-500
    in arXiv 2410.15474); the rest as for SoftDQN: Adam, huber, lr 1e-3 (5e-4 on molecules), target rate .25 (.1).

    Args:
        alpha: share of log pi in the reward, in [0, 1).
        lower_clip: l0, the least value of tau log pibar, < 0. Where it cuts, the fixed point moves.
        regression: "huber": parabola up to ``huber_delta``, then a line; "squared": (Q - y)^2.
        huber_delta: where huber turns linear; read with regression=huber only.
        leaf_weight: factor on the loss of exits, the only transitions that see R'.
        reduction: "transition": the mean over all transitions, as in the authors' code; "trajectory": the mean over
            trajectories of sums.

    Reference: Tiapkin et al. 2023, arXiv 2310.12934 (M-DQN), after Vieillard et al. 2020, arXiv 2007.14430. Pinned by
    tests/objectives/test_soft_q.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB, LogFlow, TargetLogFlow, TargetLogPF)
    learns_flow: ClassVar[bool] = False  # log pi in its reward moves V off log F
    reference: ClassVar[str] = "Tiapkin et al. 2023, arXiv 2310.12934 (M-DQN); Vieillard et al. 2020, arXiv 2007.14430"

    def __init__(
        self,
        *,
        alpha: Annotated[float, Field(ge=0, lt=1)] = 0.15,
        lower_clip: Annotated[float, Field(lt=0)] = -100.0,
        regression: Literal["huber", "squared"] = "huber",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        leaf_weight: Annotated[float, Field(gt=0)] = 1.0,
        reduction: Reduction = "transition",
    ) -> None:
        super().__init__(regression=regression, huber_delta=huber_delta, leaf_weight=leaf_weight, reduction=reduction)
        self.alpha = alpha
        self.temperature = 1 / (1 - alpha)
        self.lower_clip = lower_clip

    def error(self, evaluated: Evaluated) -> Tensor:
        bonus = self.alpha * (self.temperature * evaluated[TargetLogPF]).clamp(min=self.lower_clip)
        # the error of soft Q-learning holds log pi once, Q holds it tau times
        return super().error(evaluated) + (self.temperature - 1) * evaluated.log_pf - bonus
