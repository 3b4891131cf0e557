"""One reaction that was, or could be, run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A reaction with what went in and what came out.

    Attributes:
        reaction: index of the reaction in its library.
        reactants: canonical SMILES, one per slot.
        product: canonical SMILES.
    """

    reaction: int
    reactants: tuple[str, ...]
    product: str
