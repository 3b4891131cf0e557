"""GuacaMol's hopping tasks: exchange a part of a kinase inhibitor and keep its pharmacophore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from rdkit import Chem

from molgfn.chemistry.desirabilities import clipped
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.chemistry.similarity import References
from molgfn.oracles.base import Oracle

_DRUG = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
#: the quinazoline with its amine and ether
_SCAFFOLD = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"


class _Hop(Oracle):
    """Arithmetic mean of the clipped pharmacophore similarity, of patterns being there and of others being absent."""

    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "GuacaMol (Brown et al. 2019, doi:10.1021/acs.jcim.8b00839); PMO (arXiv 2206.12411)"
    threshold: ClassVar[float]
    wanted: ClassVar[tuple[str, ...]]
    unwanted: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._drug = References(without_hydrogens(parse([_DRUG])), "phco", counts=False)
        self._patterns = [(Chem.MolFromSmarts(s), True) for s in self.wanted]
        self._patterns += [(Chem.MolFromSmarts(s), False) for s in self.unwanted]

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Value of each molecule, float64 [B] in [0, 1]."""
        mols = without_hydrogens(objects)
        right = [[mol.HasSubstructMatch(pattern) is there for pattern, there in self._patterns] for mol in mols]
        fulfilled = np.array(right, dtype=np.float64).reshape(len(mols), len(self._patterns)).sum(axis=1)
        similarity = clipped(self._drug.tanimoto(mols)[:, 0], self.threshold)
        return (similarity + fulfilled) / (1 + len(self._patterns))


class DecoHop(_Hop):
    """Keep the scaffold of a kinase inhibitor and its pharmacophore, exchange its decorations; in [0, 1].

    Mean of min(pharmacophore similarity / 0.85, 1), of scaffold present, sulfone absent and aminobenzothiazole absent.
    The similarity is Tanimoto of Gobbi's 2D pharmacophores.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "deco_hop"
    threshold: ClassVar[float] = 0.85
    wanted: ClassVar[tuple[str, ...]] = (_SCAFFOLD,)
    unwanted: ClassVar[tuple[str, ...]] = ("CS([#6])(=O)=O", "[#7]-c1ccc2ncsc2c1")


class ScaffoldHop(_Hop):
    """Exchange the scaffold of a kinase inhibitor, keep its decoration and its pharmacophore; in [0, 1].

    Mean of min(pharmacophore similarity / 0.75, 1), of decoration present and scaffold absent. The similarity is
    Tanimoto of Gobbi's 2D pharmacophores.

    Reference: Brown et al., "GuacaMol", J. Chem. Inf. Model. 59, 1096 (2019), doi:10.1021/acs.jcim.8b00839.
    """

    name: ClassVar[str] = "scaffold_hop"
    threshold: ClassVar[float] = 0.75
    wanted: ClassVar[tuple[str, ...]] = ("[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1",)
    unwanted: ClassVar[tuple[str, ...]] = (_SCAFFOLD,)
