"""Relative trajectory balance."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives import comparison
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.objectives.regression import Regression, RegressionLoss
from molgfn.paths import InputFile
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogZ
from molgfn.trajectories.quantities.prior import LogPrior
from molgfn.trajectories.quantities.rewards import ObjectLogReward


class RelativeTrajectoryBalance(Objective):
    """Relative trajectory balance (RTB): a trained policy, the prior, is turned to a reward.

    ``D(tau) = log Z + log P_F(tau) - log P_prior(tau) - log R(x)``; the loss is ``mean_b D(tau_b)^2``, from [B, T].
    Where it is 0 for all trajectories, P_F(tau) is P_prior(tau) R(x) / Z, and so ``P_T(x) = P_prior(x) R(x) / Z``: the
    posterior under the prior that is what the checkpoint samples, with Z = E_prior[R(x)]. It is no sampler of R / Z:
    what the prior never builds stays away, and what compares P_T with R / Z is left out of an evaluation and refused
    as ``trainer.exact_every``. R is the reward of the object itself: labelled ways to the same object are in
    P_prior already.

    Valid for trajectories from any policy with full support. P_B is not read, so an ELBO taken with the policy's own
    P_B says nothing. The prior is never trained and lies in no checkpoint of the run, which keeps its path and hash.
    ``trainer.init_from`` with the same checkpoint starts P_F at the prior, as the authors do.

    Args:
        prior: a checkpoint, or the run folder of one, of a policy in the same environment; it must be given. Under a
            condition it may be one of a run without: P_T(x | c) is then P_prior(x) R(x, c) / Z(c).
        regression: what is made of D; see ``objectives.regression.Regression`` (arXiv 2410.02596).
        huber_delta: where huber turns linear; read with regression=huber only.
        log_z: "batch": log Z is not learned, but that which fits the batch best, so that the loss is the variance of
            ``log P_F(tau) - log P_prior(tau) - log R(x)`` over it (VarGrad; under conditions within each, averaged over
            trajectories), unbiased, from at least 2 trajectories. None: log Z is learned.

    Raises:
        ConfigError: ``log_z="batch"`` with another regression than the squared one, of which the variance is made.

    Reference: Venkatraman et al. 2024, arXiv 2405.20971 (relative trajectory balance); with log_z=batch Pandey et al.
    2024, arXiv 2409.09702. Pinned by tests/objectives/test_relative_trajectory_balance.py.
    """

    quantities: tuple[type[Quantity], ...] = (LogPrior, ObjectLogReward, LogZ)
    weighs_by: ClassVar[tuple[type[Quantity], ...]] = (LogPrior, ObjectLogReward)
    on_policy: ClassVar[bool] = False
    trains: frozenset[str] = frozenset({"forward", "log_z"})
    reference: ClassVar[str] = "Venkatraman et al. 2024, arXiv 2405.20971 (relative trajectory balance)"
    has_target: ClassVar[bool] = False  # it is R / Z times the prior

    def __init__(
        self,
        *,
        prior: InputFile | None = None,
        regression: RegressionLoss = "squared",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        log_z: Literal["batch"] | None = None,
    ) -> None:
        self.frozen = {"prior": prior}
        self.regression = Regression(regression, huber_delta)
        self.log_z = log_z
        if log_z == "batch":
            if regression != "squared":
                raise ConfigError(
                    "log_z=batch is a variance, the squared regression at the best log Z; leave regression at squared, "
                    f"not {regression}"
                )
            self.quantities, self.trains = (LogPrior, ObjectLogReward), frozenset({"forward"})
            self.compares, self.least_batch = True, 2

    def log_weights(self, evaluated: Evaluated) -> Tensor:
        steps = evaluated[LogPrior] - evaluated.log_pf
        return steps.sum(1) + evaluated[ObjectLogReward]

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        if self.log_z == "batch":
            return self._variance(evaluated)
        residual = evaluated[LogZ] - self.log_weights(evaluated)
        return ObjectiveOutput(
            losses={"rtb": Loss(self.regression(residual).mean(), self.trains)},
            metrics={"residual/mean": residual.detach().mean(), "residual/abs": residual.detach().abs().mean()},
        )

    def _variance(self, evaluated: Evaluated) -> ObjectiveOutput:
        if evaluated.union.count(len(evaluated)) < 2:
            raise ContractError("RelativeTrajectoryBalance: log_z=batch is a variance of at least two trajectories")
        estimates = self.log_weights(evaluated)
        mean = evaluated.union.mean(estimates, evaluated.groups)
        loss = comparison.variance(estimates, mean, evaluated, 1)
        return ObjectiveOutput({"rtb": Loss(loss, self.trains)}, {"log_z": mean.detach().mean()})
