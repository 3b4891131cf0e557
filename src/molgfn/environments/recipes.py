"""Environments that know how each object is made in the laboratory, and say so."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from molgfn.environments.base import Environment, States


@dataclass(frozen=True)
class Recipe:
    """How one object is made.

    Attributes:
        text: in one line.
        record: as JSON has it.
        numbers: name -> number, columns beside the object; NaN where it is not known.
    """

    text: str
    record: Mapping[str, Any]
    numbers: Mapping[str, float]


class HasRecipes(Environment):
    """An environment whose states say how they are made."""

    @abstractmethod
    def recipes(self, states: States) -> list[Recipe]:
        """Of the objects [B] that terminal states stand for."""
