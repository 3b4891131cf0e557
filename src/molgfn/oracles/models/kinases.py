"""JNK3 and GSK3b: predicted inhibition of two kinases, by random forests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.fingerprints import morgan
from molgfn.chemistry.models import pmo_classifiers
from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile


class _Kinase(Oracle):
    """A random forest of 100 trees over Morgan bits (radius 2, 2048 bits): the mean of the leaves that are reached."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "random forest of Li et al. 2018, doi:10.1186/s13321-018-0287-6, as in PMO"
    model: ClassVar[pmo_classifiers.PublishedModel]

    def __init__(self, *, weights: InputFile | None = None) -> None:
        self.weights = weights
        self._forest = pmo_classifiers.forest(self.model, weights)

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.weights is None else (Path(self.weights),)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Predicted probability of inhibition for each molecule, float64 [B]."""
        return self._forest.probability(morgan(objects))


class JNK3(_Kinase):
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
    model: ClassVar[pmo_classifiers.PublishedModel] = pmo_classifiers.JNK3


class GSK3B(_Kinase):
    """Probability in [0, 1] of inhibiting glycogen synthase kinase 3 beta (GSK3b): the ``gsk3b`` task of PMO and TDC.

    The forest is equal to scikit-learn's own prediction to 1e-9; for the rest see ``JNK3``.

    Args:
        weights: npz file of the forest, if you have one; null: made once from the published weights (fetched, 70 MB,
            for JNK3, GSK3b and DRD2 together).

    Raises:
        DataError: the weights cannot be fetched or read.

    Reference:
        Li, Zhang and Liu, doi:10.1186/s13321-018-0287-6; Gao et al., arXiv 2206.12411 (PMO).
    """

    name: ClassVar[str] = "gsk3b"
    model: ClassVar[pmo_classifiers.PublishedModel] = pmo_classifiers.GSK3B
