"""GuacaMol's valsartan task: a substructure of valsartan with the properties of sitagliptin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit import Chem
from rdkit.Chem import GraphDescriptors, rdMolDescriptors

from molgfn.chemistry.desirabilities import geometric_mean, near
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.oracles.base import Oracle

_SMARTS = "CN(C=O)Cc1ccc(c2ccccc2)cc1"
_SITAGLIPTIN = "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F"
#: logP, TPSA and Bertz's complexity may differ by about this
_SIGMAS = np.array([0.2, 5.0, 30.0])


class ValsartanSMARTS(Oracle):
    """Contain a substructure of valsartan and have the properties of sitagliptin; in [0, 1].

    0 without the substructure; else the geometric mean of 1 and of logP, TPSA and Bertz's complexity near those of
    sitagliptin (sigma 0.2, 5 and 30). The properties of molecules without the substructure are not computed.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "valsartan_smarts"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"

    def __init__(self) -> None:
        self._pattern = Chem.MolFromSmarts(_SMARTS)
        self._wanted = np.array(_properties(without_hydrogens(parse([_SITAGLIPTIN]))[0]))

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        mols = without_hydrogens(objects)
        rows = [row for row, mol in enumerate(mols) if mol.HasSubstructMatch(self._pattern)]
        values = np.zeros(len(mols))
        if rows:
            found = np.array([_properties(mols[row]) for row in rows])
            parts = [near(x, mu, sigma) for x, mu, sigma in zip(found.T, self._wanted, _SIGMAS, strict=True)]
            values[rows] = geometric_mean([np.ones(len(rows)), *parts])
        return values


def _properties(mol: Chem.Mol) -> tuple[float, float, float]:
    """LogP, TPSA, and Bertz's complexity."""
    logp = rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
    return logp, rdMolDescriptors.CalcTPSA(mol), GraphDescriptors.BertzCT(mol)
