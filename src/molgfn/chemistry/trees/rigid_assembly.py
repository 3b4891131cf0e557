"""Rigid trees of molecules that are known as fragment trees: those of the fragments, joined; RDKit is asked once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.trees.canonical_trees import Edge
from molgfn.chemistry.trees.embedding import Pattern

#: A fragment tree as plain lists: fragment of each node, and joins (u, p, v, q): point p of node u is bonded to point q
#: of node v. Both may be padded with -1 at the end.
PlainTree = tuple[Sequence[int], Sequence[Sequence[int]]]


class RigidAssembler:
    """Joins the rigid trees of fragments.

    A join is an acyclic single bond between atoms that give up a hydrogen each, so it changes no rigid piece, unless
    RDKit sees another aromaticity in the molecule than in its fragments.

    Args:
        fragments: fragments by kind.
        patterns: the same, prepared for matching.
    """

    def __init__(self, fragments: Iterable[Fragment], patterns: Iterable[Pattern]) -> None:
        self._kinds = [
            (p.types, p.edges, [(a, *p.where[a]) for a in p.points], _bond_orders(f.mol()))
            for f, p in zip(fragments, patterns, strict=True)
        ]

    def tree(self, mol: Chem.Mol, tree: PlainTree) -> tuple[list[int], list[Edge]] | None:
        """Types of the nodes and edges of the molecule's rigid tree, as ``RigidTypes.read`` would give them.

        Args:
            mol: the molecule that ``Assembler`` built of the tree, sanitised.
            tree: a tree that is sound.

        Returns:
            None where the bonds of ``mol`` are not those of the fragments, atom by atom: other atoms, another order
            of the same atoms, or another aromaticity.
        """
        size, n = mol.GetNumAtoms(), 0
        expected = np.zeros((size, size))
        types: list[int] = []
        edges: list[Edge] = []
        placed = []
        for kind in tree[0]:
            if kind < 0:
                break
            inner_types, inner_edges, points, orders = self._kinds[kind]
            shift, end = len(types), n + len(orders)
            if end > size:
                return None
            expected[n:end, n:end] = orders
            for u, a, v, b in inner_edges:
                edges.append((u + shift, a, v + shift, b))
            types += inner_types
            placed.append((shift, n, points))
            n = end
        if n < size:
            return None
        for u, p, v, q in tree[1]:
            if u < 0:
                break
            (first_node, first_atom, points), (second_node, second_atom, others) = placed[u], placed[v]
            (i, x, a), (j, y, b) = points[p], others[q]
            edges.append((first_node + x, a, second_node + y, b))
            i, j = first_atom + i, second_atom + j
            expected[i, j] = expected[j, i] = 1.0
        return (types, edges) if (_bond_orders(mol) == expected).all() else None


def _bond_orders(mol: Chem.Mol) -> np.ndarray:
    """Float [atoms, atoms], 1.5 for aromatic bonds, 0 where there is none."""
    orders = Chem.GetAdjacencyMatrix(mol, useBO=True, force=True)  # one that the molecule keeps may be out of date
    mol.ClearProp("AdjacencyMatrixBO")  # molecules are kept for long, and need not keep this
    return orders
