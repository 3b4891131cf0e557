"""Forward KL divergence of P_F, as in wake-sleep."""

from __future__ import annotations

from typing import ClassVar

from molgfn.errors import ContractError
from molgfn.objectives import comparison, residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity


class WakeSleep(Objective):
    """Wake-sleep: P_F descends the forward KL(P* || P_F), P_B (with ``backward=tlm``) KL(P_F || P*), P* = P_B R' / Z.

    What is called *sleep* is the step of P_F: it maximises the likelihood of trajectories of P*. There are none
    to draw, so trajectories of P_F are weighed: ``w = softmax_b(-S)`` with ``S(tau) = log P_F(tau) - log P_B(tau|x) -
    log R'(x)``, [B]. The loss is ``-sum_b (w_b - 1/B) log P_F(tau_b)``; no gradient goes through w. The 1/B has
    expectation 0 and makes the gradient vanish, with no variance, where P_F is exact. Normalised weights are biased by
    O(1/B); in the limit of large batches the gradient is exactly that of the divergence. Zero-avoiding, but only over
    what P_F still draws. *Wake* is the step of P_B, the likelihood of trajectories of P_F: ``backward=tlm``; with
    ``backward=uniform`` P_B stays as it is.

    Needs trajectories of the present P_F, at least 2 in a batch, of which weights are taken within each condition.
    Metrics: ``log_z``, the log of the mean of exp(-S);
    ``effective_share``, 1 / (B sum w^2) in (0, 1], the effective sample size as a share of the batch.

    Reference: Malkin et al. 2023, arXiv 2210.00580 (forward KL, wake-sleep). Pinned by
    tests/objectives/test_variational.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB,)
    on_policy: ClassVar[bool] = True
    trains: ClassVar[frozenset[str]] = frozenset({"forward"})
    reference: ClassVar[str] = "Malkin et al. 2023, arXiv 2210.00580 (forward KL, wake-sleep)"
    least_batch: int = 2
    compares: bool = True

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        if evaluated.union.count(len(evaluated)) < 2:
            raise ContractError("WakeSleep: weights normalised over a batch need at least two trajectories in it")
        weights = comparison.Weights.of(-residuals.log_ratios(evaluated).detach(), evaluated)
        loss = -weights.surplus(evaluated.log_pf.sum(1))
        return ObjectiveOutput(
            {"forward_kl": Loss(loss, self.trains)},
            {"log_z": weights.log_mean_exp, "effective_share": weights.effective_share},
        )
