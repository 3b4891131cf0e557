"""Tensors that describe a fragment space: arms, attachment points, and how policies tell points apart."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import Tensor

from molgfn.chemistry.fragments.space import FragmentSpace


class FragmentTables:
    """Look-up tables by kind (fragments, then the scaffold where there is one) and by arm.

    An *arm* is a (fragment, attachment point) pair by which a fragment can be added; the scaffold has none.

    Attributes:
        arm_fragment, arm_point: int64 [K].
        points, atoms: int64 [kinds], attachment points and heavy atoms.
        has_point: bool [kinds, P].
        arm_of: int64 [kinds, P].
        label_of, relation_of: int64 [kinds, P] and [kinds, P, P], one number per orbit of points and of pairs of points
            under the fragment's symmetries.
        site_of: int64 [kinds, P], attachment atom of each point, counted from 0 within the fragment.
        symmetries, is_symmetry: int64 [kinds, G, sites], where each symmetry of a fragment takes its attachment atoms,
            and bool [kinds, G], which of these rows are there.
        n_points, n_labels, n_relations: P and how many labels and relations there are.
        type_of, must_fill, cap: int64, bool and int64 [kinds, P]: type of each point, whether it must be filled, and
            the atoms of its smallest cap; see ``chemistry.growth``.
        options, any_option: bool [rows, K] and [rows]: what may be added, at a row of ``option_row`` or, in the last
            row, to start a tree; and whether there is anything.
        n_left, n_rooms: sizes of the table of options beside the number of types.
        atom_levels: int64, room for atoms from which on more options open; empty where there is no limit.
        must_be_filled: some point must.
    """

    def __init__(self, space: FragmentSpace) -> None:
        points, atoms = space.points_per_kind, space.atoms_per_kind
        self.n_points = max(max(points), 1)
        growth = space.growth
        arms = growth.arms
        self.arm_fragment = torch.tensor([f for f, _ in arms])
        self.arm_point = torch.tensor([p for _, p in arms])
        self.points = torch.tensor(points)
        self.atoms = torch.tensor(atoms)
        self.arm_of = torch.zeros(len(points), self.n_points, dtype=torch.int64)
        self.arm_of[self.arm_fragment, self.arm_point] = torch.arange(len(arms))
        # Places as policies see them: one label per orbit of points, one relation per orbit of pairs of points.
        self.label_of = torch.zeros(len(points), self.n_points, dtype=torch.int64)
        self.relation_of = torch.zeros(len(points), self.n_points, self.n_points, dtype=torch.int64)
        self.n_labels = self.n_relations = 0
        for kind, (orbits, relations) in enumerate(space.point_classes):
            n = len(orbits)
            if n:
                self.label_of[kind, :n] = self.n_labels + torch.tensor(orbits)
                self.relation_of[kind, :n, :n] = self.n_relations + torch.tensor(relations)
            else:
                self.label_of[kind, 0] = self.n_labels
            self.n_labels += 1 + max(orbits, default=0)
            self.n_relations += 1 + max((r for row in relations for r in row), default=0)
        self.site_of, self.symmetries, self.is_symmetry = _symmetries(space.site_symmetries, self.n_points)
        self.has_point = torch.arange(self.n_points) < self.points[:, None]
        self.type_of = torch.zeros(len(points), self.n_points, dtype=torch.int64)
        for kind, types in enumerate(growth.joins.type_of):
            self.type_of[kind, : len(types)] = torch.tensor(types, dtype=torch.int64)
        self.must_fill = torch.from_numpy(growth.joins.must_fill)[self.type_of] & self.has_point
        self.cap = torch.from_numpy(growth.cap)[self.type_of] * self.must_fill
        self.must_be_filled = bool(self.must_fill.any())
        _, self.n_left, self.n_rooms, _ = growth.options.shape
        options = growth.options.reshape(-1, len(arms))
        self.options = torch.from_numpy(np.concatenate([options, growth.start[None]]))
        self.any_option = self.options.any(1)
        self.atom_levels = torch.tensor(growth.atom_levels, dtype=torch.int64)

    def option_row(self, types: Tensor, left: Tensor, room: Tensor | None) -> Tensor:
        """Rows of ``options`` for points, int64 of the shape of all three.

        Args:
            types: of the points.
            left: fragments that may still be added once one goes here and all else that must be filled is.
            room: the same for heavy atoms; None where they are not limited.
        """
        row = types * self.n_left + left.clamp(0, self.n_left - 1)
        if room is None:
            return row
        return row * self.n_rooms + torch.searchsorted(self.atom_levels, room.contiguous(), right=True)

    def on(self, device: torch.device) -> Self:
        """The same tables on a device; they move once, when a batch there first comes by."""
        if self.arm_fragment.device != device:
            for name, value in list(vars(self).items()):
                if isinstance(value, Tensor):
                    setattr(self, name, value.to(device))
        return self


def _symmetries(
    found: list[tuple[list[int], tuple[tuple[int, ...], ...]]], n_points: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Tables of sites and of symmetries, padded; see ``FragmentTables``."""
    sites = max((len(maps[0]) for _, maps in found), default=0) or 1
    most = max((len(maps) for _, maps in found), default=1)
    site_of = torch.zeros(len(found), n_points, dtype=torch.int64)
    symmetries = torch.arange(sites).repeat(len(found), most, 1)
    is_symmetry = torch.zeros(len(found), most, dtype=torch.bool)
    for kind, (points, maps) in enumerate(found):
        site_of[kind, : len(points)] = torch.tensor(points, dtype=torch.int64)
        symmetries[kind, : len(maps), : len(maps[0])] = torch.tensor(maps, dtype=torch.int64)
        is_symmetry[kind, : len(maps)] = True
    return site_of, symmetries, is_symmetry
