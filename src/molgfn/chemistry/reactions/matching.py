"""Which molecule can fill which slot of which reaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem


class Queries:
    """The reactant patterns of all slots; patterns that are the same but for atom maps are searched for once.

    Args:
        queries: one per slot.
    """

    def __init__(self, queries: Sequence[Chem.Mol]) -> None:
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

    @property
    def n_slots(self) -> int:
        """S."""
        return len(self._of_slot)

    def of_one(self, mol: Chem.Mol) -> np.ndarray:
        """``bool [S]``: the slots that a molecule can fill; the array is read-only."""
        found = np.fromiter((mol.HasSubstructMatch(q) for q in self._different), bool, len(self._different))
        row = found[self._of_slot]
        row.flags.writeable = False
        return row

    def of(self, smiles: Iterable[str]) -> np.ndarray:
        """``bool [S, n]``: the same for n molecules."""
        rows = [self.of_one(Chem.MolFromSmiles(text)) for text in smiles]
        return np.ascontiguousarray(np.array(rows, dtype=bool).reshape(len(rows), len(self._of_slot)).T)


def _without_maps(query: Chem.Mol) -> str:
    copy = Chem.Mol(query)
    for atom in copy.GetAtoms():
        atom.SetAtomMapNum(0)
    return Chem.MolToSmarts(copy)
