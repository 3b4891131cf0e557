"""What the balance objectives make of a residual: the regression loss, and the mean over a batch."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.errors import ConfigError
from molgfn.objectives.base import Objective
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.union import WHOLE, Union

RegressionLoss = Literal["squared", "huber", "linex", "linex_half", "shifted_cosh"]
Reduction = Literal["trajectory", "transition"]

#: exponents above this one are followed along the tangent; e^30 squared is still far from the end of float32
LARGEST_EXPONENT = 30.0


class Regression:
    """g(t) of each residual, with t = log (backward flow / forward flow), minus the residual D of this package.

    ======================  =======================  ==============================================
    ``loss``                g(t)                     what its on-policy gradient descends
    ======================  =======================  ==============================================
    squared                 t^2                      reverse KL(P_F || P_B), zero-forcing
    huber                   t^2/2, then d(|t| - d/2)  (robust; Deleu, Tiapkin)
    linex                   e^t - t - 1              forward KL(P_B || P_F), zero-avoiding
    linex_half              4 e^(t/2) - 2t - 4       alpha = 1/2, neither
    shifted_cosh            e^t + e^-t - 2           both zero-forcing and zero-avoiding
    ======================  =======================  ==============================================

    The sign matters for the two linex: an object that P_F misses has t > 0 and costs exponentially. With D in t's place
    the same formula would be zero-forcing. Near 0, squared and shifted_cosh are t^2, the others t^2/2.

    Beyond an exponent of 30 the exponential is replaced by its tangent, so that value and gradient stay finite (and the
    gradient does not vanish, as it would under a clamp); g stays convex with a continuous slope.

    Args:
        loss: which g.
        huber_delta: d, where huber turns from a parabola into a line, > 0.

    Reference: Hu et al. 2024, arXiv 2410.02596, equation 4.1 and table 2 (the paper's quadratic loss is t^2/2).
    """

    def __init__(self, loss: RegressionLoss, huber_delta: float) -> None:
        if loss != "huber" and huber_delta != 1.0:
            raise ConfigError(f"huber_delta is read with regression=huber, not with regression={loss}")
        self.loss = loss
        self.huber_delta = huber_delta

    def __call__(self, residual: Tensor) -> Tensor:
        """g(-residual), elementwise, >= 0, 0 at 0; the residual is log forward flow - log backward flow."""
        t = -residual
        if self.loss == "squared":
            return t.square()
        if self.loss == "huber":
            return torch.nn.functional.huber_loss(t, torch.zeros_like(t), reduction="none", delta=self.huber_delta)
        if self.loss == "linex":
            return _excess(t)
        if self.loss == "linex_half":
            return 4 * _excess(t / 2)
        return _excess(t) + _excess(-t)


def _excess(t: Tensor) -> Tensor:
    """e^t - 1 - t, and its tangent beyond ``LARGEST_EXPONENT``."""
    inside = t.clamp(max=LARGEST_EXPONENT)
    slope = torch.expm1(inside)
    return slope - inside + slope.detach() * (t - inside)


def mean(losses: Tensor, there: Tensor, reduction: Reduction, union: Union = WHOLE) -> Tensor:
    """Mean of losses [B, T] that are 0 where not ``there`` (bool [B, T]) over the batch of all processes.

    "trajectory": ``mean_b sum_t``; "transition": over all that are there, which weighs long trajectories more. An
    objective gives ``evaluated.union``.
    """
    if reduction == "trajectory":
        return losses.sum() / len(losses)
    return union.sum(losses) / union.sum(there).clamp(min=1)


class StepRegression(Objective):
    """An objective that regresses a residual at every step.

    Args:
        reduction: "trajectory": ``mean_b sum_t``; "transition": the mean over all transitions.
        regression: what is made of a residual.
        huber_delta: where huber turns linear; read with regression=huber only.
        epochs: steps on each batch, all of it in each; None: 1.
    """

    def __init__(
        self,
        *,
        reduction: Reduction = "trajectory",
        regression: RegressionLoss = "squared",
        huber_delta: Annotated[float, Field(gt=0)] = 1.0,
        epochs: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        self.epochs = epochs or 1
        self.reduction: Reduction = reduction
        self.regression = Regression(regression, huber_delta)

    def mean(self, losses: Tensor, there: Tensor, evaluated: Evaluated) -> Tensor:
        """Mean of losses [B, T] that are 0 where not ``there``, as ``reduction`` says, over the batch."""
        return mean(losses, there, self.reduction, evaluated.union)
