"""Trajectories under the present policy, as objectives read them: padded [B, T], pads on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from molgfn.errors import ContractError
from molgfn.trajectories.quantities.base import Frozen, Quantity
from molgfn.trajectories.union import WHOLE, Union

#: quantity -> its values, as ``Objective.prepare`` freezes them
Values = Mapping[type[Quantity], Tensor]


@dataclass(frozen=True)
class Evaluated:
    """What is always there, and the quantities that were listed: ``evaluated[LogPB]``.

    Attributes:
        mask: bool [B, T], the step is real (the exit is).
        is_exit: bool [B, T], the step is the exit.
        log_pf: [B, T], log P_F(s_{t+1} | s_t) of the action taken, 0 on pads; all 0 in a phase that does without P_F.
        log_reward: [B], log R'(x) (the symmetry term taken off).
        values: the quantities.
        groups: int64 [B], equal for trajectories under equal conditions, on whichever process they are; None without
            a condition. Targets differ between groups, so what compares trajectories compares those of one.
        union: what joins trajectories is asked of it, so that it holds for the batch of all processes of a run.
    """

    mask: Tensor
    is_exit: Tensor
    log_pf: Tensor
    log_reward: Tensor
    values: Values = field(default_factory=dict)
    groups: Tensor | None = None
    union: Union = WHOLE

    def __len__(self) -> int:
        return len(self.log_reward)

    def __contains__(self, quantity: type[Quantity]) -> bool:
        return quantity in self.values

    def __getitem__(self, quantity: type[Quantity]) -> Tensor:
        """The values of a quantity that was listed, [B, T, ...], or [B] or [] where it is not of steps.

        Raises:
            ContractError: it is not there.
        """
        try:
            return self.values[quantity]
        except KeyError:
            if not isinstance(quantity, type):
                raise ContractError(f"{quantity!r} is no quantity: evaluated[...] takes its class") from None
            name, way = quantity.name, "must list it in `quantities`"
            if issubclass(quantity, Frozen):
                way = "must return it from `prepare`"
            raise ContractError(
                f"{name} is not there: the objective that reads evaluated[{quantity.__name__}] {way}"
            ) from None

    def having(self, more: Values) -> Evaluated:
        """The same with ``more``, which takes the place of what was there."""
        return replace(self, values={**self.values, **more})

    def map(self, function: Callable[[Tensor, type[Quantity] | None], Tensor]) -> Evaluated:
        """``function(values, quantity)`` of everything; the quantity is None for what is always there."""
        return Evaluated(
            mask=function(self.mask, None),
            is_exit=function(self.is_exit, None),
            log_pf=function(self.log_pf, None),
            log_reward=function(self.log_reward, None),
            values={quantity: function(value, quantity) for quantity, value in self.values.items()},
            groups=None if self.groups is None else function(self.groups, None),
            union=self.union,
        )

    def detach(self) -> Evaluated:
        """The same numbers without gradient."""
        return self.map(lambda value, _: value.detach())
