"""Structural alerts: patterns that a medicinal chemist would not want to see."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field
from rdkit import RDConfig
from rdkit.Chem.rdfiltercatalog import FilterCatalog, FilterCatalogEntry, FilterCatalogParams, SmartsMatcher

from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.chemistry.patterns import patterns
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
    "NIBR",
]
#: about from fast to slow: a molecule is done with at its first alert
_ORDER: tuple[Catalog, ...] = Catalog.__args__
_NIBR = Path("NIBRSubstructureFilters", "SubstructureFilter_HitTriaging_wPubChemExamples.csv")


class Alerts(Oracle):
    """1 for a molecule without a structural alert, 0 for one with any: a mask.

    It belongs into a ``WeightedMean`` with ``filter: true``. The names of the alerts that a molecule has stand in the
    column ``alerts_found`` of what is written (`molgfn score`, `sample`, `evaluate`). Approved drugs have alerts, too:
    of BRENK gefitinib has one, erlotinib two; what is no concern of yours is left out by ``exclude``.

    Args:
        catalogs: RDKit's catalogues: PAINS (or its parts by how often they hit: A most, B, C least: assay
            interference), BRENK (reactive, toxic or unstable), NIH (BRENK's kind, by chemists of the NIH), ZINC
            (functional groups), CHEMBL (or its parts BMS, Dundee, Glaxo, Inpharmatica, LINT, MLSMR, SureChEMBL), NIBR
            (of Novartis' screening deck, with severities).
        severity: least severity of the alerts of NIBR that count, the only ones that have one: 2 what was excluded from
            the deck, 1 also what was flagged, 0 also what was annotated. Null for 1.
        exclude: names of alerts that do not count, as ``alerts_found`` shows them.
        extra_smarts: patterns that are alerts, too; each is its own name.

    Raises:
        ConfigError: nothing to look for, a SMARTS that cannot be read, an alert to exclude that there is none of, or a
            severity where no catalogue has one; the message says which.

    Reference:
        Baell and Holloway, "New substructure filters for removal of pan assay interference compounds", J. Med. Chem.
        53, 2719 (2010), doi:10.1021/jm901137j; Brenk et al., "Lessons learnt from assembling screening libraries",
        ChemMedChem 3, 435 (2008), doi:10.1002/cmdc.200700139; Schuffenhauer et al., "Evolution of Novartis' small
        molecule screening deck design", J. Med. Chem. 63, 14425 (2020), doi:10.1021/acs.jmedchem.0c01332.
    """

    name: ClassVar[str] = "alerts"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "rdkit.Chem.FilterCatalog (PAINS doi:10.1021/jm901137j, BRENK doi:10.1002/cmdc.200700139)"

    def __init__(
        self,
        *,
        catalogs: tuple[Catalog, ...] = ("PAINS", "BRENK"),
        severity: Annotated[int, Field(ge=0, le=2)] | None = None,
        exclude: tuple[str, ...] = (),
        extra_smarts: tuple[str, ...] = (),
    ) -> None:
        if not catalogs and not extra_smarts:
            raise ConfigError("catalogs: name at least one catalogue, or give extra_smarts")
        bad: list[str] = []
        if unknown := [name for name in catalogs if name not in _ORDER]:
            bad.append(f"catalogs: there is no {', '.join(unknown)}; there is {', '.join(_ORDER)}")
        if severity is not None and "NIBR" not in catalogs:
            bad.append(
                f"severity: only NIBR has severities, and catalogs is {list(catalogs)}; add it or leave this null"
            )
        try:
            own = patterns(extra_smarts, "extra_smarts") if extra_smarts else []
        except ConfigError as error:
            own, bad = [], [*bad, *error.problems]
        if bad:
            raise ConfigError(bad)
        self._catalog = FilterCatalog()
        names = set()
        unwanted = set(exclude)
        for catalog in sorted(set(catalogs), key=_ORDER.index):
            least = 1 if severity is None else severity
            for entry in _nibr(least) if catalog == "NIBR" else _entries(catalog):
                names.add(entry.GetDescription())
                if entry.GetDescription() not in unwanted:
                    self._catalog.AddEntry(entry)
        for text, pattern in zip(extra_smarts, own, strict=True):
            self._catalog.AddEntry(FilterCatalogEntry(text, SmartsMatcher(text, pattern, 1)))
        if absent := [name for name in exclude if name not in names]:
            raise ConfigError(
                [f"exclude: no alert of these catalogues is called `{n}`{_near(n, names)}" for n in absent]
            )

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """1 or 0 for each molecule, float64 [B]."""
        return np.array([not self._catalog.HasMatch(mol) for mol in mols_of(objects)], dtype=np.float64)

    def found(self, molecule: Molecule) -> list[str]:
        """Names of all alerts in a molecule, each once, in the order of the catalogues."""
        return list(dict.fromkeys(entry.GetDescription() for entry in self._catalog.GetMatches(molecule.mol)))

    @property
    def remark_names(self) -> tuple[str, ...]:
        return ("alerts_found",)

    def remarks(self, objects: Sequence[Molecule]) -> dict[str, list[str]]:
        """The names of the alerts in each molecule, separated by semicolons."""
        clean = self.values(objects)  # the search for all is slower than that for one
        return {"alerts_found": ["" if c else "; ".join(self.found(m)) for c, m in zip(clean, objects, strict=True)]}


def _entries(catalog: Catalog) -> Iterator[FilterCatalogEntry]:
    parameters = FilterCatalogParams()
    parameters.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, catalog))
    whole = FilterCatalog(parameters)
    return (whole.GetEntry(i) for i in range(whole.GetNumEntries()))


def _nibr(least: int) -> Iterator[FilterCatalogEntry]:
    """The patterns of at least this severity."""
    for name, smarts, count, severity in _nibr_table():
        if severity >= least:
            yield FilterCatalogEntry(name, SmartsMatcher(name, smarts, count))


@cache
def _nibr_table() -> list[tuple[str, str, int, int]]:
    """Name, SMARTS, least matches and severity of each pattern that comes with rdkit."""
    with (Path(RDConfig.RDContribDir) / _NIBR).open(newline="", encoding="utf-8") as file:
        return [
            (row["PATTERN_NAME"], row["SMARTS"], max(1, int(row["MIN_COUNT"])), int(row["SEVERITY_SCORE"]))
            for row in csv.DictReader(file)
        ]


def _near(name: str, names: set[str]) -> str:
    lowered = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), lowered, 1, cutoff=0.5)
    return f"; did you mean `{lowered[close[0]]}`?" if close else ""
