"""Finished fragment trees to molecules."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragments.fragment import Fragment, give_up_hydrogen
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule


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
        return [
            self._molecule(k, j) for k, j in zip(np.asarray(kinds).tolist(), np.asarray(joins).tolist(), strict=True)
        ]

    def _molecule(self, kinds: list[int], joins: list[list[int]]) -> Molecule:
        nodes = [k for k in kinds if k >= 0]
        rows = [r for r in joins if r[0] >= 0]
        if not nodes:
            return Molecule.failed("empty tree")
        if problem := self._problem(nodes, rows):
            return Molecule.failed(f"tree: {problem}")
        return Molecule.from_mol(self._grow(nodes, rows))

    def _problem(self, nodes: list[int], rows: list[list[int]]) -> str | None:
        """Why this is no tree of fragments, or None."""
        if max(nodes) >= len(self._mols):
            return f"fragment {max(nodes)} is not in the vocabulary of {len(self._mols)}"
        group = list(range(len(nodes)))
        for u, p, v, q in rows:
            off = min(p, v, q) < 0 or max(u, v) >= len(nodes)
            if off or p >= len(self._points[nodes[u]]) or q >= len(self._points[nodes[v]]):
                return "a join names a node or a point that is not there"
            if group[u] == group[v]:
                return "joins that close a ring"
            old, new = group[v], group[u]
            group = [new if g == old else g for g in group]
        return "fragments that are not joined" if len(rows) != len(nodes) - 1 else None

    def _grow(self, nodes: list[int], rows: list[list[int]]) -> Chem.Mol:
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
