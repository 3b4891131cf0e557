"""Molecules as trees of fragments joined at attachment points; the whole batch held as tensors.

One decision adds a fragment: at which open attachment point of the tree (*where*), which fragment by which of its own
attachment points (*what*, an "arm"). Undoing removes a leaf. RDKit sees finished molecules only.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.fragments.atom_arrays import AtomArrays
from molgfn.chemistry.fragments.join_table import JoinTable
from molgfn.chemistry.fragments.space import FragmentSpace
from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.fragments import is_published, published_vocabulary
from molgfn.environments.atom_graphs import AtomGraphs, ShowsAtoms
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.fragments.atoms import FragmentAtoms
from molgfn.environments.fragments.encoding import Legal, encode
from molgfn.environments.fragments.slots import NodeSlots
from molgfn.environments.fragments.states import FragmentStates
from molgfn.environments.fragments.tables import FragmentTables
from molgfn.environments.fragments.tree import hashes, log_path_count
from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE
from molgfn.paths import NamedInput


class Fragments(NodeSlots, ShowsAtoms, Enumerable):
    """Trees of vocabulary fragments.

    Forward action 0 stops. Action ``1 + site * K + arm`` adds a fragment: ``site = node * P + point`` is an open
    attachment point, or ``N * P``, which starts an empty tree; ``arm`` is a (fragment, attachment point) pair, K in all
    (the first fragment is named by its first arm: one action each). Backward action i removes node i, a leaf.

    Stop is legal once the tree has ``min_fragments``, or when nothing can be added; with ``stop="full"`` only then.

    Args:
        vocabulary: name of a shipped vocabulary, path of a vocabulary file, name of a published one (fetched:
            `molgfn data list`), or its plain entries (as a checkpoint keeps them).
        max_fragments: N, most fragments in a molecule, the scaffold counted.
        min_fragments: fewest fragments at which the policy may stop.
        max_atoms: most heavy atoms; None for no limit.
        stop: "free": the policy decides; "full": build until nothing fits any more.
        scaffold: SMILES to start from, its attachment points marked with ``*``; None starts from nothing. Points are
            named by the numbers of ``[*:1]``, ``[*:2]`` ... or, without numbers, 1, 2 ... as the stars are written.
        fill: "all", or names of points of the scaffold that must be filled before the policy may stop.
        allowed: per name of a point of the scaffold, the fragments that may be joined there: SMILES or numbers (from 0)
            of the vocabulary's, or a file of SMILES. At other points all are allowed that ``joins`` lets in.
        joins: which attachment points may be joined: "any": any with any other; "brics": by the environments of BRICS;
            or the path (or content) of an own table over the vocabulary's labels (see ``chemistry.join_table``). None:
            "brics" where the vocabulary has labels, else "any". Points that the table says must not stay open are
            filled before the policy may stop.
        symmetry: correction taken off log R(x) so that P_T over *molecules* is proportional to R: "molecule" (exact:
            symmetric trees and molecules that several trees build), "tree" (automorphisms of the tree only), "none".
    """

    kind: ClassVar[ObjectKind] = MOLECULE
    encoding: ClassVar[str] = "graph"
    counts_paths = True

    def __init__(
        self,
        *,
        vocabulary: NamedInput | list[Any] = "rdkit",
        max_fragments: Annotated[int, Field(ge=1)] = 9,
        min_fragments: Annotated[int, Field(ge=1)] = 1,
        max_atoms: Annotated[int, Field(ge=1)] | None = None,
        stop: Literal["free", "full"] = "free",
        scaffold: str | None = None,
        fill: Literal["all"] | list[int] | None = None,
        allowed: dict[int, NamedInput | int | list[str | int]] | None = None,
        joins: NamedInput | dict[str, list[Any]] | None = None,
        symmetry: Literal["molecule", "tree", "none"] = "molecule",
    ) -> None:
        if min_fragments > max_fragments:
            raise ConfigError(f"min_fragments ({min_fragments}) is above max_fragments ({max_fragments})")
        self.max_fragments, self.min_fragments, self.max_atoms = max_fragments, min_fragments, max_atoms
        self.stop, self.symmetry = stop, symmetry
        self.corrects_symmetry = symmetry == "molecule"
        if isinstance(vocabulary, str) and is_published(vocabulary):
            vocabulary = published_vocabulary(vocabulary).plain()
        self.space = FragmentSpace(
            vocabulary,
            scaffold=scaffold,
            max_fragments=max_fragments,
            min_fragments=min_fragments,
            max_atoms=max_atoms,
            stop=stop,
            joins=joins,
            fill=fill,
            allowed=allowed,
        )
        self.has_scaffold = scaffold is not None
        self.tables = t = FragmentTables(self.space)
        n, p, k = max_fragments, t.n_points, len(t.arm_fragment)
        self.n_points, self.n_arms = p, k
        self.start_site = n * p
        self.n_actions = 1 + (n * p + 1) * k
        self.n_backward_actions = n
        self.stop_action = 0
        self.max_steps = n + 1
        self.stops_everywhere = scaffold is not None and min_fragments <= 1 and stop == "free" and not t.must_be_filled
        self.spec = GraphSpec(
            node_types=len(t.points),
            labels=t.n_labels + 1,  # one more for what lies at no place
            relations=t.n_relations,
            where=2 + n * p,
            options=k,
            option_label=tuple(t.label_of[t.arm_fragment, t.arm_point].tolist()),
            max_nodes=n,
            removals=n,
        )

    # ------------------------------------------------------------------ states and transitions

    def initial(self, n: int, device: torch.device | str = "cpu") -> FragmentStates:
        width = self.max_fragments
        kinds = torch.full((n, width), -1, dtype=torch.int64, device=device)
        if self.has_scaffold:
            kinds[:, 0] = len(self.tables.points) - 1
        return FragmentStates(
            kinds=kinds,
            joins=torch.full((n, max(width - 1, 1), 4), -1, dtype=torch.int64, device=device),
            used=torch.zeros(n, width, self.n_points, dtype=torch.bool, device=device),
            n=torch.full((n,), int(self.has_scaffold), dtype=torch.int64, device=device),
        )

    def _parts(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """(site, arm) of actions other than stop; (0, 0) for stop."""
        index = (actions - 1).clamp(min=0)
        options = self.n_arms
        return index // options, index % options

    def step(self, states: FragmentStates, actions: Tensor) -> FragmentStates:
        tables = self.tables.on(actions.device)
        add = actions > 0
        site, arm = self._parts(actions)
        slot = states.n.clamp(max=self.max_fragments - 1)
        fragment, point = tables.arm_fragment.index_select(0, arm), tables.arm_point.index_select(0, arm)
        attach = add & (site != self.start_site)
        place = site.clamp(max=self.start_site - 1)  # of the point in all points of the tree
        line = (states.n - 1).clamp(min=0, max=states.joins.shape[1] - 1)
        join = torch.stack([place // self.n_points, place % self.n_points, slot, point], 1)
        ends = torch.stack([place, slot * self.n_points + point], 1)
        used = states.used.flatten(1)
        return FragmentStates(
            kinds=_put(states.kinds, slot[:, None], fragment[:, None], add[:, None]),
            joins=_put(states.joins, line[:, None, None].expand(-1, 1, 4), join[:, None], attach[:, None, None]),
            used=_put(used, ends, attach[:, None], attach[:, None]).view_as(states.used),
            n=states.n + add,
        )

    def undo(self, states: FragmentStates, backward_actions: Tensor) -> FragmentStates:
        leaf = backward_actions
        row = torch.arange(len(leaf), device=leaf.device)
        n = states.n - 1
        slots = torch.arange(self.max_fragments, device=leaf.device)
        take = (slots + (slots >= leaf[:, None])).clamp(max=self.max_fragments - 1)
        gone = slots >= n[:, None]
        kinds = states.kinds.gather(1, take).masked_fill(gone, -1)
        line, neighbour, at, _ = self._leaf_join(states, leaf)
        used = states.used.clone()
        used[row, neighbour, at] &= states.n <= 1
        used = used.gather(1, take[:, :, None].expand_as(used)).masked_fill(gone[:, :, None], False)
        lines = torch.arange(states.joins.shape[1], device=leaf.device)
        keep = (lines + (lines >= line[:, None])).clamp(max=len(lines) - 1)
        joins = states.joins.gather(1, keep[:, :, None].expand_as(states.joins))
        ends = joins[:, :, 0::2]
        joins = joins.clone()
        joins[:, :, 0::2] = ends - (ends > leaf[:, None, None]).to(ends.dtype)
        joins = joins.masked_fill((lines >= (n - 1)[:, None])[:, :, None], -1)
        return FragmentStates(kinds=kinds, joins=joins, used=used, n=n)

    def _leaf_join(self, states: FragmentStates, leaf: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of each leaf's only join: its line, the neighbour, the neighbour's point, the leaf's own point, [B] each."""
        row = torch.arange(len(leaf), device=leaf.device)
        touches = (states.joins[:, :, 0::2] == leaf[:, None, None]).any(2)
        line = touches.to(torch.int8).argmax(1)
        u, p, v, q = states.joins[row, line].unbind(1)
        first = u == leaf
        return (
            line,
            torch.where(first, v, u).clamp(min=0),
            torch.where(first, q, p).clamp(min=0),
            torch.where(first, p, q).clamp(min=0),
        )

    def backward_action(self, states: FragmentStates, actions: Tensor, next_states: FragmentStates) -> Tensor:
        return states.n

    def forward_action(self, states: FragmentStates, backward_actions: Tensor, previous: FragmentStates) -> Tensor:
        tables = self.tables.on(backward_actions.device)
        leaf = backward_actions
        kind = states.kinds.gather(1, leaf[:, None]).squeeze(1)
        _, neighbour, at, own = self._leaf_join(states, leaf)
        start = states.n == 1
        site = torch.where(start, self.start_site, (neighbour - (neighbour > leaf).to(leaf.dtype)) * self.n_points + at)
        arm = tables.arm_of[kind, torch.where(start, 0, own)]
        return 1 + site * self.n_arms + arm

    def is_initial(self, states: FragmentStates) -> Tensor:
        return states.n == int(self.has_scaffold)

    # ------------------------------------------------------------------ what is legal

    def _sizes(self, states: FragmentStates) -> Tensor:
        """Heavy atoms of each tree [B] (every join keeps all heavy atoms)."""
        real = states.kinds >= 0
        return (self.tables.on(states.device).atoms[states.kinds.clamp(min=0)] * real).sum(1)

    def _open(self, states: FragmentStates) -> Tensor:
        """bool [B, N, P]: attachment points that are there and free."""
        there = self.tables.on(states.device).has_point[states.kinds.clamp(min=0)]
        return there & (states.kinds >= 0)[:, :, None] & ~states.used

    def _legal(self, states: FragmentStates) -> Legal:
        """See ``chemistry.growth`` for why this leaves no dead end."""
        tables = self.tables.on(states.device)
        open_ = self._open(states)
        kinds = states.kinds.clamp(min=0)
        start = states.n == 0
        left = (self.max_fragments - states.n)[:, None, None].expand(open_.shape)
        room = None
        if self.max_atoms is not None:
            room = (self.max_atoms - self._sizes(states))[:, None, None].expand(open_.shape)
        if tables.must_be_filled:
            # what fills one of the points that must be may use its cap's share of the room
            unfilled = open_ & tables.must_fill[kinds]
            left = left - unfilled.sum((1, 2), keepdim=True) + unfilled
            if room is not None:
                caps = tables.cap[kinds] * unfilled
                room = room - caps.sum((1, 2), keepdim=True) + caps
        options = tables.option_row(tables.type_of[kinds], left, room)
        sites = open_ & tables.any_option[options]
        stop = ~start & ~sites.flatten(1).any(1)
        if self.stop == "free":
            stop |= ~start & (states.n >= self.min_fragments)
        if tables.must_be_filled:
            stop &= ~unfilled.flatten(1).any(1)
        return Legal(stop, start, sites, options)

    def forward_mask(self, states: FragmentStates) -> Tensor:
        stop, start, sites, options = self._legal(states)
        table = self.tables.on(states.device).options
        adds = (sites[..., None] & table[options]).flatten(1)
        return torch.cat([stop[:, None], adds, start[:, None] & table[-1]], 1)

    def stop_mask(self, states: FragmentStates) -> Tensor:
        return self._legal(states).stop

    def has_object(self, states: FragmentStates) -> Tensor:
        return states.n > 0

    def backward_mask(self, states: FragmentStates) -> Tensor:
        slots = torch.arange(self.max_fragments, device=states.n.device)
        leaf = (states.used.sum(2) == 1) | (states.n == 1)[:, None]
        leaf = leaf & (slots < states.n[:, None])
        if self.has_scaffold:
            leaf[:, 0] = False
        return leaf

    # ------------------------------------------------------------------ what policies and people see

    def encode(self, states: FragmentStates, padded: bool | None = None) -> GraphBatch:
        """Graphs of the trees; padded by default on a GPU, packed on a CPU (see ``environments.graphs``)."""
        if padded is None:
            padded = states.n.device.type != "cpu"
        return self._encoded(states, self.backward_mask(states), padded)

    def encode_forward(self, states: FragmentStates) -> GraphBatch:
        return self._encoded(states, None, states.n.device.type != "cpu")

    def _encoded(self, states: FragmentStates, removable: Tensor | None, padded: bool) -> GraphBatch:
        tables = self.tables.on(states.device)
        return encode(states, tables, self._legal(states), removable, self.spec, padded=padded)

    @cached_property
    def _atoms(self) -> FragmentAtoms:
        return FragmentAtoms(AtomArrays.of(self.space.kinds), self.max_fragments, self.tables.has_point.cpu())

    def atom_sizes(self) -> tuple[int, int]:
        return self._atoms.sizes

    def atom_graphs(self, states: FragmentStates) -> AtomGraphs:
        return self._atoms(states)

    def objects(self, states: FragmentStates) -> list[Molecule]:
        return self.space.molecules(states.kinds.cpu().numpy(), states.joins.cpu().numpy())

    def keys(self, states: FragmentStates) -> Sequence[Hashable]:
        return self.space.tree_keys(states.kinds.cpu().numpy(), states.joins.cpu().numpy())

    def hashes(self, states: FragmentStates) -> Tensor:
        return hashes(states, self.tables.on(states.device))

    def log_path_count(self, states: FragmentStates) -> Tensor:
        return log_path_count(states, rooted=self.has_scaffold)

    def log_symmetry(self, states: FragmentStates, objects: list[Molecule]) -> Tensor:
        if self.symmetry == "none":
            return torch.zeros(len(states), dtype=torch.float64)
        if self.symmetry == "tree":
            return torch.from_numpy(self._tree_symmetry(states))
        trees = zip(states.kinds.tolist(), states.joins.tolist(), strict=True)
        exact = [self.space.log_symmetry(m, tree) if m.valid else 0.0 for m, tree in zip(objects, trees, strict=True)]
        if not np.isfinite(exact).all():
            # A molecule in which RDKit sees other rings or aromaticity than in its fragments: its own tree must do.
            exact = np.where(np.isfinite(exact), exact, self._tree_symmetry(states))
        return torch.as_tensor(exact, dtype=torch.float64)

    def log_multiplicity(self, states: FragmentStates) -> Tensor:
        return torch.from_numpy(self._tree_symmetry(states))

    def _tree_symmetry(self, states: FragmentStates) -> np.ndarray:
        return self.space.tree_log_symmetry(states.kinds.cpu().numpy(), states.joins.cpu().numpy())

    def states_of(self, objects: list[Molecule]) -> FragmentStates:
        return self._decomposed(objects, None)

    def terminal_draws(self, objects: list[Molecule], seed: int = 0) -> tuple[FragmentStates, Tensor]:
        states = self._decomposed(objects, np.random.default_rng(seed))
        whole = np.array([self.space.log_symmetry(m) for m in objects], dtype=np.float64)
        return states, torch.from_numpy(whole)  # trees are drawn in proportion to c(t): c(t) / (c(t) / C(x)) = C(x)

    def _decomposed(self, objects: list[Molecule], rng: np.random.Generator | None) -> FragmentStates:
        states = self.initial(len(objects))
        for i, molecule in enumerate(objects):
            tree = self.space.decompose(molecule, rng) if molecule.valid else None
            if tree is None:
                why = molecule.problem or "no way to cut it into fragments of the vocabulary within the size limits"
                raise DataError(f"molecule {i + 1} ({molecule.smiles or '?'}): {why}")
            kinds, joins = (torch.as_tensor(t, dtype=torch.int64) for t in tree)
            n = len(kinds)
            states.kinds[i, :n] = kinds
            states.n[i] = n
            states.joins[i, : n - 1] = joins
            states.used[i, joins[:, 0], joins[:, 1]] = True
            states.used[i, joins[:, 2], joins[:, 3]] = True
        return states

    def enumeration_unavailable_reason(self) -> str | None:
        bound = float(self.space.n_fragments)
        for size in range(1, self.max_fragments):
            bound *= min(1 + size * (self.n_points - 1), size * self.n_points) * self.n_arms
            if bound > 5e7:
                return (
                    f"trees of up to {self.max_fragments} of {self.space.n_fragments} fragments are too many to list "
                    f"(more than {bound:.0e} ways to build one)"
                )
        return None

    def portable(self) -> dict[str, Any]:
        table = self.space.table
        joins = None if table is None else "brics" if table == JoinTable.load("brics") else table.plain()
        allowed = self.space.allowed or None  # numbers, which need no file
        return {"vocabulary": self.space.vocabulary.plain(), "joins": joins, "allowed": allowed}


def _put(table: Tensor, places: Tensor, values: Tensor, where: Tensor) -> Tensor:
    """``table`` [B, n, ...] with ``values`` at ``places`` along its second dimension, in the rows ``where``."""
    return table.scatter(1, places, torch.where(where, values, table.gather(1, places)))
