"""Molecules and vocabulary fragments as trees of rigid pieces, indexed to lay the one on the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.trees.rigid import RigidTree, RigidTypes


@dataclass(frozen=True, slots=True)
class PointSite:
    """The attachment points of one atom of a fragment.

    Attributes:
        points: how many.
        fewest: how many must be taken: all or none.
        type_: type of these points, see ``joins``.
        open_: what each that stays open adds to the signature of ways.
    """

    points: int
    fewest: int = 0
    type_: int = 0
    open_: int = 0


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

    Args:
        fragment: what is matched.
        types: numbers the types of nodes.
        sites: per atom with attachment points what they are; by default all are of type 0 and may stay open.
    """

    def __init__(self, fragment: Fragment, types: RigidTypes, sites: dict[int, PointSite] | None = None) -> None:
        tree = types.read(fragment.mol())
        molecule = MoleculeTree(tree)
        self.types, self.atoms, self.edges, self.where = tree.types, tree.atoms, tree.edges, tree.where
        self.bonds = molecule.bonds
        self.points = fragment.points
        counts = Counter(fragment.points)
        #: per atom of the fragment what may be cut there
        self.sites = {
            atom: (sites or {}).get(atom, PointSite(counts[atom])) for atom in range(sum(map(len, tree.atoms)))
        }
