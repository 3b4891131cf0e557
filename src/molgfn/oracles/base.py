"""The contract of an oracle: finished objects in, one property value each out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.docstrings import attributes_in_docstring
from molgfn.objects.base import ObjectKind, OfAKind
from molgfn.objects.molecule import MOLECULE


@attributes_in_docstring
class Oracle(OfAKind, ABC):
    """A property of finished objects.

    ``values`` gets a batch of *valid* objects of its ``kind`` (molecules are ``chemistry.Molecule`` with ``mol``
    set) and returns float64 [B], in order. NaN means "no value for this one". It may raise: whoever asks
    (``serving.service``) then asks object by object, so that only the culprit goes without a value, and counts it.
    Values do not depend on the order or the company of the objects.
    """

    #: what it measures, and so which environments fit
    kind: ClassVar[ObjectKind] = MOLECULE
    #: the short name, equal to the name of its YAML file
    name: ClassVar[str]
    #: every value lies in [low, high]
    range: ClassVar[tuple[float, float]]
    #: which way is better
    direction: ClassVar[Literal["maximise", "minimise"]]
    #: physical units, "1" for none
    units: ClassVar[str] = "1"
    #: where the definition comes from
    source: ClassVar[str]
    #: raised when the same arguments give other values, so that answers kept on disk are not taken for the new ones
    version: ClassVar[int] = 1

    @abstractmethod
    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Property of each object, float64 [B]."""

    @property
    def title(self) -> str:
        """What people call the property, in reports and pictures."""
        return self.name.replace("_", " ")

    @property
    def files(self) -> tuple[Path, ...]:
        """Data files whose content the values depend on (weights, a receptor): part of what answers on disk go by."""
        return ()

    @property
    def versions(self) -> list[int]:
        """``version``, and those of the oracles inside."""
        return [self.version]

    def prepare(self) -> None:
        """Do what the first question would have to wait for: read a table, compute maps. Workers call it first."""

    @property
    def component_names(self) -> tuple[str, ...]:
        """What ``measure`` takes apart, in order; for a plain oracle its own name."""
        return (self.name,)

    def measure(self, objects: Sequence[Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """``values`` [B], and what they were made of: ``component_names`` -> float64 [B]. Composites override it."""
        values = self.values(objects)
        return values, {self.name: values}

    @property
    def remark_names(self) -> tuple[str, ...]:
        """Columns of ``remarks``, in order; each begins with the oracle's own name, such as ``alerts_found``."""
        return ()

    def remarks(self, objects: Sequence[Any]) -> dict[str, list[str]]:
        """What there is to say of each object in words: ``remark_names`` -> B texts, "" where there is nothing.

        For people, beside values that are there already: asked when results are written, never in training.
        """
        return {}
