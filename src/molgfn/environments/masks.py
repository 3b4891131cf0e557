"""Dropout masks, unit by unit in a fixed order: a tree of binary decisions (Liu et al. 2023, arXiv 2210.12928)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from molgfn.environments.strings import Strings


class Masks(Strings):
    """A mask over the units of some layers, "1" where a unit is kept and "0" where it is dropped.

    Units are decided one by one, layer after layer, so that there is one way to each mask and P_B = 1; a full mask
    stops. Forward action 0 drops the next unit, 1 keeps it, 2 stops. With n units there are 2^n masks and
    2^(n + 1) - 1 states. ``encode`` says of each unit whether it is undecided, dropped or kept, [B, 3 n]. Finished
    objects are ``str``, the layers one after the other.

    Args:
        layers: units of each layer, in the order in which they are decided.

    Reference:
        Liu et al., "GFlowOut: Dropout with Generative Flow Networks", ICML 2023, arXiv 2210.12928, which draws the
        units of one layer at once, independently given the layers before; one by one every distribution can be had.
    """

    def __init__(
        self,
        *,
        layers: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [6, 6],  # noqa: B006  # never changed
    ) -> None:
        super().__init__(alphabet="01", length=sum(layers), mode="append")
        self.layers = list(layers)
