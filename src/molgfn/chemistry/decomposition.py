"""All ways to cut a molecule into vocabulary fragments: their weighted number, and single ones drawn from them.

A fragment covers a connected set of rigid pieces (see ``rigid``), so the ways are counted by dynamic programming from
the leaves of the molecule's tree of rigid pieces to its root. A way counts with the number of its *placements*:
isomorphisms of each fragment onto its piece, times the choices of attachment points for the bonds that are cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from rdkit import Chem

from molgfn.chemistry.embedding import MoleculeTree, Pattern, Placement, PointSite
from molgfn.chemistry.fragment import Fragment
from molgfn.chemistry.fragment_parts import FragmentParts
from molgfn.chemistry.joins import Joins
from molgfn.chemistry.placement_counts import PlacementCounter
from molgfn.chemistry.rigid import RigidTypes
from molgfn.chemistry.rigid_assembly import PlainTree, RigidAssembler
from molgfn.chemistry.vocabulary import Vocabulary
from molgfn.chemistry.ways import SCAFFOLD, Ways, add, joined, multiply, open_point, read_signature
from molgfn.errors import DataError

#: may a tree of so many fragments, open points (by class, see ``Decomposer``) and heavy atoms be a whole one
MayStop = Callable[[int, tuple[int, ...], int], bool]
_Item = TypeVar("_Item")


def _always(n_fragments: int, open_points: tuple[int, ...], heavy_atoms: int) -> bool:
    return True


class _Piece(NamedTuple):
    """Nodes of a molecule that a fragment covers.

    Attributes:
        mask: the nodes, as bits.
        kind: of the fragment.
        below: the nodes that hang from it, and the type of the fragment's point at each of these bonds.
        up: type of its point at the bond to what it hangs from; -1 where it holds the root.
        signature: its part of the signature of ways.
    """

    mask: int
    kind: int
    below: tuple[tuple[int, int], ...]
    up: int
    signature: int


class Decomposer:
    """Cuts molecules into fragments of a vocabulary.

    Args:
        vocabulary: fragments by kind.
        max_fragments: most fragments of a tree, the scaffold counted (1 to 255).
        may_stop: which trees are whole ones, from their numbers of fragments, unused points and heavy atoms.
        scaffold: a fragment of kind ``len(vocabulary)`` that must occur exactly once.
        joins: which points may be joined and which must be; by default any may and none must.
        open_classes: per type of point, the class that ``may_stop`` counts unused points by, -1 for none; by default
            all points are of class 0.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        max_fragments: int,
        may_stop: MayStop = _always,
        scaffold: Fragment | None = None,
        joins: Joins | None = None,
        open_classes: Sequence[int] | None = None,
    ) -> None:
        if not 1 <= max_fragments <= 255:
            raise ValueError(f"max_fragments must be 1 to 255, not {max_fragments}")
        self.max_fragments = max_fragments
        self.types = RigidTypes()
        self._may_stop = may_stop
        self._fragments = [*vocabulary, *([scaffold] if scaffold else [])]
        self._scaffold_kind = len(vocabulary) if scaffold else -1
        joins = Joins.any(self._fragments) if joins is None else joins
        classes = [0] * joins.n_types if open_classes is None else list(open_classes)
        self._classes = max(classes, default=-1) + 1
        self._partners = [np.flatnonzero(row).tolist() for row in joins.allowed]
        self._patterns = []
        for fragment, types in zip(self._fragments, joins.type_of, strict=True):
            counts = Counter(fragment.points)
            sites = {
                atom: PointSite(counts[atom], counts[atom] * bool(joins.must_fill[t]), t, open_point(classes[t]))
                for atom, t in zip(fragment.points, types, strict=True)
            }
            self._patterns.append(Pattern(fragment, self.types, sites))
        self._signatures = [1 + (SCAFFOLD if k == self._scaffold_kind else 0) for k in range(len(self._fragments))]
        parts = FragmentParts(self.types)
        for pattern, signature in zip(self._patterns, self._signatures, strict=True):
            parts.add(pattern, signature)
        self._counter = PlacementCounter(parts, self.types, max_fragments, self._partners)
        self._joined = RigidAssembler(self._fragments, self._patterns)
        # a fragment can only lie in a molecule that has at least its rigid pieces
        self._n_types = len(self.types.nodes)
        self._needs = np.zeros((len(self._patterns), self._n_types), dtype=np.int16)
        for k, pattern in enumerate(self._patterns):
            for type_ in pattern.types:
                self._needs[k, type_] += 1

    def count(self, mol: Chem.Mol, tree: PlainTree | None = None) -> tuple[int, int]:
        """Placements over all decompositions that may stop, and automorphisms of the molecule.

        Args:
            mol: sanitised molecule; its stereo marks are not looked at.
            tree: the fragment tree that ``mol`` was assembled from, where it is known: saves reading ``mol`` atom by
                atom.

        Returns:
            Both exact; placements are 0, and automorphisms may be too few, where no decomposition may stop.

        Raises:
            DataError: the molecule is not connected.
        """
        known = None if tree is None else self._joined.tree(mol, tree)
        if known is None:
            read = self.types.read(mol)
            known = read.types, read.edges
        ways, automorphisms = self._counter.count(*known)
        return sum(ways[s] for s in self._whole(mol.GetNumAtoms(), ways)), automorphisms

    def decompose(self, mol: Chem.Mol, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray] | None:
        """One decomposition as a fragment tree, parents before children, the scaffold (if any) first.

        Args:
            mol: sanitised molecule; its stereo marks are not looked at.
            rng: draws a decomposition with probability in proportion to its number of placements, so that trees come
                as often as a sampler with P_T(t) ~ c(t) makes them; None takes the first one found.

        Returns:
            kinds int64 [N] and joins int64 [N - 1, 4] with N = max_fragments, padded with -1; None where the
            vocabulary cannot build the molecule.
        """
        try:
            molecule = MoleculeTree(self.types.read(mol))
        except DataError:
            return None
        ways, options = self._table(molecule)
        top = ways[0].get(-1, {})
        whole = sorted(self._whole(mol.GetNumAtoms(), top))
        if not whole:
            return None
        target = _pick(whole, [top[s] for s in whole], rng)
        pieces = [
            (piece.kind, self._choose_placement(molecule, piece, rng))
            for piece in self._choose(0, (-1,), target, ways, options, rng)
        ]
        return self._as_tree(molecule, pieces, rng)

    def _whole(self, atoms: int, ways: Ways) -> Iterator[int]:
        """The signatures of fragment trees that may stop, of a molecule of so many atoms."""
        for signature in ways:
            n, scaffolds, points = read_signature(signature, self._classes)
            if scaffolds == (self._scaffold_kind >= 0) and self._may_stop(n, points, atoms):
                yield signature

    def _table(self, molecule: MoleculeTree) -> tuple[list[dict[int, Ways]], list[dict[_Piece, int]]]:
        """Of each node the ways to cut what hangs from it, by ``_Piece.up``, and weights of pieces that top there."""
        n = len(molecule.tree.types)
        present = Counter(molecule.tree.types)
        counts = np.array([present.get(t, 0) for t in range(self._n_types)], dtype=np.int16)
        options: list[dict[_Piece, int]] = [{} for _ in range(n)]
        for kind in np.flatnonzero((self._needs <= counts).all(1)).tolist():
            for placement, weight in self._patterns[kind].placements(molecule):
                top, piece = self._piece(molecule, kind, placement)
                options[top][piece] = options[top].get(piece, 0) + weight
        ways: list[dict[int, Ways]] = [{} for _ in range(n)]
        for node in reversed(molecule.order):
            for piece, weight in options[node].items():
                product = {piece.signature: weight}
                for child, type_ in piece.below:
                    product = multiply(product, joined(ways[child], self._partners[type_]), self.max_fragments)
                    if not product:
                        break
                else:
                    add(ways[node].setdefault(piece.up, {}), product)
        return ways, options

    def _piece(self, molecule: MoleculeTree, kind: int, placement: Placement) -> tuple[int, _Piece]:
        """The piece that a placement covers, and its topmost node."""
        pattern, signature, up = self._patterns[kind], self._signatures[kind], -1
        mask = sum(1 << node for node, _ in placement)
        top = next(n for n, _ in placement if molecule.parent[n] < 0 or not mask >> molecule.parent[n] & 1)
        below = []
        for (node, symmetry), atoms in zip(placement, pattern.site_atoms, strict=True):
            for site, atom in enumerate(atoms):
                points = pattern.sites[atom]
                if not points.points:
                    continue
                cuts = 0
                for other, _ in molecule.bonds[node].get(symmetry[site], ()):
                    if not mask >> other & 1:
                        cuts += 1
                        if node == top and other == molecule.parent[top]:
                            up = points.type_
                        else:
                            below.append((other, points.type_))
                signature += points.open_ * (points.points - cuts)
        return top, _Piece(mask, kind, tuple(sorted(below)), up, signature)

    def _choose(
        self,
        node: int,
        partners: Sequence[int],
        target: int,
        ways: list[dict[int, Ways]],
        options: list[dict[_Piece, int]],
        rng: np.random.Generator | None,
    ) -> Iterator[_Piece]:
        """The pieces of one decomposition of what hangs from ``node``, of signature ``target``.

        Only pieces whose point towards ``node``'s parent is of a type in ``partners`` are taken.
        """
        candidates, weights = [], []
        for piece, weight in options[node].items():
            if piece.up not in partners:
                continue
            rest = target - piece.signature
            hanging = [joined(ways[child], self._partners[type_]) for child, type_ in piece.below]
            # partial products from the right, so that the signature can be shared out from the left
            tails: list[Ways] = [{0: 1}]
            for one in reversed(hanging):
                tails.append(multiply(one, tails[-1], self.max_fragments))
            tails.reverse()
            if tails[0].get(rest):
                candidates.append((piece, rest, hanging, tails))
                weights.append(weight * tails[0][rest])
        piece, rest, hanging, tails = _pick(candidates, weights, rng)
        yield piece
        for (child, type_), one, tail in zip(piece.below, hanging, tails[1:], strict=True):
            shares = [s for s in sorted(one) if tail.get(rest - s)]
            share = _pick(shares, [one[s] * tail[rest - s] for s in shares], rng)
            yield from self._choose(child, self._partners[type_], share, ways, options, rng)
            rest -= share

    def _choose_placement(self, molecule: MoleculeTree, piece: _Piece, rng: np.random.Generator | None) -> Placement:
        fitting = []
        for placement, weight in self._patterns[piece.kind].placements(molecule):
            if self._piece(molecule, piece.kind, placement)[1] == piece:
                fitting.append((placement, weight))
        return _pick([p for p, _ in fitting], [w for _, w in fitting], rng)

    def _as_tree(
        self, molecule: MoleculeTree, pieces: list[tuple[int, Placement]], rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        owner: dict[int, int] = {}
        free: list[dict[tuple[int, int], list[int]]] = []  # per piece: points left at (molecule node, site)
        for number, (kind, placement) in enumerate(pieces):
            pattern, points = self._patterns[kind], {}
            for (node, symmetry), atoms in zip(placement, pattern.site_atoms, strict=True):
                owner[node] = number
                for site, atom in enumerate(atoms):
                    here = [p for p, at in enumerate(pattern.points) if at == atom]
                    points[node, symmetry[site]] = here if rng is None else rng.permutation(here).tolist()
            free.append(points)
        bonds: list[list[tuple[int, int, int]]] = [[] for _ in pieces]  # own point, other piece, its point
        for u, a, v, b in molecule.tree.edges:
            first, second = owner[u], owner[v]
            if first != second:
                p, q = free[first][u, a].pop(0), free[second][v, b].pop(0)
                bonds[first].append((p, second, q))
                bonds[second].append((q, first, p))
        start = next((i for i, (kind, _) in enumerate(pieces) if kind == self._scaffold_kind), 0)
        place, order, rows = {start: 0}, [start], []
        for number in order:
            for p, other, q in bonds[number]:
                if other not in place:
                    place[other] = len(order)
                    order.append(other)
                    rows.append((place[number], p, place[other], q))
        kinds = np.full(self.max_fragments, -1, dtype=np.int64)
        joins = np.full((self.max_fragments - 1, 4), -1, dtype=np.int64)
        kinds[: len(order)] = [pieces[i][0] for i in order]
        if rows:
            joins[: len(rows)] = rows
        return kinds, joins


def _pick(items: list[_Item], weights: list[int], rng: np.random.Generator | None) -> _Item:
    """One item: the first, or drawn in proportion to whole-number weights of any size."""
    if rng is None:
        return items[0]
    total, threshold = sum(weights), rng.random()
    reached = 0
    for item, weight in zip(items, weights, strict=True):
        reached += weight
        if threshold < reached / total:
            return item
    return items[-1]
