"""Renyi divergence."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives import comparison, residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity


class RenyiDivergence(Objective):
    """Renyi: P_F descends ``D_alpha = log E_{P_F}[(P_F / P*)^(alpha-1)] / (alpha - 1)`` from P* = P_B R' / Z.

    With ``S(tau) = log P_F(tau) - log P_B(tau|x) - log R'(x)``, [B], and ``w = softmax_b((alpha - 1) S)`` the loss is
    ``alpha / (alpha - 1) sum_b (w_b - 1/B) log P_F(tau_b)``; no gradient goes through w, and Z drops out. The 1/B has
    expectation 0 and makes the gradient vanish, with no variance, where P_F is exact. Normalised weights are biased by
    O(1/B); in the limit of large batches the gradient is exactly that of the divergence.

    For alpha -> 1 this is the reverse KL (zero-forcing); for alpha -> 0 it is alpha times the forward KL
    (zero-avoiding); alpha = 1/2 treats P_F and P* alike. Needs trajectories of the present P_F, at least 2 in a batch
    (and under each condition, within which weights are taken). P_B gets no gradient; with ``backward=tlm`` it has a
    step of its own. Metrics: ``log_z``, the estimate of log Z whose error is D_alpha:
    -log mean exp((alpha - 1) S) / (alpha - 1), a lower bound for large B; ``effective_share``, 1 / (B sum w^2) in
    (0, 1].

    Authors' settings: alpha .5 and a leave-one-out baseline, whose part 1/B plays here.

    Args:
        alpha: order, > 0; not 1 (see the objective reverse_kl) nor so close that its difference from 1 is rounded away.

    Reference: da Silva et al. 2024, arXiv 2410.09355 (Renyi-alpha divergence). Pinned by
    tests/objectives/test_variational.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB,)
    on_policy: ClassVar[bool] = True
    trains: ClassVar[frozenset[str]] = frozenset({"forward"})
    reference: ClassVar[str] = "da Silva et al. 2024, arXiv 2410.09355 (Renyi-alpha divergence)"
    least_batch: int = 2
    compares: bool = True

    def __init__(self, *, alpha: Annotated[float, Field(gt=0)] = 0.5) -> None:
        if abs(alpha - 1) < 1e-3:
            raise ConfigError(
                f"objective: alpha is {alpha}; at 1 the divergence is the reverse KL: objective=reverse_kl"
            )
        self.alpha = alpha

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        order = self.alpha - 1
        if evaluated.union.count(len(evaluated)) < 2:
            raise ContractError("RenyiDivergence: weights normalised over a batch need at least two trajectories in it")
        weights = comparison.Weights.of(order * residuals.log_ratios(evaluated).detach(), evaluated)
        loss = self.alpha / order * weights.surplus(evaluated.log_pf.sum(1))
        return ObjectiveOutput(
            {"renyi": Loss(loss, self.trains)},
            {"log_z": -weights.log_mean_exp / order, "effective_share": weights.effective_share},
        )
