"""Types of attachment points: which points of a fragment space may be joined, and which must not stay open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molgfn.chemistry.fragments.fragment import Fragment, Labels, alike_points
from molgfn.chemistry.fragments.join_table import JoinTable
from molgfn.errors import VocabularyError


@dataclass(frozen=True)
class Joins:
    """Each point has a type; what may be done at a point depends on its type alone.

    Attributes:
        type_of: per kind the types of its points, numbers from 0 to T - 1. Points that a symmetry of the fragment takes
            into each other, and the points of one atom, have the same type.
        allowed: bool [T, T], symmetric.
        must_fill: bool [T].
    """

    type_of: tuple[tuple[int, ...], ...]
    allowed: np.ndarray
    must_fill: np.ndarray

    @property
    def n_types(self) -> int:
        """T, at least 1."""
        return len(self.must_fill)

    @classmethod
    def any(cls, kinds: Sequence[Fragment]) -> Joins:
        """All points are of one type, which joins itself."""
        return cls(tuple((0,) * len(f.points) for f in kinds), np.ones((1, 1), bool), np.zeros(1, bool))

    @classmethod
    def of_labels(cls, kinds: Sequence[Fragment], labels: Sequence[Sequence[Labels]], table: JoinTable) -> Joins:
        """By a table over labels.

        Args:
            kinds: fragments.
            labels: per kind those of its points.
            table: says what they mean.
        """
        distinct = sorted({x for per_kind in labels for x in per_kind})
        number = {x: i for i, x in enumerate(distinct)}
        allowed = np.array([[table.joins(a, b) for b in distinct] for a in distinct], dtype=bool)
        points = [[number[x] for x in per_kind] for per_kind in labels]
        flat = [i for per_kind in points for i in per_kind]
        must = np.array([table.must_fill(x) for x in distinct], dtype=bool)
        return cls.of_points(kinds, allowed[np.ix_(flat, flat)], must[flat])

    @classmethod
    def of_points(cls, kinds: Sequence[Fragment], allowed: np.ndarray, must_fill: np.ndarray) -> Joins:
        """By what holds for each point; points for which the same holds become one type.

        Args:
            kinds: fragments.
            allowed: bool [P, P], symmetric, over all points of all kinds one after the other.
            must_fill: bool [P].

        Raises:
            VocabularyError: points that are alike (by a symmetry of their fragment, or at one atom) are treated
                differently: a molecule does not tell which is which.
        """
        if not len(allowed):
            return cls.any(kinds)
        described = np.concatenate([allowed, must_fill[:, None]], 1)
        packed = np.packbits(described, axis=1)
        _, first, type_of = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)  # types in the order in which the points come
        rank[first.argsort()] = np.arange(len(first))
        type_of = rank[type_of.reshape(-1)].tolist()
        first = np.sort(first)
        per_kind, at = [], 0
        for fragment in kinds:
            mine = tuple(type_of[at : at + len(fragment.points)])
            at += len(mine)
            for one, other in alike_points(fragment):
                if mine[one] != mine[other]:
                    raise VocabularyError(
                        f"attachment points {one} and {other} of '{fragment.smiles}' are alike, but different joins "
                        "are allowed at them; allow the same at both"
                    )
            per_kind.append(mine)
        return cls(tuple(per_kind), allowed[np.ix_(first, first)], must_fill[first])
