"""Rigid trees of molecules that are known as fragment trees: those of the fragments, joined; RDKit is asked once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem

from molgfn.chemistry.canonical_trees import Edge
from molgfn.chemistry.embedding import Pattern
from molgfn.chemistry.fragment import Fragment


class RigidAssembler:
    """Joins the rigid trees of fragments.

    A join is an acyclic single bond between atoms that give up a hydrogen each, so it changes no rigid piece, unless
    RDKit sees another aromaticity in the molecule than in its fragments.

    Args:
        fragments: fragments by kind.
        patterns: the same, prepared for matching.
    """

    def __init__(self, fragments: Iterable[Fragment], patterns: Iterable[Pattern]) -> None:
        self._patterns = list(patterns)
        self._points = [p.points for p in self._patterns]
        self._orders = [_bond_orders(f.mol()) for f in fragments]

    def tree(
        self, mol: Chem.Mol, kinds: Sequence[int], joins: Sequence[Sequence[int]]
    ) -> tuple[list[int], list[Edge]] | None:
        """Types of the nodes and edges of the molecule's rigid tree, as ``RigidTypes.read`` would give them.

        Args:
            mol: the molecule that ``Assembler`` built of the tree, sanitised.
            kinds: fragment of each node, -1 on pads, which come last.
            joins: rows (u, p, v, q): point p of node u is bonded to point q of node v; -1 on pads, which come last.

        Returns:
            None where the bonds of ``mol`` are not those of the fragments, atom by atom: other atoms, another order
            of the same atoms, or another aromaticity.
        """
        types: list[int] = []
        edges: list[Edge] = []
        nodes, atoms, orders, n = [], [], [], 0
        for kind in kinds:
            if kind < 0:
                break
            pattern = self._patterns[kind]
            shift = len(types)
            edges += [(u + shift, a, v + shift, b) for u, a, v, b in pattern.edges]
            types += pattern.types
            nodes.append(shift)
            atoms.append(n)
            orders.append(self._orders[kind])
            n += len(orders[-1])
        if mol.GetNumAtoms() != n:
            return None
        expected = np.zeros((n, n))
        for start, block in zip(atoms, orders, strict=True):
            expected[start : start + len(block), start : start + len(block)] = block
        for u, p, v, q in joins:
            if u < 0:
                break
            i, j = self._points[kinds[u]][p], self._points[kinds[v]][q]
            (x, a), (y, b) = self._patterns[kinds[u]].where[i], self._patterns[kinds[v]].where[j]
            edges.append((nodes[u] + x, a, nodes[v] + y, b))
            i, j = i + atoms[u], j + atoms[v]
            expected[i, j] = expected[j, i] = 1.0
        return (types, edges) if (_bond_orders(mol) == expected).all() else None


def _bond_orders(mol: Chem.Mol) -> np.ndarray:
    """Float [atoms, atoms], 1.5 for aromatic bonds, 0 where there is none."""
    return Chem.GetAdjacencyMatrix(mol, useBO=True)
