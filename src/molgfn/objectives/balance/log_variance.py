"""Log-partition variance (VarGrad)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.errors import ContractError
from molgfn.objectives import comparison, residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity


class LogVariance(Objective):
    """Variance of the log-partition estimates of a batch (VarGrad): trajectory balance without a learned log Z.

    With ``S(tau) = log P_F(tau) - log P_B(tau | x) - log R'(x)``, [B], the loss is ``sum_b (S_b - mean S)^2 /
    (B - ddof)``: the trajectory balance residual at the log Z that fits the batch, -mean S, which is logged as
    ``log_z``. Valid for trajectories from any policy with full support, in batches of at least 2 that share one target:
    under conditions the variance is that within each, averaged over trajectories. Whether the mean is differentiated
    makes no difference: the deviations from it add up to 0.

    It is no sum of losses of single residuals, so it has no ``regression``. The logged log_z is the ELBO of the batch,
    noisy in small ones.

    Args:
        ddof: 1: the unbiased variance, whose on-policy gradient is 2 grad KL(P_F || P_B) at every batch size; 0: the
            population variance, (B - 1) / B of that.

    Reference: Richter et al. 2020, arXiv 2010.10436 (the log-variance loss); Zhang et al. 2023, arXiv 2302.05446.
    Pinned by tests/objectives/test_balance.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB,)
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward", "backward"})
    reference: ClassVar[str] = "Richter et al. 2020, arXiv 2010.10436; Zhang et al. 2023, arXiv 2302.05446"
    least_batch: int = 2
    compares: bool = True

    def __init__(self, *, ddof: Annotated[int, Field(ge=0, le=1)] = 1) -> None:
        self.ddof = ddof

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        n = evaluated.union.count(len(evaluated))
        if n <= self.ddof:
            raise ContractError(f"LogVariance: a batch of {n} has no variance with ddof={self.ddof}; take a larger one")
        log_ratios = residuals.log_ratios(evaluated)
        mean = evaluated.union.mean(log_ratios, evaluated.groups)
        loss = comparison.variance(log_ratios, mean, evaluated, self.ddof)
        return ObjectiveOutput(losses={"vargrad": Loss(loss, self.trains)}, metrics={"log_z": -mean.detach().mean()})
