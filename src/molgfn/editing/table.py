"""What came of the leads as a table: a row for each child, and one for each lead without any."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdFMCS

from molgfn.chemistry.molecules import Molecule
from molgfn.editing.candidates import Lead
from molgfn.editing.searching import Found, Search
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

#: a row of the table, name -> cell
Row = dict[str, Any]
#: seconds for the largest common substructure of a pair
MOST_SECONDS = 5


def result_table(kind: ObjectKind, leads: list[Lead], search: Search, best: int) -> pd.DataFrame:
    """A row for each of the ``best`` children of each lead, the best first, in the order of the leads; a lead without
    children has one row, with ``problem``.
    """
    found = {one.lead.row: one for one in search.found}
    rows: list[dict[str, Any]] = []
    for lead in leads:
        one = found.get(lead.row)
        if one is None or not one.children:
            rows.append({**_of_lead(lead, one), "problem": lead.problem or "no child within the limits"})
            continue
        for rank, row in enumerate(one.order()[:best], 1):
            rows.append({**_of_lead(lead, one), "rank": rank, **_of_child(kind, one, row)})
    first = ["lead", "given", "parent", "child", "rank", "similarity", "edits", "dropped", "filled", "steps"]
    names = [*first, "gone", "new", *[name for row in rows for name in row], "problem"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(names)))
    for name in ("rank", "edits", "dropped", "filled"):
        table[name] = table[name].astype("Int64")
    table["problem"] = table.pop("problem")  # last
    return table.drop(columns=[] if kind is MOLECULE else ["gone", "new"])


def rows_of(table: pd.DataFrame) -> list[Row]:
    """The rows of a table."""
    records: Any = table
    return records.to_dict("records")


def has_child(row: Row) -> bool:
    """Whether a row of the table is one of a child."""
    return isinstance(row["child"], str)


def _of_lead(lead: Lead, one: Found | None) -> dict[str, Any]:
    row: dict[str, Any] = {"lead": lead.row + 1, "given": lead.given}
    if lead.candidate is not None:
        row["parent"] = lead.candidate.key
    if lead.nearest is not None:
        row["nearest"], row["nearest_similarity"] = lead.nearest
    if one is not None:
        row |= {f"parent_{name}": cell for name, cell in one.own.items() if name != "problem"}
    return {**row, **lead.beside}


def _of_child(kind: ObjectKind, one: Found, row: int) -> dict[str, Any]:
    child = one.children[row]
    out: dict[str, Any] = {
        "child": child.key,
        "similarity": one.similarity[row],
        "edits": child.edits,
        "dropped": child.dropped,
        "filled": child.filled,
        "steps": " ".join(map(str, child.steps)),
    }
    if kind is MOLECULE and one.lead.candidate is not None:
        out["gone"], out["new"] = (part.words for part in changes(one.lead.candidate.thing, child.thing))
    out |= {name: cells[row] for name, cells in one.scores.items()}
    return out


class Part:
    """Atoms and bonds of a molecule that the other one of a pair does not have; ``shared``: its atoms of the common
    part, in an order that is the same for both.
    """

    def __init__(self, mol: Chem.Mol, shared: tuple[int, ...], shared_bonds: set[frozenset[int]]) -> None:
        self.mol, self.shared = mol, shared
        self.atoms = sorted(set(range(mol.GetNumAtoms())) - set(shared))
        ends = ((b.GetIdx(), frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds())
        self.bonds = [index for index, pair in ends if pair not in shared_bonds]

    @property
    def words(self) -> str:
        """SMILES of the atoms, "" where there are none."""
        return Chem.MolFragmentToSmiles(self.mol, self.atoms) if self.atoms else ""


def changes(parent: Molecule, child: Molecule) -> tuple[Part, Part]:
    """What of the parent is gone, and what of the child is new, by their largest common substructure (equal elements
    and bonds, rings whole); after ``MOST_SECONDS`` by the largest that was found.
    """
    mols = [parent.mol, child.mol]
    common = rdFMCS.FindMCS(mols, ringMatchesRingOnly=True, completeRingsOnly=True, timeout=MOST_SECONDS)
    query = Chem.MolFromSmarts(common.smartsString) if common.numAtoms else None
    parts = []
    for mol in mols:
        match = mol.GetSubstructMatch(query) if query is not None else ()  # type: ignore[union-attr]
        pairs = [] if query is None else [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in query.GetBonds()]
        parts.append(Part(mol, match, {frozenset((match[i], match[j])) for i, j in pairs} if match else set()))  # type: ignore[arg-type]
    return parts[0], parts[1]
