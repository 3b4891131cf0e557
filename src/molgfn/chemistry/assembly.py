"""Finished fragment trees to molecules."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragment import Fragment, give_up_hydrogen
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.vocabulary import Vocabulary

_NAMES = Chem.SanitizeFlags.SANITIZE_NONE


class Assembler:
    """Builds the molecules that batches of fragment trees stand for.

    Args:
        vocabulary: fragments by kind.
        scaffold: a fragment beside the vocabulary; its kind is ``len(vocabulary)``.
    """

    def __init__(self, vocabulary: Vocabulary, scaffold: Fragment | None = None) -> None:
        fragments = [*vocabulary, *([scaffold] if scaffold else [])]
        self._mols = [f.mol() for f in fragments]
        self._points = [f.points for f in fragments]
        self._sizes = [m.GetNumAtoms() for m in self._mols]

    def molecules(self, kinds: np.ndarray, joins: np.ndarray) -> list[Molecule]:
        """One molecule per tree, in order; a tree that is no molecule gives a ``Molecule`` with ``problem``.

        Args:
            kinds: int64 [B, N], fragment of each node, -1 on pads; the n real nodes come first.
            joins: int64 [B, N - 1, 4], rows (u, p, v, q): point p of node u is bonded to point q of node v; the
                n - 1 real rows come first, -1 on pads.
        """
        return [self._molecule(k, j) for k, j in zip(np.asarray(kinds).tolist(), np.asarray(joins).tolist(), strict=True)]

    def mol(self, kinds: np.ndarray, joins: np.ndarray) -> Chem.Mol | None:
        """The molecule of one tree (arguments without B), not named; None where RDKit refuses it."""
        grown = self._grow(np.asarray(kinds).tolist(), np.asarray(joins).tolist())
        if grown is None or Chem.SanitizeMol(grown, catchErrors=True) != _NAMES:
            return None
        return grown

    def _molecule(self, kinds: list[int], joins: list[list[int]]) -> Molecule:
        if not kinds or kinds[0] < 0:
            return Molecule.failed("empty tree")
        try:
            grown = self._grow(kinds, joins)
        except IndexError:
            return Molecule.failed("tree: a join names a fragment or a point that is not there")
        if grown is None:
            return Molecule.failed("tree: fragments that are not joined")
        return Molecule.from_mol(grown)

    def _grow(self, kinds: list[int], joins: list[list[int]]) -> Chem.Mol | None:
        nodes = [k for k in kinds if k >= 0]
        rows = [r for r in joins if r[0] >= 0]
        if len(rows) != len(nodes) - 1:
            return None
        offsets, total = [], 0
        grown = Chem.RWMol(self._mols[nodes[0]])
        for node, kind in enumerate(nodes):
            if node:
                grown.InsertMol(self._mols[kind])
            offsets.append(total)
            total += self._sizes[kind]
        for u, p, v, q in rows:
            i = offsets[u] + self._points[nodes[u]][p]
            j = offsets[v] + self._points[nodes[v]][q]
            give_up_hydrogen(grown.GetAtomWithIdx(i))
            give_up_hydrogen(grown.GetAtomWithIdx(j))
            grown.AddBond(i, j, Chem.BondType.SINGLE)
        return grown
