"""Similarity to one or more lead molecules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.hydrogens import without_hydrogens
from molgfn.chemistry.reading.lost_brackets import lost_brackets_hint
from molgfn.chemistry.similarity import Fingerprint, References
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle


class Similarity(Oracle):
    """Tanimoto similarity to the nearest of some lead molecules, in [0, 1]: 1 where the fingerprints are equal.

    Args:
        smiles: the lead, or a list of them.
        fingerprint: ecfp4, ecfp6 (Morgan), fcfp4, fcfp6 (Morgan over pharmacophoric features), ap (atom pairs up to 10
            bonds apart) or phco (Gobbi's pairs and triples of pharmacophore features).
        counts: compare how often each environment occurs, unfolded, as GuacaMol does; else which of 2048 bits are set.

    Raises:
        ConfigError: no SMILES, a SMILES that cannot be read (the message says which), or counts of ``phco``.

    Reference:
        Rogers and Hahn, "Extended-connectivity fingerprints", J. Chem. Inf. Model. 50, 742 (2010),
        doi:10.1021/ci100050t.
    """

    name: ClassVar[str] = "similarity"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "Tanimoto similarity of rdkit's fingerprints"

    def __init__(
        self,
        *,
        smiles: str | Annotated[list[str], Field(min_length=1)] | None = None,
        fingerprint: Fingerprint = "ecfp4",
        counts: bool = False,
    ) -> None:
        leads = [smiles] if isinstance(smiles, str) else list(smiles or [])
        if not leads:
            raise ConfigError("smiles: give the SMILES of a lead molecule, or a list of them")
        if counts and fingerprint == "phco":
            raise ConfigError("counts: phco says only which features are there, not how often; set counts to false")
        molecules = parse(leads)
        if bad := [i for i, molecule in enumerate(molecules) if not molecule.valid]:
            hints = {i: lost_brackets_hint("smiles", leads[i], _readable) for i in bad}
            raise ConfigError([f"smiles[{i}]: {molecules[i].problem}{hints[i]}" for i in bad])
        self.leads = [molecule.smiles for molecule in molecules]
        self._references = References(without_hydrogens(molecules), fingerprint, counts=counts)

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Similarity of each molecule to the lead that is nearest to it, float64 [B]."""
        return self._references.tanimoto(without_hydrogens(objects)).max(axis=1)


def _readable(text: str) -> bool:
    return Molecule.from_smiles(text).valid
