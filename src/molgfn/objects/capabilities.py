"""What some kinds of object can do and others cannot; what needs it asks by ``isinstance``."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.docstrings import attributes_in_docstring
from molgfn.objects.base import ObjectKind

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class HasPictures(ObjectKind):
    """Objects can be drawn: a report shows the best, and a run keeps a picture of them."""

    @abstractmethod
    def svg(self, thing: Any, size: tuple[int, int] = (260, 190)) -> str:
        """One object without a problem as an SVG document; ``size`` is width and height in pixels."""

    def icon(self, thing: Any) -> str:
        """One object as a small SVG document, for pages that show a thousand; by default what ``svg`` draws."""
        return self.svg(thing)

    def growth(self, objects: Any) -> list[tuple[str, str]]:
        """A batch [B] of objects that grow out of each other: an SVG document of each, and in words what is new in it
        ("" for nothing said).
        """
        return [(self.icon(thing), "") for thing in objects]

    @abstractmethod
    def sheet(self, objects: Any, captions: Sequence[str]) -> bytes:
        """A batch [B], B >= 1, of objects without a problem with their captions, in rows: the bytes of a PNG file."""

    def image(self, thing: Any) -> Image.Image:
        """One object as a picture of pixels."""
        from PIL import Image

        return Image.open(io.BytesIO(self.sheet([thing], [""])))


class HasFingerprints(ObjectKind):
    """Objects can be compared, by the Tanimoto similarity of rows of bits: modes and diversity can be counted."""

    @abstractmethod
    def fingerprints(self, objects: Any) -> np.ndarray:
        """Bits [B, F], 0 or 1, float32, of a batch of objects without a problem; F is one number for the kind."""


@attributes_in_docstring
class HasDescriptors(ObjectKind):
    """Objects have sizes and the like that can be computed whatever the oracle is."""

    #: name -> its words with units, for titles and axes
    descriptors: ClassVar[dict[str, str]]

    @abstractmethod
    def describe(self, objects: Any) -> dict[str, np.ndarray]:
        """Every descriptor of a batch of objects: name -> float64 [V], of the V objects without a problem, in order."""


class HasCoordinates(ObjectKind):
    """Objects are points of a lattice: a report shows where on the first two coordinates they lie."""

    @abstractmethod
    def coordinates(self, objects: Any) -> np.ndarray:
        """int64 [B, d], not negative."""


class HasPoints(ObjectKind):
    """Objects are points of a space with real coordinates: densities can be compared on a grid of bins."""

    @abstractmethod
    def points(self, objects: Any) -> np.ndarray:
        """float64 [B, d]."""
