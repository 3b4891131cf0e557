"""Molecules built atom by atom in Kekule form; the whole batch held as tensors. RDKit sees finished molecules only."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.atoms.kekule import canonical_form
from molgfn.chemistry.atoms.parts import Fill, Part, linked_part
from molgfn.chemistry.atoms.rules import AtomRules
from molgfn.chemistry.molecules import Molecule
from molgfn.environments.atom_graphs import AtomGraphs, ShowsAtoms
from molgfn.environments.atoms.encoding import encode, spec_of
from molgfn.environments.atoms.growth import GrowthTables, check_orders
from molgfn.environments.atoms.hashes import hashes
from molgfn.environments.atoms.legal import Facts, Limits, backward, forward
from molgfn.environments.atoms.reading import Reader
from molgfn.environments.atoms.ring_limits import MOST_IN_SYSTEM
from molgfn.environments.atoms.shown import ShownAtoms
from molgfn.environments.atoms.slots import SlotsOfAtoms
from molgfn.environments.atoms.starts import Start
from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.atoms.violations import violations
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.graphs import GraphBatch
from molgfn.errors import ConfigError, OutsideError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

#: ways to build a molecule, divided by those that differ in the order of atoms only, up to which spaces are listed
_MOST_LISTED = 2e6


class Atoms(SlotsOfAtoms, ShowsAtoms, Enumerable):
    """Connected graphs of atoms and bonds with orders; free valences are hydrogens.

    Forward action 0 stops. Action ``1 + site * K + option`` adds an atom or closes a ring. Site i < N is an atom, to
    which a new one is bonded; site N is the empty graph, which gets its first atom; site N + 1 + p is the p-th pair of
    slots (0, 1), (0, 2) ... (N - 2, N - 1), which are joined. Options are pairs of a type and an order, then the orders
    by which a ring is closed, K in all. Backward action i < N removes atom i, which has one bond or none; N + p removes
    the bond of pair p, which is in a ring.

    Every rule is a property of states, so that building and taking apart agree (one multigraph, see ``legal``). No
    state is stuck in either direction (see ``growth`` and ``ring_limits``). Stop is legal once a molecule has
    ``min_atoms`` atoms, or when nothing can be added; and only when every atom of a type without hydrogens is filled.

    Args:
        types: types of atoms by name: C, N, O, F, S, P, Cl, Br, I, B, Si, Se; S4, S6, P5, I3, which have no hydrogens;
            and with a charge N+, O-, and so on.
        max_atoms: N, most heavy atoms.
        min_atoms: fewest heavy atoms at which the policy may stop.
        orders: orders that bonds may have.
        smallest_ring: fewest atoms of a ring, 3 to N.
        largest_ring: most atoms of a ring (each ring bond is in a ring of at most so many, and those make up all
            others); None for no limit.
        max_rings: most independent rings of a molecule; None for no limit.
        max_fused: most independent rings of a ring system (what is connected without bridges); None for no limit, or
            for 4 where ``largest_ring`` is given, which allows 1 to 4.
        forbid: what is not built: "peroxides": O bonded to O; "halogen_heteroatom": a halogen bonded to N, O, bivalent
            S or a halogen; "nitrogen_chains": N bonded to two N; "like_charges": neighbours with charges of one sign;
            "cumulated": two double bonds at an atom; "strained": a triple bond or two double bonds of an atom in a
            ring. Atoms without hydrogens (sulfones) may have two double bonds. And bonds, as two elements or types and
            ~ for a bond of any order or # for a triple one: "N~S", "C#C", "S4~*".
        scaffold: SMILES that every molecule is grown from and keeps, as ``c1ccc(*)cc1*`` or with ``[*:1]``: a star is a
            place for one single bond, other atoms of it take none. Its types need not be among ``types``, it counts in
            all sizes, and it has to obey the rules itself. With ``largest_ring`` no ring goes through it.
        fill: stars (by number, or in the order in which they are written from 1) that must be filled, or "all".
        link: SMILES of a second part with one star; it is bonded by it, once, to the scaffold or to what has grown from
            it, so that every molecule has both.
        symmetry: correction taken off log R(x) so that P_T over *molecules* is proportional to R: "molecule" (exact:
            automorphisms, all Kekule forms of a molecule, and all places where the scaffold may lie in it), "graph"
            (automorphisms of the Kekule form as it was built), "none".

    Reference:
        Kim et al., "Symmetry-Aware GFlowNets", arXiv 2506.02685, for the correction of graphs built node by node.
    """

    kind: ClassVar[ObjectKind] = MOLECULE
    encoding: ClassVar[str] = "graph"

    def __init__(
        self,
        *,
        types: list[str] = ["C", "N", "O", "F"],  # noqa: B006  # never changed; the schema shows it
        max_atoms: Annotated[int, Field(ge=1, le=100)] = 9,
        min_atoms: Annotated[int, Field(ge=1)] = 1,
        orders: list[int] = [1, 2, 3],  # noqa: B006
        smallest_ring: Annotated[int, Field(ge=3)] = 3,
        largest_ring: Annotated[int, Field(ge=3)] | None = None,
        max_rings: Annotated[int, Field(ge=0)] | None = None,
        max_fused: Annotated[int, Field(ge=1)] | None = None,
        forbid: list[str] = [],  # noqa: B006
        scaffold: str | None = None,
        fill: Fill = None,
        link: str | None = None,
        symmetry: Literal["molecule", "graph", "none"] = "molecule",
    ) -> None:
        self.rules = AtomRules.from_names(types)
        check_orders(orders)
        self.start = _start(self.rules, scaffold, fill, link)
        self.most_atoms = max_atoms
        max_atoms, min_atoms = max_atoms - self.start.hidden, max(min_atoms - self.start.hidden, 1)
        if max_atoms < self.start.m + (link is not None):
            own = self.start.m + self.start.hidden + (link is not None)
            raise ConfigError(
                f"max_atoms ({self.most_atoms}): the parts that every molecule has are {own} atoms already"
            )
        self._check_sizes(max_atoms, min_atoms, smallest_ring, largest_ring, max_rings, max_fused)
        if largest_ring is not None and max_fused is None:
            max_fused = MOST_IN_SYSTEM
        forbidden = frozenset(forbid)
        self.tables = t = GrowthTables(self.start, orders=orders, forbid=forbidden, max_atoms=max_atoms)
        most = max_atoms * min(int(t.valence.max()), max_atoms - 1) // 2
        rings = max(most - (max_atoms - 1), 0)
        self.most_rings = rings if max_rings is None else min(rings, max_rings)
        self.limits = Limits(
            max_atoms=max_atoms,
            min_atoms=min_atoms,
            smallest_ring=smallest_ring,
            largest_ring=largest_ring,
            max_rings=max_rings,
            max_fused=max_fused,
            most_bonds=max_atoms - 1 + self.most_rings,
            forbid=forbidden,
            scaffold=scaffold is not None,
        )
        self.symmetry = symmetry
        self.corrects_symmetry = symmetry == "molecule"
        self.n_pairs = t.pairs.shape[1]
        self.first_site, self.n_options = max_atoms, t.n_options
        self.n_actions = 1 + (max_atoms + 1 + self.n_pairs) * t.n_options
        self.n_backward_actions = max_atoms + self.n_pairs
        self.stop_action = 0
        self.max_steps = max_atoms + self.most_rings + 1
        self.spec = spec_of(len(self.start.types), max_atoms, t.n_options)
        self.reader = Reader(self.start, t, self.limits, self.most_atoms)
        self._check_start()

    @staticmethod
    def _check_sizes(
        max_atoms: int,
        min_atoms: int,
        smallest_ring: int,
        largest_ring: int | None,
        max_rings: int | None,
        max_fused: int | None,
    ) -> None:
        problems = []
        if min_atoms > max_atoms:
            problems.append(f"min_atoms ({min_atoms}) is above max_atoms ({max_atoms})")
        if largest_ring is not None and largest_ring < smallest_ring:
            problems.append(f"largest_ring ({largest_ring}) is below smallest_ring ({smallest_ring})")
        if largest_ring is not None and max_fused is not None and max_fused > MOST_IN_SYSTEM:
            problems.append(
                f"max_fused ({max_fused}): with largest_ring it should be at most {MOST_IN_SYSTEM}; without it, rings "
                "may be of any size"
            )
        if max_rings is not None and max_fused is not None and max_fused > max_rings:
            problems.append(f"max_fused ({max_fused}) is above max_rings ({max_rings})")
        if problems:
            raise ConfigError(problems)

    # ------------------------------------------------------------------ states and transitions

    def initial(self, n: int, device: torch.device | str = "cpu") -> AtomStates:
        width, m = self.limits.max_atoms, self.start.m
        types = torch.zeros(n, width, dtype=torch.int64, device=device)
        bonds = torch.zeros(n, width, width, dtype=torch.int8, device=device)
        if m:
            types[:, :m] = 1 + torch.from_numpy(self.start.slots).to(device)
            bonds[:, :m, :m] = torch.from_numpy(self.start.bonds).to(device)
        return AtomStates(types=types, bonds=bonds)

    def _check_start(self) -> None:
        """Refuse parts that break the rules themselves, and those from which nothing leads to a whole molecule."""
        if not self.start.m:
            return
        facts = self._facts(self.initial(1))
        if bool(facts.room < 0):
            raise ConfigError(
                f"scaffold: the points of '{self.start.smiles}' that must be filled cannot be within max_atoms "
                f"({self.most_atoms}) and these types"
            )
        if broken := violations(facts)[0]:
            raise ConfigError(f"scaffold: '{self.start.smiles}' breaks the rules itself: {broken}")
        link = self.start.link
        if link is not None and "nitrogen_chains" in self.limits.forbid and self.tables.nitrogen[self.tables.linked]:
            raise ConfigError(
                f"link: '{link.smiles}' is linked by a nitrogen, which nitrogen_chains may keep from every atom "
                "that is left; take nitrogen_chains out of forbid, or link it by another atom"
            )
        legal = forward(facts)
        if not (bool(legal.stop) or bool(legal.adds.any()) or bool(legal.closures.any())):
            raise ConfigError(
                f"scaffold: nothing can be added to '{self.start.smiles}'"
                + (f" and '{self.start.link_smiles}' linked" if self.tables.linked else "")
                + f" within max_atoms ({self.most_atoms}) and these types"
            )

    def _parts(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """(site, option) of actions other than stop; (0, 0) for stop."""
        index = (actions - 1).clamp(min=0)
        return index // self.n_options, index % self.n_options

    def step(self, states: AtomStates, actions: Tensor) -> AtomStates:
        tables = self.tables.on(actions.device)
        pairs = tables.pairs
        width = self.limits.max_atoms
        site, option = self._parts(actions)
        row = torch.arange(len(actions), device=actions.device)
        going, joins = actions > 0, site > self.first_site
        slot = states.n.clamp(max=width - 1)
        types = states.types.clone()
        types[row, slot] = torch.where(going & ~joins, tables.option_type[option], types[row, slot])
        pair = (site - width - 1).clamp(min=0, max=max(self.n_pairs - 1, 0))
        if self.n_pairs:
            i = torch.where(joins, pairs[0][pair], site.clamp(max=width - 1))
            j = torch.where(joins, pairs[1][pair], slot)
        else:
            i = j = torch.zeros_like(site)
        bonded = going & (site != self.first_site)
        bonds = states.bonds.clone()
        order = torch.where(bonded, tables.option_order[option].to(bonds.dtype), bonds[row, i, j])
        bonds[row, i, j] = order
        bonds[row, j, i] = order
        return AtomStates(types=types, bonds=bonds)

    def undo(self, states: AtomStates, backward_actions: Tensor) -> AtomStates:
        pairs = self.tables.on(backward_actions.device).pairs
        width = self.limits.max_atoms
        leaves = backward_actions < width
        row = torch.arange(len(backward_actions), device=backward_actions.device)
        slots = torch.arange(width, device=backward_actions.device)
        atom = torch.where(leaves, backward_actions, width)
        take = (slots + (slots >= atom[:, None])).clamp(max=width - 1)
        gone = slots >= (states.n - leaves.to(torch.int64))[:, None]
        types = states.types.gather(1, take).masked_fill(gone, 0)
        bonds = states.bonds.gather(1, take[:, :, None].expand(-1, -1, width))
        bonds = bonds.gather(2, take[:, None, :].expand(-1, width, -1))
        bonds = bonds.masked_fill(gone[:, :, None] | gone[:, None, :], 0)
        if self.n_pairs:
            pair = (backward_actions - width).clamp(min=0)
            i, j = pairs[0][pair], pairs[1][pair]
            left = bonds[row, i, j] * leaves
            bonds[row, i, j] = left
            bonds[row, j, i] = left
        return AtomStates(types=types, bonds=bonds)

    def backward_action(self, states: AtomStates, actions: Tensor, next_states: AtomStates) -> Tensor:
        site, _ = self._parts(actions)
        return torch.where(site > self.first_site, site - 1, states.n.clamp(max=self.limits.max_atoms - 1))

    def forward_action(self, states: AtomStates, backward_actions: Tensor, previous: AtomStates) -> Tensor:
        tables = self.tables.on(backward_actions.device)
        pairs = tables.pairs
        width = self.limits.max_atoms
        row = torch.arange(len(backward_actions), device=backward_actions.device)
        leaves = backward_actions < width
        atom = backward_actions.clamp(max=width - 1)
        order, near = states.bonds[row, atom].max(1)
        type_ = states.types[row, atom]
        start = states.n == 1
        site = torch.where(start, self.first_site, near - (near > atom).to(near.dtype))
        option = torch.where(start, tables.first_option[type_], tables.option_of[type_, order.long()])
        if self.n_pairs:
            pair = (backward_actions - width).clamp(min=0)
            closed = states.bonds[row, pairs[0][pair], pairs[1][pair]].long()
            site = torch.where(leaves, site, width + 1 + pair)
            option = torch.where(leaves, option, tables.closure_of[closed])
        return 1 + site * self.n_options + option

    def is_initial(self, states: AtomStates) -> Tensor:
        return states.n == self.start.m

    # ------------------------------------------------------------------ what is legal

    def _facts(self, states: AtomStates) -> Facts:
        return Facts(states, self.tables.on(states.device), self.limits)

    def forward_mask(self, states: AtomStates) -> Tensor:
        facts = self._facts(states)
        legal, tables, n_adds = forward(facts), facts.tables, facts.tables.n_adds
        batch, width = states.types.shape
        adds = torch.zeros(batch, width, self.n_options, dtype=torch.bool, device=states.device)
        adds[:, : legal.adds.shape[1], :n_adds] = legal.adds
        closes = torch.zeros(batch, self.n_pairs, self.n_options, dtype=torch.bool, device=states.device)
        closing = legal.closures[:, :, None] >> (tables.option_order[n_adds:] - 1)
        closes[:, facts.pair_numbers, n_adds:] = (closing & 1) > 0
        first = legal.first[:, None] & tables.first_mask
        return torch.cat([legal.stop[:, None], adds.flatten(1), first, closes.flatten(1)], 1)

    def stop_mask(self, states: AtomStates) -> Tensor:
        return forward(self._facts(states)).stop

    def has_object(self, states: AtomStates) -> Tensor:
        whole = (states.n > 0) & self._facts(states).filled()
        return whole & (states.types == self.tables.linked).any(1) if self.tables.linked else whole

    def backward_mask(self, states: AtomStates) -> Tensor:
        facts = self._facts(states)
        atoms, bonds = backward(facts)
        i, j = facts.pairs
        mask = torch.zeros(len(states), self.n_backward_actions, dtype=torch.bool, device=states.device)
        mask[:, : atoms.shape[1]] = atoms
        mask[:, self.limits.max_atoms + facts.pair_numbers] = bonds[:, i, j]
        return mask

    # ------------------------------------------------------------------ what policies and people see

    def encode(self, states: AtomStates, padded: bool | None = None) -> GraphBatch:
        """The graphs; padded by default on a GPU, packed on a CPU (see ``environments.graphs``)."""
        return self._encode(states, padded, removals=True)

    def encode_forward(self, states: AtomStates) -> GraphBatch:
        return self._encode(states, None, removals=False)

    def _encode(self, states: AtomStates, padded: bool | None, *, removals: bool) -> GraphBatch:
        padded = states.device.type != "cpu" if padded is None else padded
        return encode(states, self._facts, self.spec, removals=removals, padded=padded)

    @cached_property
    def _shown(self) -> ShownAtoms:
        return ShownAtoms(self.start, self.tables, self.limits.max_atoms)

    def atom_sizes(self) -> tuple[int, int]:
        return self._shown.sizes

    def atom_graphs(self, states: AtomStates) -> AtomGraphs:
        return self._shown(states)

    def _arrays(self, states: AtomStates) -> list[tuple[np.ndarray, np.ndarray]]:
        """Types from 0 [n] and bonds [n, n] of each state."""
        types, bonds = states.types.cpu().numpy() - 1, states.bonds.cpu().numpy()
        sizes = (types >= 0).sum(1).tolist()
        return [(t[:n], b[:n, :n]) for t, b, n in zip(types, bonds, sizes, strict=True)]

    def objects(self, states: AtomStates) -> list[Molecule]:
        return [self.start.molecule(types, bonds) for types, bonds in self._arrays(states)]

    def keys(self, states: AtomStates) -> Sequence[Hashable]:
        return [canonical_form(types, bonds).key if len(types) else b"" for types, bonds in self._arrays(states)]

    def hashes(self, states: AtomStates) -> Tensor:
        return hashes(states)

    def log_symmetry(self, states: AtomStates, objects: list[Molecule]) -> Tensor:
        if self.symmetry == "none":
            return torch.zeros(len(states), dtype=torch.float64)
        if self.symmetry == "graph":
            return self.log_multiplicity(states)
        found = [self.reader.log_symmetry(m) if m.valid else None for m in objects]
        if None in found:  # no molecule, but a graph that may be symmetric
            own = self.log_multiplicity(states).tolist()
            found = [mine if x is None else x for x, mine in zip(found, own, strict=True)]
        return torch.tensor(found, dtype=torch.float64)

    def log_multiplicity(self, states: AtomStates) -> Tensor:
        counts = [canonical_form(t, b).automorphisms if len(t) else 1 for t, b in self._arrays(states)]
        return self.start.log_automorphisms - torch.tensor([float(c) for c in counts], dtype=torch.float64).log()

    def states_of(self, objects: list[Molecule]) -> AtomStates:
        return self._read(objects, None)

    def terminal_draws(self, objects: list[Molecule], seed: int = 0) -> tuple[AtomStates, Tensor]:
        states = self._read(objects, np.random.default_rng(seed))
        # states are drawn in proportion to c(t): c(t) / (c(t) / C(x)) = C(x)
        return states, torch.tensor([self.reader.log_symmetry(m) for m in objects], dtype=torch.float64)

    def _read(self, objects: list[Molecule], rng: np.random.Generator | None) -> AtomStates:
        states, reasons = self.reader.states(objects, rng)
        for row, (molecule, why) in enumerate(zip(objects, reasons, strict=True)):
            if why is not None:
                raise OutsideError(why, f"molecule {row + 1} ({molecule.smiles or '?'}): {why}")
        return states

    def enumeration_unavailable_reason(self) -> str | None:
        bound, options = float(1 if self.start.m else len(self.rules.types)), self.tables.n_adds
        for size in range(max(self.start.m, 1), self.limits.max_atoms):
            bound *= options * size / (size + 1)
            if bound > _MOST_LISTED:
                return (
                    f"graphs of up to {self.limits.max_atoms} atoms of {len(self.rules.types)} types are too many to "
                    f"list (more than {bound:.0e} ways to build one, apart from the order of atoms)"
                )
        return None


def _start(rules: AtomRules, scaffold: str | None, fill: Fill, link: str | None) -> Start:
    if scaffold is None:
        if fill or link is not None:
            raise ConfigError(f"{'fill' if fill else 'link'}: needs a scaffold, and there is none; set scaffold")
        return Start(rules)
    return Start(rules, Part.parse(scaffold, fill=fill), None if link is None else linked_part(link))
