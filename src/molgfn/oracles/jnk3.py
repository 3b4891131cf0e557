"""JNK3: predicted inhibition of c-Jun N-terminal kinase 3 (JNK3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.fingerprints import morgan
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.pmo_classifiers import JNK3 as MODEL
from molgfn.chemistry.pmo_classifiers import forest
from molgfn.oracles.base import Oracle


class JNK3(Oracle):
    """Probability in [0, 1] of inhibiting c-Jun N-terminal kinase 3 (JNK3): the ``jnk3`` task of PMO and TDC.

    A random forest of 100 trees over Morgan bits (radius 2, 2048 bits); the value is the mean of the leaves. Equal to
    scikit-learn's own prediction, without scikit-learn.

    Args:
        weights: npz file of the forest, if you have one; null: made once from the published weights (fetched, 70 MB,
            for JNK3, GSK3b and DRD2 together).

    Raises:
        DataError: the weights cannot be fetched or read.

    Reference:
        Li, Zhang and Liu, "Multi-objective de novo drug design with conditional graph generative model",
        J. Cheminformatics 10, 33 (2018), doi:10.1186/s13321-018-0287-6; Gao et al., "Sample Efficiency Matters",
        arXiv 2206.12411 (PMO).
    """

    name: ClassVar[str] = "jnk3"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "random forest of Li et al. 2018, doi:10.1186/s13321-018-0287-6, as in PMO"

    def __init__(self, *, weights: str | None = None) -> None:
        self._forest = forest(MODEL, weights)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Predicted probability of inhibition for each molecule, float64 [B]."""
        return self._forest.probability(morgan(objects))
