"""One optimizer over the parameter groups of a policy, each with its own learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from molgfn.errors import ConfigError
from molgfn.training.algorithms import Algorithm
from molgfn.training.schedules import Schedule

Rate = Annotated[float, Field(gt=0)]
Iterations = Annotated[int, Field(ge=1)]
#: learning rate of log Z where none is given
LOG_Z = 0.1
#: rate of what a condition adds to log Z over that of log Z: a network, not a number
OF_CONDITION = 0.1
#: what the optimizer calls it
HEAD = "log_z_of_condition"


class Optimizers:
    """Algorithm, learning rates, their course, and clipping.

    Args:
        lr: learning rate of P_F (and of the trunk that it may share).
        lr_backward: of P_B; None takes ``lr``.
        lr_flow: of log F or V, and of critics that are networks of their own; None takes ``lr``.
        lr_log_z: of log Z. None: 0.1, and while log Z is further from the mean of -S(tau) over the batch than the noise
            of a batch explains, a quarter of the way there at each iteration as well (``log_partition.catch_up``; where
            P_F samples R/Z nothing is added). A number: that rate alone. What a condition adds to log Z is a network,
            and learns at a tenth of it.
        backward_decay: factor on P_B's learning rate per iteration (arXiv 2410.15474 uses .999 to .9999), in (0, 1].
        half_life: iterations in which all learning rates halve; None does not halve them.
        weight_decay: L2 penalty (AdamW: decoupled), not on log Z.
        clip_norm: largest global norm of the gradient of each step; None does not clip.
        betas: running averages of Adam and its relatives; None takes torch's, and is for algorithms without any.
        ema_decay: keep an exponential moving average of all parameters with this decay, in (0, 1), and sample and
            evaluate with it after training; None keeps none.
        algorithm: class of ``torch.optim``; None is Adam.
        arguments: further arguments of the algorithm by name; None, and what is not named: torch's defaults.
        warm_up: iterations in which all learning rates rise linearly to where they start; what lowers them counts from
            there. None has none.
        cosine: iterations in which all learning rates fall along half a cosine; None does not lower them so.
        cosine_end: where the cosine ends, as a share of the start, in [0, 1]; None is 0.

    Raises:
        ConfigError: the algorithm does not exist or does not take what it is given, or two schedules are given.
    """

    def __init__(
        self,
        *,
        lr: Rate = 1e-3,
        lr_backward: Rate | None = None,
        lr_flow: Rate | None = None,
        lr_log_z: Rate | None = None,
        backward_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
        half_life: Iterations | None = None,
        weight_decay: Annotated[float, Field(ge=0)] = 0.0,
        clip_norm: Rate | None = 10.0,
        betas: tuple[float, float] | None = (0.9, 0.999),
        ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None,
        algorithm: str | None = None,
        arguments: dict[str, Any] | None = None,
        warm_up: Iterations | None = None,
        cosine: Iterations | None = None,
        cosine_end: Annotated[float, Field(ge=0, le=1)] | None = None,
    ) -> None:
        self.rates = {"forward": lr, "backward": lr_backward or lr, "flow": lr_flow or lr, "log_z": lr_log_z or LOG_Z}
        #: whether log Z also catches up with what a batch says of it
        self.catch_up = lr_log_z is None
        self.backward_decay = backward_decay
        self.schedule = Schedule(warm_up=warm_up, half_life=half_life, cosine=cosine, cosine_end=cosine_end)
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.ema_decay = ema_decay
        self.algorithm = _algorithm(algorithm or "Adam", dict(arguments or {}), betas, weight_decay)

    def build(
        self, groups: Mapping[str, list[nn.Parameter]]
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        """The optimizer (one group per non-empty parameter group) and its schedule, stepped once an iteration."""
        rows, schedules = [], []
        for name, parameters in _parts(groups).items():
            if parameters:
                group = "log_z" if name == HEAD else name
                rate = self.rates.get(group, self.rates["flow"])
                row: dict[str, Any] = {"params": parameters, "name": name}
                row["lr"] = rate * OF_CONDITION if name == HEAD else rate
                if "weight_decay" in self.algorithm.takes:
                    row["weight_decay"] = 0.0 if group == "log_z" else self.weight_decay
                rows.append(row)
                decay = self.backward_decay if name == "backward" else 1.0
                schedules.append(partial(self.schedule.factor, decay=decay))
        optimizer = self.algorithm.build(rows)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, schedules)

    def clip(self, parameters: list[nn.Parameter]) -> torch.Tensor:
        """Clip the gradients to ``clip_norm``; returns their global norm before."""
        most = self.clip_norm or float("inf")
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if norm.device.type == "cpu" and bool(norm + 1e-6 <= most):  # they would be multiplied by 1
            return norm
        nn.utils.clip_grads_with_norm_(parameters, most, norm)
        return norm


def _parts(groups: Mapping[str, list[nn.Parameter]]) -> dict[str, list[nn.Parameter]]:
    """What is trained of each group; of log Z its constant, and what a condition adds to it, by themselves."""
    trained = {name: [p for p in parameters if p.requires_grad] for name, parameters in groups.items()}
    of_condition = [p for p in trained.get("log_z", []) if p.dim()]
    if of_condition:
        trained["log_z"] = [p for p in trained["log_z"] if not p.dim()]
        trained[HEAD] = of_condition
    return trained


def _algorithm(
    name: str, arguments: dict[str, Any], betas: tuple[float, float] | None, weight_decay: float
) -> Algorithm:
    found = Algorithm(name, arguments)
    if weight_decay and "weight_decay" not in found.takes:
        raise ConfigError(f"weight_decay: torch.optim.{name} has none; set it to 0")
    if betas is None:
        return found
    if "betas" not in found.takes:
        raise ConfigError(f"betas: torch.optim.{name} has none; set betas to null")
    if "betas" in arguments:
        raise ConfigError("betas are given twice, by themselves and among arguments; give them once")
    return Algorithm(name, {**arguments, "betas": betas})
