"""All that an environment of fragment trees asks of chemistry, behind one object."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.growing import Scaffold
from molgfn.chemistry.fragments.growth import Growth
from molgfn.chemistry.fragments.labels import resolve_joins
from molgfn.chemistry.fragments.scaffold_rules import Allowed, Fill, resolve_allowed, with_rules
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.trees.rigid_assembly import PlainTree
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry, TreeSymmetry


class FragmentSpace:
    """The molecules that trees of vocabulary fragments stand for.

    Kinds 0..n_fragments-1 are the vocabulary, kind n_fragments is the scaffold where there is one. Batches of trees are
    ``kinds`` int64 [B, N] and ``joins`` int64 [B, N - 1, 4] as in ``Assembler.molecules``.

    Args:
        vocabulary: anything that ``Vocabulary.load`` takes.
        scaffold: SMILES with ``*`` at its attachment points, or None.
        max_fragments, min_fragments, max_atoms, stop: see ``environments.fragments.Fragments``.
        joins: see ``resolve_joins``.
        fill: see ``with_rules``.
        allowed: see ``resolve_allowed``.
        remember: molecules whose symmetry term is kept.

    Attributes:
        vocabulary: the fragments; without labels where any point may be joined to any.
        table: over the labels of points; None where any point may be joined to any.
        allowed: per name of a point of the scaffold, numbers of the fragments allowed there, where not all are.
        growth: what may be joined to what, and when a tree is whole.
        kinds: the fragments by kind, the scaffold last where there is one.
        points_per_kind, atoms_per_kind: attachment points and heavy atoms of each kind.
        point_classes: per kind the orbits of its points and the relations of pairs of points, see
            ``TreeSymmetry.point_classes``.
        site_symmetries: per kind the attachment atom of each point, and where symmetries take these atoms, see
            ``TreeSymmetry.site_symmetries``.
    """

    def __init__(
        self,
        vocabulary: str | list[Any],
        *,
        scaffold: str | None,
        max_fragments: int,
        min_fragments: int = 1,
        max_atoms: int | None = None,
        stop: Literal["free", "full"] = "free",
        joins: str | Mapping[str, Any] | None = None,
        fill: Fill = None,
        allowed: Allowed = None,
        remember: int = 200_000,
    ) -> None:
        loaded = Vocabulary.load(vocabulary)
        self.n_fragments = len(loaded)
        grown_from = None if scaffold is None else Scaffold.parse(scaffold)
        start = None if grown_from is None else grown_from.fragment
        self.table, types = resolve_joins(joins, loaded, start)
        self.vocabulary = loaded.without_labels() if self.table is None else loaded
        self.allowed = resolve_allowed(allowed, self.vocabulary)
        types = with_rules(types, self.vocabulary, grown_from, fill=fill, allowed=self.allowed)
        kinds = [*self.vocabulary, *([] if start is None else [start])]
        self.kinds = kinds
        self.points_per_kind = [len(f.points) for f in kinds]
        self.atoms_per_kind = [f.mol().GetNumHeavyAtoms() for f in kinds]
        self._assembler = Assembler(self.vocabulary, start)
        self._trees = TreeSymmetry(self.vocabulary, start)
        self.point_classes = [self._trees.point_classes(k) for k in range(len(kinds))]
        self.site_symmetries = [self._trees.site_symmetries(k) for k in range(len(kinds))]
        self.growth = Growth(
            kinds,
            self.n_fragments,
            types,
            max_fragments=max_fragments,
            min_fragments=min_fragments,
            max_atoms=max_atoms,
            stop=stop,
        )
        self._whole = MoleculeSymmetry(
            self.vocabulary,
            max_fragments=max_fragments,
            may_stop=self.growth.may_stop,
            scaffold=start,
            joins=types,
            open_classes=self.growth.open_classes,
        )
        self._remember = remember
        self._known: dict[str, float] = {}

    def molecules(self, kinds: np.ndarray, joins: np.ndarray) -> list[Molecule]:
        """One molecule per tree, in order."""
        return self._assembler.molecules(kinds, joins)

    def tree_keys(self, kinds: np.ndarray, joins: np.ndarray) -> Sequence[Hashable]:
        """Equal exactly for isomorphic trees."""
        return self._trees.keys(kinds, joins)

    def tree_log_symmetry(self, kinds: np.ndarray, joins: np.ndarray) -> np.ndarray:
        """Log c(t) of each tree, float64 [B]."""
        return self._trees.log_symmetry(kinds, joins)

    def log_symmetry(self, molecule: Molecule, tree: PlainTree | None = None) -> float:
        """Log C(x); remembered by SMILES. -inf where no whole tree builds the molecule.

        Args:
            molecule: a valid one.
            tree: the fragment tree that it was assembled from, where it is known; saves time.
        """
        value = self._known.get(molecule.smiles)
        if value is None:
            if len(self._known) >= self._remember:  # forget the oldest tenth
                for key in list(self._known)[: max(1, self._remember // 10)]:
                    del self._known[key]
            value = self._whole.log_symmetry(molecule.mol, tree)  # type: ignore[arg-type]  # valid ones only
            self._known[molecule.smiles] = value
        return value

    def decompose(self, molecule: Molecule, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray] | None:
        """A tree (kinds [n], joins [n - 1, 4]) that builds the molecule, or None where the vocabulary cannot.

        With ``rng`` tree t is drawn with probability c(t) / C(x), else it is the first one found.
        """
        tree = self._whole.decomposer.decompose(molecule.mol, rng)  # type: ignore[arg-type]  # valid ones only
        if tree is None:
            return None
        kinds, joins = tree
        n = int((kinds >= 0).sum())
        return kinds[:n], joins[: n - 1]
