"""Where a vocabulary fragment may lie in a molecule: subtree matches between trees of rigid pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import perm

from molgfn.chemistry.canonical_trees import NodeType
from molgfn.chemistry.fragment import Fragment
from molgfn.chemistry.rigid import RigidTree, RigidTypes


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


#: a match: per pattern node, the molecule's node and the symmetry that places its sites
Placement = list[tuple[int, tuple[int, ...]]]


class MoleculeTree:
    """A molecule's rigid tree, rooted at node 0 and indexed for matching.

    Attributes:
        tree: the rigid tree; nodes renumbered so that parents come before children.
        bonds: per node and site, the (node, site) at the other end of each cut bond there.
        near: bit mask of the neighbours of each node.
        by_type: nodes of each type.
    """

    def __init__(self, tree: RigidTree) -> None:
        self.tree = tree
        n = len(tree.types)
        self.bonds: list[dict[int, list[tuple[int, int]]]] = [{} for _ in range(n)]
        self.near = [0] * n
        for u, a, v, b in tree.edges:
            self.bonds[u].setdefault(a, []).append((v, b))
            self.bonds[v].setdefault(b, []).append((u, a))
            self.near[u] |= 1 << v
            self.near[v] |= 1 << u
        self.by_type: dict[int, list[int]] = {}
        for node, type_ in enumerate(tree.types):
            self.by_type.setdefault(type_, []).append(node)
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
        sites: per atom with attachment points what they are; points of no type by default.
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
        size = [len(a) for a in tree.atoms]
        # the root is what is rare in molecules: a ring system, else a busy atom
        root = max(range(len(size)), key=lambda i: (size[i], len(molecule.bonds[i]), -i))
        self._steps: list[tuple[int, int, int, int]] = [(root, -1, -1, -1)]  # node, parent's place, its site, own site
        place = {root: 0}
        for node, *_ in self._steps:
            for site, bonds in molecule.bonds[node].items():
                for other, other_site in bonds:
                    if other not in place:
                        place[other] = len(self._steps)
                        self._steps.append((other, place[node], site, other_site))
        self.root_type = tree.types[root]
        #: per step: type, parent's place, parent's site, own site, [(site, bonds inside, most and fewest cuts)]
        self._plan = []
        self.site_atoms = []
        for node, before, site, own in self._steps:
            needs = [
                (s, len(molecule.bonds[node].get(s, ())), self.sites[atom].points, self.sites[atom].fewest)
                for s, atom in enumerate(tree.atoms[node])
            ]
            self._plan.append((tree.types[node], before, site, own, needs))
            self.site_atoms.append(tree.atoms[node])
        symmetries: list[NodeType] = types.nodes
        self._symmetries = [symmetries[type_].symmetries for type_, *_ in self._plan]

    def placements(self, molecule: MoleculeTree) -> Iterator[tuple[Placement, int]]:
        """All ways to lay the fragment on the molecule, with the number of ways to choose points for the cut bonds."""
        types, bonds = molecule.tree.types, molecule.bonds
        placed: Placement = []
        taken: set[int] = set()

        def fits(step: int, node: int, symmetry: tuple[int, ...]) -> int:
            """Ways to give points to the cut bonds of ``node``; 0 where the node does not fit."""
            ways = 1
            here = bonds[node]
            for site, inner, points, fewest in self._plan[step][4]:
                cuts = len(here.get(symmetry[site], ())) - inner
                if cuts < fewest or cuts > points:
                    return 0
                if cuts and points > 1:
                    ways *= perm(points, cuts)
            return ways

        def extend(step: int, ways: int) -> Iterator[tuple[Placement, int]]:
            if step == len(self._plan):
                yield list(placed), ways
                return
            type_, before, site, own, _ = self._plan[step]
            if before < 0:
                options = [(node, -1) for node in molecule.by_type.get(type_, ())]
            else:
                node, symmetry = placed[before]
                options = bonds[node].get(symmetry[site], ())
            for node, end in options:
                if types[node] != type_ or node in taken:
                    continue
                for symmetry in self._symmetries[step]:
                    if end >= 0 and symmetry[own] != end:
                        continue
                    more = fits(step, node, symmetry)
                    if more:
                        placed.append((node, symmetry))
                        taken.add(node)
                        yield from extend(step + 1, ways * more)
                        taken.discard(node)
                        placed.pop()

        yield from extend(0, 1)
