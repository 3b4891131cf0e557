"""Which molecule can fill which slot of which reaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem

from molgfn.chemistry.reading.prescreen import Prescreen


class Queries:
    """The reactant patterns of all slots; patterns that are the same but for atom maps are searched for once.

    Args:
        queries: one per slot.
        without: of each slot SMARTS of groups that a molecule in it may not have; None: of none.

    Raises:
        ValueError: RDKit cannot read one of these SMARTS.
    """

    def __init__(self, queries: Sequence[Chem.Mol], without: Sequence[Sequence[str]] | None = None) -> None:
        groups = list(dict.fromkeys(smarts for row in without or () for smarts in row))
        self._groups = [group_query(smarts) for smarts in groups]
        self._refused = np.array([[g in row for g in groups] for row in without or ()], dtype=bool)
        texts: dict[str, int] = {}
        different: list[Chem.Mol] = []
        of_slot: list[int] = []
        for query in queries:
            text = _without_maps(query)
            if text not in texts:
                texts[text] = len(different)
                different.append(query)
            of_slot.append(texts[text])
        self._different, self._of_slot = different, np.array(of_slot, dtype=np.int64)
        self._prescreen = Prescreen(different)

    @property
    def n_slots(self) -> int:
        """S."""
        return len(self._of_slot)

    def of_one(self, mol: Chem.Mol, smiles: str | None = None) -> np.ndarray:
        """``bool [S]``: the slots that a molecule can fill; the array is read-only.

        ``smiles``: canonical, where it is known, which saves most of the work.
        """
        found = np.zeros(len(self._different), dtype=bool)
        for q in range(len(found)) if smiles is None else self._prescreen.possible(smiles):
            found[q] = mol.HasSubstructMatch(self._different[q])
        row = found[self._of_slot] & ~self.spoiled(mol)
        row.flags.writeable = False
        return row

    def spoiled(self, mol: Chem.Mol) -> np.ndarray:
        """``bool [S]``: the slots that a molecule cannot fill for a group that it has."""
        if not self._groups:
            return np.zeros(self.n_slots, dtype=bool)
        has = np.fromiter((mol.HasSubstructMatch(q) for q in self._groups), bool, len(self._groups))
        return np.asarray((self._refused & has).any(1))

    def of(self, smiles: Iterable[str]) -> np.ndarray:
        """``bool [S, n]``: the same for n molecules."""
        rows = [self.of_one(Chem.MolFromSmiles(text)) for text in smiles]
        return np.ascontiguousarray(np.array(rows, dtype=bool).reshape(len(rows), len(self._of_slot)).T)


def group_query(smarts: str) -> Chem.Mol:
    """The query of a group.

    Raises:
        ValueError: RDKit cannot read it.
    """
    query = Chem.MolFromSmarts(smarts)
    if query is None or not query.GetNumAtoms():
        raise ValueError(f"{smarts}: RDKit cannot read it")
    return query


def _without_maps(query: Chem.Mol) -> str:
    copy = Chem.Mol(query)
    for atom in copy.GetAtoms():
        atom.SetAtomMapNum(0)
    return Chem.MolToSmarts(copy)
