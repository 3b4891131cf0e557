"""GuacaMol's rediscovery and similarity tasks: how near a molecule is to one drug."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from molgfn.chemistry.desirabilities import clipped
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.chemistry.similarity import Fingerprint, References
from molgfn.oracles.base import Oracle


class _Drug(Oracle):
    """min(Tanimoto similarity of counts / threshold, 1) to ``smiles``."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"
    smiles: ClassVar[str]
    fingerprint: ClassVar[Fingerprint] = "ecfp4"
    threshold: ClassVar[float] = 1.0

    def __init__(self) -> None:
        self._drug = References(without_hydrogens(parse([self.smiles])), self.fingerprint, counts=True)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        return clipped(self._drug.tanimoto(without_hydrogens(objects))[:, 0], self.threshold)


class CelecoxibRediscovery(_Drug):
    """Tanimoto similarity of ECFP4 counts to celecoxib, in [0, 1]: 1 at celecoxib.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "celecoxib_rediscovery"
    smiles: ClassVar[str] = "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F"


class TroglitazoneRediscovery(_Drug):
    """Tanimoto similarity of ECFP4 counts to troglitazone, in [0, 1]: 1 at troglitazone.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "troglitazone_rediscovery"
    smiles: ClassVar[str] = "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O"


class ThiothixeneRediscovery(_Drug):
    """Tanimoto similarity of ECFP4 counts to thiothixene, in [0, 1]: 1 at thiothixene.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "thiothixene_rediscovery"
    smiles: ClassVar[str] = "CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1"


class AripiprazoleSimilarity(_Drug):
    """Tanimoto similarity of ECFP4 counts to aripiprazole over 0.75, in [0, 1]: 1 from a similarity of 0.75 on.

    One of GuacaMol's tasks, not one of PMO's.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "aripiprazole_similarity"
    smiles: ClassVar[str] = "Clc4cccc(N3CCN(CCCCOc2ccc1c(NC(=O)CC1)c2)CC3)c4Cl"
    threshold: ClassVar[float] = 0.75


class AlbuterolSimilarity(_Drug):
    """Tanimoto similarity of FCFP4 counts to albuterol over 0.75, in [0, 1]: 1 from a similarity of 0.75 on.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "albuterol_similarity"
    smiles: ClassVar[str] = "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1"
    fingerprint: ClassVar[Fingerprint] = "fcfp4"
    threshold: ClassVar[float] = 0.75


class MestranolSimilarity(_Drug):
    """Tanimoto similarity of atom pairs to mestranol over 0.75, in [0, 1]: 1 from a similarity of 0.75 on.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "mestranol_similarity"
    smiles: ClassVar[str] = "COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1"
    fingerprint: ClassVar[Fingerprint] = "ap"
    threshold: ClassVar[float] = 0.75
