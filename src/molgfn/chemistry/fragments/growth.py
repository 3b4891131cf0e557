"""How fragment trees may grow and when they are whole: joins, points that must be filled, limits of size.

A tree is *legal* if every join is allowed and what must be filled still can be: with m open points that must be filled,
m <= max_fragments - n, and their *caps* fit into max_atoms. A cap of a type is a single fragment that may be joined to
it and brings no further point that must be filled; the smallest one counts. Three things follow, on which masks
and counts rely.

* No dead end: at a legal tree with m > 0 a cap can be added, and leaves m - 1 with one fragment less to add.
* A legal tree without any of its leaves is legal, so all leaves may be taken off and paths are counted as for free
  joins. Taking a leaf off frees one fragment and opens one point, so m <= max_fragments - n stays. Atoms: the point
  that it opens needs its smallest cap, which is no larger than the leaf with the caps of the leaf's own open points.
  That holds if no way to close a point takes fewer atoms than its smallest cap; a space where one does is refused.
* So the legal trees are exactly the trees that are reached, and the whole ones are those with m = 0 (which are legal)
  that the stop rule lets stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.joins import Joins
from molgfn.errors import ConfigError

_NEVER = 10**9


class Growth:
    """The rules of a fragment space.

    An *arm* is a (fragment, point) pair by which a fragment is added; a fragment without points has one that cannot
    attach. K arms, T types of points.

    Args:
        kinds: fragments; the scaffold, where there is one, comes last and is never added.
        n_fragments: how many of them may be added.
        joins: types of the points.
        max_fragments, min_fragments, max_atoms, stop: see ``environments.fragments.Fragments``.

    Attributes:
        arms: (fragment, point) of each arm.
        attaches: bool [K].
        cap: int64 [T], heavy atoms of the smallest cap of types that must be filled, 0 for others.
        arm_fragments, arm_atoms: int64 [K], what an arm takes: its fragment and the caps of its other points.
        most_fragments: the largest of ``arm_fragments``.
        atom_levels: distinct ``arm_atoms``, ascending; empty where atoms are not limited.
        options: bool [T, most_fragments + 1, A, K]: arms that may be added at a point of a type where f fragments (at
            most ``most_fragments``) are left, and atoms for the first a of ``atom_levels``; A = 1 without a limit.
        start: bool [K], arms that may start a tree.
        open_classes: per type the class that ``may_stop`` counts open points by, -1 for points that do not matter.

    Raises:
        ConfigError: a point that must be filled cannot be, or no tree can be built.
    """

    def __init__(
        self,
        kinds: Sequence[Fragment],
        n_fragments: int,
        joins: Joins,
        *,
        max_fragments: int,
        min_fragments: int = 1,
        max_atoms: int | None = None,
        stop: Literal["free", "full"] = "free",
    ) -> None:
        self.joins = joins
        self._max_fragments, self._min_fragments, self._max_atoms = max_fragments, min_fragments, max_atoms
        self._free = stop == "free"
        self._kinds = kinds
        atoms = np.array([f.mol().GetNumHeavyAtoms() for f in kinds])
        self.arms = [(f, p) for f in range(n_fragments) for p in range(max(len(kinds[f].points), 1))]
        self.attaches = np.array([bool(kinds[f].points) for f, _ in self.arms])
        arm_type = np.array([joins.type_of[f][p] if kinds[f].points else 0 for f, p in self.arms])
        fits = joins.allowed[:, arm_type] & self.attaches  # [T, K]
        # of each arm its other points that must be filled, by type [K, T]
        others = np.zeros((len(self.arms), joins.n_types), dtype=np.int64)
        for k, (f, p) in enumerate(self.arms):
            for q, type_ in enumerate(joins.type_of[f]):
                others[k, type_] += joins.must_fill[type_] and q != p
        own = atoms[[f for f, _ in self.arms]]
        self.cap = self._caps(fits & (others.sum(1) == 0), own)
        self.arm_fragments = 1 + others.sum(1)
        self.arm_atoms = own + others @ self.cap
        if max_atoms is not None:
            self._require_least_caps(fits)
        self.most_fragments = int(self.arm_fragments.max())
        enough = self.arm_fragments <= np.arange(self.most_fragments + 1)[:, None]  # [F, K]
        self.atom_levels = [] if max_atoms is None else sorted(set(self.arm_atoms.tolist()))
        least = [_NEVER] if max_atoms is None else [-1, *self.atom_levels]
        room = self.arm_atoms <= np.array(least)[:, None]  # [A, K]
        self.options = fits[:, None, None, :] & enough[None, :, None, :] & room[None, None, :, :]
        self.start = np.array([p == 0 and self._may_begin(f, int(atoms[f])) for f, p in self.arms])
        scaffold = range(n_fragments, len(kinds))
        if scaffold and not self._may_begin(n_fragments, int(atoms[n_fragments])):
            raise ConfigError(
                f"scaffold: its points that must be filled cannot be within max_fragments={max_fragments}"
                + ("" if max_atoms is None else f" and max_atoms={max_atoms}")
            )
        if max_atoms is not None and int(atoms.min()) > max_atoms:
            raise ConfigError(f"max_atoms ({max_atoms}) is below the smallest fragment ({int(atoms.min())} atoms)")
        if not scaffold and not self.start.any():
            raise ConfigError(
                f"no fragment of the vocabulary can start a molecule within max_fragments={max_fragments}"
                + ("" if max_atoms is None else f" and max_atoms={max_atoms}")
                + "; raise them"
            )
        self.open_classes, self._least_room = self._classes(fits, enough)

    def may_stop(self, n: int, open_points: Sequence[int], atoms: int) -> bool:
        """Whether a tree of allowed joins and without open points that must be filled is a whole one.

        Args:
            n: its fragments.
            open_points: its open points by ``open_classes``.
            atoms: its heavy atoms.
        """
        room = _NEVER if self._max_atoms is None else self._max_atoms - atoms
        left = self._max_fragments - n
        if left < 0 or room < 0:
            return False
        if self._free and n >= self._min_fragments:
            return True
        left = min(left, self.most_fragments)
        return not any(
            number and least[left] <= room for number, least in zip(open_points, self._least_room, strict=True)
        )

    def _caps(self, caps: np.ndarray, atoms: np.ndarray) -> np.ndarray:
        """``cap`` from bool [T, K], which arms are caps of which type, and their atoms."""
        cap = np.where(caps, atoms, _NEVER).min(1)
        for type_ in np.flatnonzero(self.joins.must_fill & (cap == _NEVER)).tolist():
            raise ConfigError(
                f"{self._example(type_)} must not stay open, but no fragment can fill it: add one that may be joined "
                "there and has no other such point, or allow more joins"
            )
        return np.where(self.joins.must_fill, cap, 0)

    def _require_least_caps(self, fits: np.ndarray) -> None:
        """Refuse a space where several fragments close a point with fewer atoms than its smallest cap."""
        least = np.where(fits, self.arm_atoms, _NEVER).min(1)
        for type_ in np.flatnonzero(self.joins.must_fill & (least < self.cap)).tolist():
            raise ConfigError(
                f"{self._example(type_)} must not stay open; the smallest fragment that fills it alone has "
                f"{int(self.cap[type_])} atoms, but several together need {int(least[type_])} only, and then max_atoms "
                "cannot be kept exactly: add a smaller fragment that may be joined there, or leave max_atoms out"
            )

    def _example(self, type_: int) -> str:
        kind, point = next(
            (kind, types.index(type_)) for kind, types in enumerate(self.joins.type_of) if type_ in types
        )
        fragment = self._kinds[kind]
        return f"attachment point {point} (atom {fragment.points[point]}) of '{fragment.smiles}'"

    def _may_begin(self, kind: int, atoms: int) -> bool:
        """Whether a fragment alone is a legal tree."""
        types = [t for t in self.joins.type_of[kind] if self.joins.must_fill[t]]
        fits = self._max_atoms is None or atoms + sum(int(self.cap[t]) for t in types) <= self._max_atoms
        return fits and len(types) < self._max_fragments

    def _classes(self, fits: np.ndarray, enough: np.ndarray) -> tuple[list[int], list[list[int]]]:
        """``open_classes``, and per class the least atoms that can be added at a point, by fragments left."""
        if self._free and self._min_fragments <= 1:
            return [-1] * self.joins.n_types, []
        takes = self.arm_atoms if self._max_atoms is not None else np.zeros_like(self.arm_atoms)
        least = np.where(fits[:, None, :] & enough, takes, _NEVER + 1).min(2)  # [T, F]
        known: dict[tuple[int, ...], int] = {}
        classes = []
        for row, must in zip(least.tolist(), self.joins.must_fill.tolist(), strict=True):
            growing = min(row) <= _NEVER and not must
            classes.append(known.setdefault(tuple(row), len(known)) if growing else -1)
        return classes, [list(row) for row in known]
