"""Similar to a lead, but not too similar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from molgfn.chemistry.similarity import Fingerprint
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.structure.similarity import Similarity
from molgfn.rewards.scalarisation import NO_CONDITION, Scalarisation
from molgfn.rewards.transforms import DoubleSigmoid
from molgfn.serving.panel import Panel


class SimilarityWindow(Scalarisation):
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
    kind: ClassVar[ObjectKind] = MOLECULE  # type: ignore[assignment]  # the base's is a property
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
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

    def panel(self, recipe: Any = None) -> Panel:
        """The oracle ``similarity``, which is the same whatever the window."""
        if isinstance(recipe, Mapping):
            window = ("_target_", "low", "high")
            own = {key: value for key, value in recipe.items() if key not in window}
            recipe = {"_target_": f"{Similarity.__module__}.{Similarity.__qualname__}", **own}
        return Panel.of(self._similarity, recipe).called(self.name)

    def evaluate(
        self, values: Mapping[str, np.ndarray], condition: Mapping[str, np.ndarray] = NO_CONDITION
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What the similarity is worth, and the similarity itself, float64 [B] each."""
        similarity = values["similarity"]
        return self._window(similarity), {"similarity": similarity}
