"""One Adam over the parameter groups of a policy, each with its own learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import nn

Rate = Annotated[float, Field(gt=0)]
#: learning rate of log Z where none is given
LOG_Z = 0.1


class Optimizers:
    """Learning rates, decay and clipping.

    Args:
        lr: learning rate of P_F (and of the trunk that it may share).
        lr_backward: of P_B; None takes ``lr``.
        lr_flow: of log F or V, and of critics that are networks of their own; None takes ``lr``.
        lr_log_z: of log Z. None: 0.1, and while log Z is further from the mean of -S(tau) over the batch than the noise
            of a batch explains, a quarter of the way there at each iteration as well (``log_partition.catch_up``; where
            P_F samples R/Z nothing is added). A number: that rate alone.
        backward_decay: factor on P_B's learning rate per iteration (arXiv 2410.15474 uses .999 to .9999), in (0, 1].
        half_life: iterations in which all other learning rates halve; None keeps them.
        weight_decay: L2 penalty, not on log Z.
        clip_norm: largest global norm of the gradient of each step; None does not clip.
        betas: Adam's running averages.
        ema_decay: keep an exponential moving average of all parameters with this decay, in (0, 1), and sample and
            evaluate with it after training; None keeps none.
    """

    def __init__(
        self,
        *,
        lr: Rate = 1e-3,
        lr_backward: Rate | None = None,
        lr_flow: Rate | None = None,
        lr_log_z: Rate | None = None,
        backward_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
        half_life: Annotated[int, Field(ge=1)] | None = None,
        weight_decay: Annotated[float, Field(ge=0)] = 0.0,
        clip_norm: Rate | None = 10.0,
        betas: tuple[float, float] = (0.9, 0.999),
        ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None,
    ) -> None:
        self.rates = {"forward": lr, "backward": lr_backward or lr, "flow": lr_flow or lr, "log_z": lr_log_z or LOG_Z}
        #: whether log Z also catches up with what a batch says of it
        self.catch_up = lr_log_z is None
        self.backward_decay = backward_decay
        self.half_life = half_life
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.betas = betas
        self.ema_decay = ema_decay

    def build(
        self, groups: Mapping[str, list[nn.Parameter]]
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        """The optimizer (one group per non-empty parameter group) and its schedule, stepped once an iteration."""
        rows, schedules = [], []
        for name, parameters in groups.items():
            trained = [p for p in parameters if p.requires_grad]
            if trained:
                decay = 0.0 if name == "log_z" else self.weight_decay
                rate = self.rates.get(name, self.rates["flow"])
                rows.append({"params": trained, "lr": rate, "weight_decay": decay, "name": name})
                schedules.append(self._schedule(name))
        fused = all(p.device.type in {"cpu", "cuda"} for row in rows for p in row["params"])
        optimizer = torch.optim.Adam(rows, betas=self.betas, fused=fused)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, schedules)

    def _schedule(self, name: str):
        halving = 0.5 ** (1 / self.half_life) if self.half_life else 1.0
        factor = halving * (self.backward_decay if name == "backward" else 1.0)
        return lambda iteration: factor**iteration

    def clip(self, parameters: list[nn.Parameter]) -> torch.Tensor:
        """Clip the gradients to ``clip_norm``; returns their global norm before."""
        return nn.utils.clip_grad_norm_(parameters, self.clip_norm or float("inf"))
