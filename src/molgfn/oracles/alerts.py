"""Structural alerts: patterns that a medicinal chemist would not want to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from rdkit import Chem
from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogEntry, FilterCatalogParams, SmartsMatcher

from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle

Catalog: TypeAlias = Literal[
    "ZINC",
    "BRENK",
    "CHEMBL_BMS",
    "CHEMBL_Glaxo",
    "CHEMBL_Dundee",
    "CHEMBL_Inpharmatica",
    "CHEMBL_LINT",
    "CHEMBL_MLSMR",
    "CHEMBL_SureChEMBL",
    "CHEMBL",
    "NIH",
    "PAINS_A",
    "PAINS_B",
    "PAINS_C",
    "PAINS",
]
#: about from fast to slow: a molecule is done with at its first alert
_ORDER: tuple[Catalog, ...] = Catalog.__args__


class Alerts(Oracle):
    """1 for a molecule without a structural alert, 0 for one with any: a mask.

    It belongs into a ``WeightedMean`` with ``filter: true``.

    Args:
        catalogs: RDKit's catalogues: PAINS (or its parts A, B, C: assay interference), BRENK (reactive or toxic), NIH
            (both), ZINC (functional groups), CHEMBL (or its parts BMS, Dundee, Glaxo, Inpharmatica, LINT, MLSMR,
            SureChEMBL).
        extra_smarts: patterns that are alerts, too.

    Raises:
        ConfigError: nothing to look for, or a SMARTS that cannot be read; the message says which.

    Reference:
        Baell and Holloway, "New substructure filters for removal of pan assay interference compounds", J. Med. Chem.
        53, 2719 (2010), doi:10.1021/jm901137j; Brenk et al., "Lessons learnt from assembling screening libraries",
        ChemMedChem 3, 435 (2008), doi:10.1002/cmdc.200700139.
    """

    name: ClassVar[str] = "alerts"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "rdkit.Chem.FilterCatalog (PAINS doi:10.1021/jm901137j, BRENK doi:10.1002/cmdc.200700139)"

    def __init__(
        self, *, catalogs: tuple[Catalog, ...] = ("PAINS", "BRENK"), extra_smarts: tuple[str, ...] = ()
    ) -> None:
        if not catalogs and not extra_smarts:
            raise ConfigError("catalogs: name at least one catalogue, or give extra_smarts")
        patterns = [Chem.MolFromSmarts(text) if text.strip() else None for text in extra_smarts]
        bad = [f"extra_smarts[{i}]: not a SMARTS: {extra_smarts[i]!r}" for i, p in enumerate(patterns) if p is None]
        if unknown := [name for name in catalogs if name not in _ORDER]:
            bad.append(f"catalogs: there is no {', '.join(unknown)}; there is {', '.join(_ORDER)}")
        if bad:
            raise ConfigError(bad)
        parameters = FilterCatalogParams()
        for catalog in sorted(set(catalogs), key=_ORDER.index):
            parameters.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, catalog))
        self._catalog = FilterCatalog(parameters)
        for text, pattern in zip(extra_smarts, patterns, strict=True):
            self._catalog.AddEntry(FilterCatalogEntry(text, SmartsMatcher(text, pattern, 1)))

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """1 or 0 for each molecule, float64 [B]."""
        return np.array([not self._catalog.HasMatch(mol) for mol in mols_of(objects)], dtype=np.float64)

    def found(self, molecule: Molecule) -> list[str]:
        """Names of all alerts in a molecule, in the order of the catalogues."""
        return [entry.GetDescription() for entry in self._catalog.GetMatches(molecule.mol)]
