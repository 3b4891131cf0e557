"""DRD2: predicted activity at the dopamine receptor D2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.models.feature_counts import feature_counts
from molgfn.chemistry.models.pmo_classifiers import DRD2 as MODEL
from molgfn.chemistry.models.pmo_classifiers import support_vectors
from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile


class DRD2(Oracle):
    """Probability in [0, 1] of activity at the dopamine receptor D2: the ``drd2`` task of PMO and TDC.

    A support vector classifier with a Gaussian kernel over counts of feature Morgan environments (radius 3, folded to
    2048), with libsvm's probability. Equal to scikit-learn's own prediction to 1e-6, without scikit-learn.

    Args:
        weights: npz file of the classifier, if you have one; null: made once from the published weights (fetched,
            70 MB, for JNK3, GSK3b and DRD2 together).

    Raises:
        DataError: the weights cannot be fetched or read.

    Reference:
        Olivecrona et al., "Molecular de-novo design through deep reinforcement learning", J. Cheminformatics 9, 48
        (2017), doi:10.1186/s13321-017-0235-x; Gao et al., "Sample Efficiency Matters", arXiv 2206.12411 (PMO).
    """

    name: ClassVar[str] = "drd2"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "support vectors of Olivecrona et al. 2017, doi:10.1186/s13321-017-0235-x, as in PMO"

    def __init__(self, *, weights: InputFile | None = None) -> None:
        self.weights = weights
        self._classifier = support_vectors(MODEL, weights)

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.weights is None else (Path(self.weights),)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Predicted probability of activity for each molecule, float64 [B]."""
        mols = [molecule.mol for molecule in objects if molecule.mol is not None]
        if len(mols) < len(objects):
            raise ValueError("DRD2: a molecule has no mol; only valid molecules have a value")
        return self._classifier.probability(feature_counts(mols))
