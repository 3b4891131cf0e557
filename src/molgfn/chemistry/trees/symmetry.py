r"""The symmetry correction: how many times too much mass a molecule gets from a sampler that builds fragment trees.

A sampler of trees whose policies are equivariant and whose losses use per-action probabilities satisfies
P_T(t) ~ R'(t) c(t) with c(t) the product of N_F / N_B along any path (numbers of equivalent actions), and

    c(t) = prod_i |Aut(fragment_i)| / |Aut(t)|,

automorphisms keeping fragments, joins and attachment points (the points of one atom may be permuted). A molecule x
that several trees build gets C(x) = sum over its non-isomorphic trees of c(t). Laying fragments on x instead,

    C(x) = number of placements / |Aut(x)|,

where a placement cuts x at acyclic single bonds and maps a fragment onto each piece and distinct points onto its cut
bonds: pairs of a placement and a naming of its tree are the same as pairs of an isomorphism onto x and symmetries of
the fragments, so the tree t has |Aut(x)| c(t) placements. Both sides are exact whole-number arithmetic.

Which joins are allowed changes neither: points that a symmetry takes into each other are of one type, so of the
actions (or placements) that are equivalent either all are legal or none.

Reference: Kim et al., "Symmetry-Aware GFlowNets", arXiv 2506.02685, for the correction of graphs built node by node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.joins import Joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees.canonical_trees import Edge, NodeType, canonical
from molgfn.chemistry.trees.decomposition import Decomposer, MayStop
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.rigid_assembly import PlainTree
from molgfn.chemistry.trees.site_symmetries import site_symmetries
from molgfn.errors import DataError, VocabularyError


class TreeSymmetry:
    """Symmetry of fragment trees: canonical keys and log c(t), for whole and for partial trees.

    Args:
        vocabulary: fragments by kind.
        scaffold: a fragment of kind ``len(vocabulary)``.
    """

    def __init__(self, vocabulary: Vocabulary, scaffold: Fragment | None = None) -> None:
        fragments = [*vocabulary, *([scaffold] if scaffold else [])]
        described = [_node_type(str(k), f) for k, f in enumerate(fragments)]
        self._nodes = [node for node, _ in described]
        self._site_of_point = [sites for _, sites in described]
        self._log_orders = [log(node.order) for node in self._nodes]

    def log_symmetry(self, kinds: np.ndarray, joins: np.ndarray) -> np.ndarray:
        """Log c(t) [B], float64; 0 for an empty tree.

        Args:
            kinds: int64 [B, N], fragment of each node, -1 on pads.
            joins: int64 [B, N - 1, 4], rows (u, p, v, q), -1 on pads; see ``Assembler.molecules``.
        """
        values = np.zeros(len(kinds))
        for i, (nodes, edges) in enumerate(self._trees(kinds, joins)):
            if nodes:
                _, count = canonical([self._nodes[k] for k in nodes], edges)
                values[i] = sum(self._log_orders[k] for k in nodes) - log(count)
        return values

    def keys(self, kinds: np.ndarray, joins: np.ndarray) -> list[str]:
        """One text per tree, equal for two trees exactly when they are isomorphic; empty for an empty tree."""
        return [
            canonical([self._nodes[k] for k in nodes], edges)[0] if nodes else ""
            for nodes, edges in self._trees(kinds, joins)
        ]

    def point_classes(self, kind: int) -> tuple[list[int], list[list[int]]]:
        """Which points of a fragment are alike, and which pairs of points.

        Returns:
            orbits [P]: equal numbers exactly for points that some symmetry of the fragment takes into each other;
            relations [P][P]: equal exactly for ordered pairs of points that some symmetry takes into each other
            (ortho, meta and para on benzene). Numbers count from 0 within the fragment.
        """
        sites, symmetries = self._site_of_point[kind], self._nodes[kind].symmetries
        orbit = [min(s[i] for s in symmetries) for i in sites]
        pair = [[min((s[i], s[j]) for s in symmetries) for j in sites] for i in sites]
        first: dict[int, int] = {}
        second: dict[tuple[int, int], int] = {}
        orbits = [first.setdefault(o, len(first)) for o in orbit]
        return orbits, [[second.setdefault(x, len(second)) for x in row] for row in pair]

    def site_symmetries(self, kind: int) -> tuple[list[int], tuple[tuple[int, ...], ...]]:
        """Attachment atoms (sites, numbered from 0) of a fragment's points [P], and its symmetries [G][sites].

        A symmetry ``s`` takes site i to site ``s[i]``; they are a group, each there once.
        """
        return list(self._site_of_point[kind]), self._nodes[kind].symmetries

    def _trees(self, kinds: np.ndarray, joins: np.ndarray) -> list[tuple[list[int], list[Edge]]]:
        trees = []
        sites = self._site_of_point
        for row, edges in zip(np.asarray(kinds).tolist(), np.asarray(joins).tolist(), strict=True):
            nodes = [k for k in row if k >= 0]
            trees.append((nodes, [(u, sites[nodes[u]][p], v, sites[nodes[v]][q]) for u, p, v, q in edges if u >= 0]))
        return trees


class MoleculeSymmetry:
    """log C(x) of molecules.

    Args:
        vocabulary: fragments by kind.
        max_fragments: most fragments of a tree, the scaffold counted.
        may_stop: which trees are whole ones (only these are counted); by default all.
        scaffold: a fragment of kind ``len(vocabulary)`` that occurs exactly once.
        joins: which points may be joined and which must be, see ``Decomposer``.
        open_classes: see ``Decomposer``.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        max_fragments: int,
        may_stop: MayStop | None = None,
        scaffold: Fragment | None = None,
        joins: Joins | None = None,
        open_classes: Sequence[int] | None = None,
    ) -> None:
        more = {} if may_stop is None else {"may_stop": may_stop}
        self.decomposer = Decomposer(
            vocabulary,
            max_fragments=max_fragments,
            scaffold=scaffold,
            joins=joins,
            open_classes=open_classes,
            **more,
        )

    def log_symmetry(self, mol: Chem.Mol, tree: PlainTree | None = None) -> float:
        """Log C(x); -inf where no tree that may stop builds the molecule.

        Args:
            mol: a sanitised molecule; stereo marks are not looked at.
            tree: the fragment tree that it was assembled from, where it is known; saves time.
        """
        try:
            placements, automorphisms = self.decomposer.count(mol, tree)
        except DataError:
            return -np.inf
        return log(placements) - log(automorphisms) if placements else -np.inf


def log_automorphisms(mol: Chem.Mol) -> float:
    """Log |Aut(x)| of a connected molecule's heavy-atom graph (elements, charges, bonds, hydrogens; no stereo)."""
    types = RigidTypes()
    tree = types.read(mol)
    return log(canonical([types.nodes[t] for t in tree.types], tree.edges)[1])


def _node_type(name: str, fragment: Fragment) -> tuple[NodeType, list[int]]:
    """A fragment as a node whose sites are its attachment atoms, and the site of each point."""
    mol, points = fragment.mol(), Counter(fragment.points)
    sites = {atom: site for site, atom in enumerate(sorted(points))}
    try:
        symmetries = site_symmetries(mol, fragment.points)
    except DataError as error:
        raise VocabularyError(f"'{fragment.smiles}': {error}") from error
    capacity = tuple(points[atom] for atom in sorted(points))
    return NodeType(name, symmetries, capacity=capacity), [sites[atom] for atom in fragment.points]
