"""All ways to cut a molecule into vocabulary fragments: their weighted number, and single ones drawn from them.

A fragment covers a connected set of rigid pieces (see ``rigid``), so the ways are counted by dynamic programming from
the leaves of the molecule's tree of rigid pieces to its root. A way counts with the number of its *placements*:
isomorphisms of each fragment onto its piece, times the choices of attachment points for the bonds that are cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.joins import Joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees.embedding import MoleculeTree, Pattern, PointSite
from molgfn.chemistry.trees.fragment_parts import FragmentParts
from molgfn.chemistry.trees.placement_counts import PlacementCounter
from molgfn.chemistry.trees.placement_draws import Draw, FragmentFits, Placement, pick
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.rigid_assembly import PlainTree, RigidAssembler
from molgfn.chemistry.trees.ways import SCAFFOLD, Ways, open_point, read_signature
from molgfn.errors import DataError

#: may a tree of so many fragments, open points (by class, see ``Decomposer``) and heavy atoms be a whole one
MayStop = Callable[[int, tuple[int, ...], int], bool]


def _always(n_fragments: int, open_points: tuple[int, ...], heavy_atoms: int) -> bool:
    return True


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
        partners = [np.flatnonzero(row).tolist() for row in joins.allowed]
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
        numbers = [parts.add(*both) for both in zip(self._patterns, self._signatures, strict=True)]
        self._counter = PlacementCounter(parts, self.types, max_fragments, partners)
        self._fits = FragmentFits(self._patterns, numbers, self._signatures, self.types)
        self._joined = RigidAssembler(self._fragments, self._patterns)

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
        draw = Draw(molecule, self._fits, self._counter, self.max_fragments)
        whole = sorted(self._whole(mol.GetNumAtoms(), draw.ways))
        if not whole:
            return None
        pieces = draw.pieces(pick(whole, [draw.ways[s] for s in whole], rng), rng)
        return self._as_tree(molecule, pieces, rng)

    def _whole(self, atoms: int, ways: Ways) -> Iterator[int]:
        """The signatures of fragment trees that may stop, of a molecule of so many atoms."""
        for signature in ways:
            n, scaffolds, points = read_signature(signature, self._classes)
            if scaffolds == (self._scaffold_kind >= 0) and self._may_stop(n, points, atoms):
                yield signature

    def _as_tree(
        self, molecule: MoleculeTree, pieces: list[tuple[int, Placement]], rng: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        owner: dict[int, int] = {}
        free: list[dict[tuple[int, int], list[int]]] = []  # per piece: points left at (molecule node, site)
        for number, (kind, placement) in enumerate(pieces):
            pattern, points = self._patterns[kind], {}
            for own, (node, symmetry) in placement.items():
                owner[node] = number
                for site, atom in enumerate(pattern.atoms[own]):
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
