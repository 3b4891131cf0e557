"""GuacaMol's multi-property tasks: a drug's likeness together with other properties than it has."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from molgfn.chemistry.desirabilities import at_least, at_most, clipped, geometric_mean, near
from molgfn.chemistry.formulas import FormulaMatch, atom_counts
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.chemistry.similarity import Fingerprint, References
from molgfn.oracles.base import Oracle


class _MPO(Oracle):
    """The geometric mean of some desirabilities, all computed from one parsed molecule."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"
    smiles: ClassVar[str]
    fingerprints: ClassVar[tuple[Fingerprint, ...]] = ("ecfp4",)

    def __init__(self) -> None:
        self._drug = without_hydrogens(parse([self.smiles]))
        self._references = [References(self._drug, kind, counts=True) for kind in self.fingerprints]

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        mols = without_hydrogens(objects)
        similarities = [reference.tanimoto(mols)[:, 0] for reference in self._references]
        return geometric_mean(self._parts(mols, *similarities))

    @abstractmethod
    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        """The desirabilities, float64 [B] each, from the molecules and their similarity in each fingerprint."""


class OsimertinibMPO(_MPO):
    """Like osimertinib by features, not too like it by structure, more polar and less greasy; in [0, 1].

    Geometric mean of min(FCFP4 similarity / 0.8, 1); of the ECFP6 similarity, at most 0.85 (sigma 0.1); of the TPSA, at
    least 100 (10); of the logP, at most 1 (1). Similarities are Tanimoto of counts; beyond a limit a desirability falls
    as a Gaussian of the sigma.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "osimertinib_mpo"
    smiles: ClassVar[str] = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
    fingerprints: ClassVar[tuple[Fingerprint, ...]] = ("fcfp4", "ecfp6")

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        features, structure = similarities
        return [
            clipped(features, 0.8),
            at_most(structure, 0.85, 0.1),
            at_least(_each(_tpsa, mols), 100.0, 10.0),
            at_most(_each(_logp, mols), 1.0, 1.0),
        ]


class FexofenadineMPO(_MPO):
    """Like fexofenadine, more polar and less greasy; in [0, 1].

    Geometric mean of min(atom pair similarity / 0.8, 1); of the TPSA, at least 90 (sigma 10); of the logP, at most 4
    (1). Beyond a limit a desirability falls as a Gaussian of the sigma.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "fexofenadine_mpo"
    smiles: ClassVar[str] = "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4"
    fingerprints: ClassVar[tuple[Fingerprint, ...]] = ("ap",)

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [
            clipped(similarities[0], 0.8),
            at_least(_each(_tpsa, mols), 90.0, 10.0),
            at_most(_each(_logp, mols), 4.0, 1.0),
        ]


class RanolazineMPO(_MPO):
    """Like ranolazine, more polar, greasier and with one fluorine; in [0, 1].

    Geometric mean of min(atom pair similarity / 0.7, 1); of the logP, at least 7 (sigma 1); of the TPSA, at least 95
    (20); of the number of fluorines, near 1 (1). Beyond a limit a desirability falls as a Gaussian of the sigma.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "ranolazine_mpo"
    smiles: ClassVar[str] = "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2"
    fingerprints: ClassVar[tuple[Fingerprint, ...]] = ("ap",)

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [
            clipped(similarities[0], 0.7),
            at_least(_each(_logp, mols), 7.0, 1.0),
            at_least(_each(_tpsa, mols), 95.0, 20.0),
            near(atom_counts(mols, ["F"])[:, 0], 1.0, 1.0),
        ]


class PerindoprilMPO(_MPO):
    """Like perindopril, with two aromatic rings; in [0, 1].

    Geometric mean of the Tanimoto similarity (ECFP4 counts) and of the number of aromatic rings, near 2 (sigma 0.5).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "perindopril_mpo"
    smiles: ClassVar[str] = "O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC"

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [similarities[0], near(_each(rdMolDescriptors.CalcNumAromaticRings, mols), 2.0, 0.5)]


class AmlodipineMPO(_MPO):
    """Like amlodipine, with three rings; in [0, 1].

    Geometric mean of the Tanimoto similarity (ECFP4 counts) and of the number of rings, near 3 (sigma 0.5).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "amlodipine_mpo"
    smiles: ClassVar[str] = r"Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\C(=O)OC"

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [similarities[0], near(_each(rdMolDescriptors.CalcNumRings, mols), 3.0, 0.5)]


class SitagliptinMPO(_MPO):
    """Unlike sitagliptin, with its formula, logP and TPSA; in [0, 1].

    Geometric mean of the Tanimoto similarity (ECFP4 counts), near 0 (sigma 0.1); of the logP, near sitagliptin's (0.2);
    of the TPSA, near sitagliptin's (5); and of the nearness to C16H15F6N5O (``isomers``).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "sitagliptin_mpo"
    smiles: ClassVar[str] = "Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F"

    def __init__(self) -> None:
        super().__init__()
        (drug,) = self._drug
        self._wanted_logp, self._wanted_tpsa = _logp(drug), _tpsa(drug)
        self._formula = FormulaMatch("C16H15F6N5O")

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [
            near(similarities[0], 0.0, 0.1),
            near(_each(_logp, mols), self._wanted_logp, 0.2),
            near(_each(_tpsa, mols), self._wanted_tpsa, 5.0),
            self._formula(mols),
        ]


class ZaleplonMPO(_MPO):
    """Like zaleplon, with the formula C19H17N3O2; in [0, 1].

    Geometric mean of the Tanimoto similarity (ECFP4 counts) and of the nearness to the formula (``isomers``).

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "zaleplon_mpo"
    smiles: ClassVar[str] = "O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1"

    def __init__(self) -> None:
        super().__init__()
        self._formula = FormulaMatch("C19H17N3O2")

    def _parts(self, mols: list[Chem.Mol], *similarities: np.ndarray) -> list[np.ndarray]:
        return [similarities[0], self._formula(mols)]


def _each(descriptor: Callable[[Chem.Mol], float], mols: list[Chem.Mol]) -> np.ndarray:
    return np.array([descriptor(mol) for mol in mols], dtype=np.float64)


def _logp(mol: Chem.Mol) -> float:
    return rdMolDescriptors.CalcCrippenDescriptors(mol)[0]


def _tpsa(mol: Chem.Mol) -> float:
    return rdMolDescriptors.CalcTPSA(mol)
