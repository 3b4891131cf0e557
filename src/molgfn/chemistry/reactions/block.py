"""A building block: a molecule that can be bought."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One molecule of a stock.

    Attributes:
        smiles: canonical.
        id: under which its seller, or the library, knows it; unique in a library.
        price: in the unit that the library states, above 0; None where it is not known.
    """

    smiles: str
    id: str
    price: float | None = None
