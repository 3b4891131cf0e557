"""Similar to a lead, but not too similar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.similarity import Fingerprint
from molgfn.oracles.base import Oracle
from molgfn.oracles.structure.similarity import Similarity
from molgfn.rewards.transforms import DoubleSigmoid


class SimilarityWindow(Oracle):
    """About 1 where the similarity to the nearest lead lies between ``low`` and ``high``, about 0 well outside.

    The oracle ``similarity`` with a ``DoubleSigmoid`` around it, as REINVENT's similarity component has it: near enough
    to keep what the lead does, far enough to be something new. The similarity itself is the component ``similarity``.

    Args:
        smiles: the lead, or a list of them.
        low: least wanted similarity.
        high: largest wanted similarity; above 1 nothing is too similar.
        fingerprint: ecfp4, ecfp6, fcfp4, fcfp6, ap or phco, as of the oracle ``similarity``.
        counts: compare how often each environment occurs, unfolded; else which of 2048 bits are set.

    Raises:
        ConfigError: no SMILES, a SMILES that cannot be read, counts of ``phco``, or low not below high.
    """

    name: ClassVar[str] = "similarity_window"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "Tanimoto similarity in a double sigmoid as in REINVENT 4, doi:10.1186/s13321-024-00812-5"
    component_names: ClassVar[tuple[str, ...]] = ("similarity",)  # type: ignore[assignment]  # the base's is a property

    def __init__(
        self,
        *,
        smiles: str | Annotated[list[str], Field(min_length=1)] | None = None,
        low: float = 0.4,
        high: float = 0.7,
        fingerprint: Fingerprint = "ecfp4",
        counts: bool = False,
    ) -> None:
        self._similarity = Similarity(smiles=smiles, fingerprint=fingerprint, counts=counts)
        self._window = DoubleSigmoid(low=low, high=high)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """What each molecule's similarity is worth, float64 [B]."""
        return self.measure(objects)[0]

    def measure(self, objects: Sequence[Molecule]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What it is worth, and the similarity itself, float64 [B] each."""
        similarity = self._similarity.values(objects)
        return self._window(similarity), {"similarity": similarity}
