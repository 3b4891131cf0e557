"""GuacaMol's median tasks: molecules that are near two drugs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.chemistry.similarity import Fingerprint, References
from molgfn.oracles.base import Oracle


class _Median(Oracle):
    """Geometric mean of the similarities to two molecules."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"
    smiles: ClassVar[tuple[str, str]]
    fingerprint: ClassVar[Fingerprint]

    def __init__(self) -> None:
        self._two = References(without_hydrogens(parse(self.smiles)), self.fingerprint, counts=True)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        return np.sqrt(self._two.tanimoto(without_hydrogens(objects)).prod(axis=1))


class Median1(_Median):
    """Geometric mean of the Tanimoto similarities (ECFP4 counts) to camphor and to menthol, in [0, 1].

    Its maximum is not known; 1 cannot be reached, because no molecule is both.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "median1"
    smiles: ClassVar[tuple[str, str]] = ("CC1(C)C2CCC1(C)C(=O)C2", "CC(C)C1CCC(C)CC1O")
    fingerprint: ClassVar[Fingerprint] = "ecfp4"


class Median2(_Median):
    """Geometric mean of the Tanimoto similarities (ECFP6 counts) to tadalafil and to sildenafil, in [0, 1].

    Its maximum is not known; 1 cannot be reached, because no molecule is both.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "median2"
    smiles: ClassVar[tuple[str, str]] = (
        "O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C",
        "CCCC1=NN(C2=C1N=C(NC2=O)C3=C(C=CC(=C3)S(=O)(=O)N4CCN(CC4)C)OCC)C",
    )
    fingerprint: ClassVar[Fingerprint] = "ecfp6"
