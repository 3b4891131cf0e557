"""Molecules and vocabulary fragments as trees of rigid pieces, indexed to lay the one on the other."""

from __future__ import annotations

from molgfn.chemistry.fragment import Fragment
from molgfn.chemistry.rigid import RigidTree, RigidTypes


class MoleculeTree:
    """A molecule's rigid tree, rooted at node 0 and indexed for matching.

    Attributes:
        tree: the rigid tree; nodes renumbered so that parents come before children.
        bonds: per node and site, the (node, site) at the other end of each cut bond there.
    """

    def __init__(self, tree: RigidTree) -> None:
        self.tree = tree
        n = len(tree.types)
        self.bonds: list[dict[int, list[tuple[int, int]]]] = [{} for _ in range(n)]
        for u, a, v, b in tree.edges:
            self.bonds[u].setdefault(a, []).append((v, b))
            self.bonds[v].setdefault(b, []).append((u, a))
        self.parent, self.order = [-1] * n, [0]
        for node in self.order:
            for bonds in self.bonds[node].values():
                for other, _ in bonds:
                    if other != self.parent[node]:
                        self.parent[other] = node
                        self.order.append(other)


class Pattern:
    """A fragment prepared for matching.

    Its nodes are listed from a root outward. A site of the molecule under a site of the fragment may have more cut
    bonds than the fragment has bonds there, if attachment points pay for them.
    """

    def __init__(self, fragment: Fragment, types: RigidTypes) -> None:
        tree = types.read(fragment.mol())
        molecule = MoleculeTree(tree)
        self.types, self.atoms, self.edges, self.where = tree.types, tree.atoms, tree.edges, tree.where
        self.bonds = molecule.bonds
        self.points = fragment.points
