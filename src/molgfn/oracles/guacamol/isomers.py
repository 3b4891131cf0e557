"""GuacaMol's isomer tasks: any molecule of a given molecular formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.formulas import FormulaMatch
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.oracles.base import Oracle


class _Isomers(Oracle):
    """Nearness to ``formula``."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"
    formula: ClassVar[str]

    def __init__(self) -> None:
        self._match = FormulaMatch(self.formula)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        return self._match(without_hydrogens(objects))


class IsomersC7H8N2O2(_Isomers):
    """Nearness to the formula C7H8N2O2, in [0, 1]: 1 at each of its isomers.

    The geometric mean over C, H, N, O of exp(-(difference in atoms)^2 / 2), and over all atoms together of
    exp(-(difference / 2)^2 / 2).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "isomers_c7h8n2o2"
    formula: ClassVar[str] = "C7H8N2O2"


class IsomersC9H10N2O2PF2Cl(_Isomers):
    """Nearness to the formula C9H10N2O2PF2Cl, in [0, 1]: 1 at each of its isomers.

    The geometric mean over the seven elements of exp(-(difference in atoms)^2 / 2), and over all atoms together of
    exp(-(difference / 2)^2 / 2).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "isomers_c9h10n2o2pf2cl"
    formula: ClassVar[str] = "C9H10N2O2PF2Cl"


class IsomersC11H24(_Isomers):
    """Nearness to the formula C11H24, in [0, 1]: 1 at each of its 159 constitutional isomers.

    The geometric mean over C and H of exp(-(difference in atoms)^2 / 2), and over all atoms together of
    exp(-(difference / 2)^2 / 2). Other elements count only among all atoms. One of GuacaMol's tasks, not of PMO's.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "isomers_c11h24"
    formula: ClassVar[str] = "C11H24"
