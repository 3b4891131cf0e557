"""States as policies read them: the molecule as a graph of atoms, and what may be chosen."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from molgfn.environments.graphs import GraphBatch, GraphSpec
from molgfn.environments.plain_graphs import PlainGraphs
from molgfn.environments.reactions.molecules import (
    ATOM_FEATURES,
    BOND_FEATURES,
    BOND_TYPES,
    FINGERPRINT,
    NODE_TYPES,
)
from molgfn.environments.reactions.nodes import CHOICE, REACT, Nodes
from molgfn.environments.reactions.slots import Facts, SlotTables
from molgfn.errors import ContractError

#: atoms that one reaction may bring beside those of its blocks
_REAGENT_ATOMS = 16


@dataclass(frozen=True)
class ReactionSpec:
    """Sizes that a policy of reactions is built from.

    Attributes:
        graphs: of the graphs of atoms.
        slots: S.
        blocks: N.
        partners: P.
        fingerprint: bits of a fingerprint.
        reactions: L.
        condition: size of the encoded condition; 0 for none.
    """

    graphs: GraphSpec
    slots: int
    blocks: int
    partners: int
    fingerprint: int
    reactions: int
    condition: int = 0


@dataclass(frozen=True)
class Drawing:
    """The molecules of B states, which are drawn when somebody reads them.

    Attributes:
        nodes: that were met.
        numbers: int64 [B], of the states.
        facts: about them, on the CPU.
        spec: of the graphs.
        device: of the graphs.
    """

    nodes: Nodes
    numbers: np.ndarray
    facts: Facts
    spec: GraphSpec
    device: torch.device | str

    def graphs(self, *, whole: bool) -> GraphBatch:
        """Of choices the molecules before the reaction; the source has no atoms.

        Args:
            whole: of all states; otherwise those have no atoms either where nothing is left to choose but to stop.
        """
        molecules = self.nodes.columns(self.numbers)[:, 1]
        if not whole:
            molecules = np.where(self.facts.chooses.numpy(), molecules, -1)
        found = _graphs(self.nodes, molecules, self.facts.steps, self.spec)
        return found if torch.device(self.device).type == "cpu" else found.to(self.device)

    def to(self, device: torch.device | str) -> Self:
        return dataclasses.replace(self, device=device)


@dataclass(frozen=True)
class ReactionBatch:
    """B states.

    Attributes:
        drawing: the molecules.
        nodes: int64 [B] (numpy), by which the environment tells masks and ways back; only until its next ``initial``.
        slot: int64 [B], of a choice the slot that was filled; -1 elsewhere.
        partners: int64 [B, P], of a choice the blocks; -1 elsewhere.
        facts: what is legal, on the CPU.
        candidate_row: int64 [c], the choices, once for each product.
        candidate: int64 [c], number of the product.
        candidates: float [c, fingerprint], of the products.
        condition: float [B, condition]; None without one.
    """

    drawing: Drawing
    nodes: np.ndarray
    slot: Tensor
    partners: Tensor
    facts: Facts
    candidate_row: Tensor
    candidate: Tensor
    candidates: Tensor
    condition: Tensor | None = None

    @property
    def n_graphs(self) -> int:
        """B."""
        return len(self.nodes)

    def graphs(self, *, whole: bool = True) -> GraphBatch:
        """The molecules with the condition, see ``Drawing.graphs``; P_F alone does not need the ``whole``."""
        found = self.drawing.graphs(whole=whole)
        return found if self.condition is None else dataclasses.replace(found, condition=self.condition)

    def to(self, device: torch.device | str) -> Self:
        moved: dict[str, Any] = {
            f.name: value.to(device) if isinstance(value := getattr(self, f.name), Tensor | Drawing) else value
            for f in dataclasses.fields(self)
        }
        return type(self)(**moved)


@dataclass(frozen=True)
class WayBatch:
    """All ways back from B states, state by state.

    Attributes:
        row: int64 [l], the state.
        number: int64 [l], which of its ways.
        slot: int64 [l], the slot of the reaction that is taken back; -1 where a choice or a start is.
        partners: int64 [l, P], its blocks, or the block that was started from; -1 where there is none.
        before: float [l, fingerprint], of the molecule before; 0 for the source.
        counts: int64 [B], ways of each state.
    """

    row: Tensor
    number: Tensor
    slot: Tensor
    partners: Tensor
    before: Tensor
    counts: Tensor

    def to(self, device: torch.device | str) -> Self:
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in dataclasses.fields(self)})


def spec_of(tables: SlotTables, reactions: int, largest_block: int) -> ReactionSpec:
    """Sizes for a policy."""
    graphs = GraphSpec(
        node_types=NODE_TYPES,
        labels=1,
        relations=1,
        where=1,
        options=1,
        option_label=(0,),
        max_nodes=largest_block + reactions * (tables.partners * largest_block + _REAGENT_ATOMS),
        removals=1,
        node_features=ATOM_FEATURES + reactions + 1,
        edge_types=BOND_TYPES,
        edge_features=BOND_FEATURES,
    )
    slots, blocks = tables.fits.shape
    return ReactionSpec(graphs, slots, blocks, tables.partners, FINGERPRINT, reactions)


def encode(
    nodes: Nodes, numbers: np.ndarray, facts: Facts, spec: ReactionSpec, device: torch.device | str
) -> ReactionBatch:
    """Nodes by number, with what is known of them, on a device."""
    columns = nodes.columns(numbers)
    slot = torch.from_numpy(columns[:, 3].copy())
    partners = torch.full((len(numbers), spec.partners), -1)
    rows, number, products = [], [], []
    for row in (columns[:, 0] == CHOICE).nonzero()[0].tolist():
        node = nodes.nodes[numbers[row]]
        partners[row, : len(node.partners)] = torch.tensor(node.partners, dtype=torch.int64)
        for k, smiles in enumerate(node.products):
            rows.append(row)
            number.append(k)
            products.append(nodes.table.number(smiles))
    real = torch.get_default_dtype()
    batch = ReactionBatch(
        drawing=Drawing(nodes, numbers, facts, spec.graphs, "cpu"),
        nodes=numbers,
        slot=slot,
        partners=partners,
        facts=facts,
        candidate_row=torch.tensor(rows, dtype=torch.int64),
        candidate=torch.tensor(number, dtype=torch.int64),
        candidates=torch.from_numpy(nodes.table.fingerprints(np.array(products, dtype=np.int64))).to(real),
    )
    return batch if torch.device(device).type == "cpu" else batch.to(device)


def encode_ways(nodes: Nodes, numbers: np.ndarray, spec: ReactionSpec, device: torch.device | str) -> WayBatch:
    """All ways back from nodes by number."""
    counts, slot, partners, before = [], [], [], []
    blank = (-1,) * spec.partners
    for node in numbers.tolist():
        ways = nodes.ways(node)
        counts.append(len(ways))
        for way in ways:
            there, (what, *rest) = nodes.nodes[way.node], way.action
            blocks = there.partners if there.kind == CHOICE else tuple(rest)
            slot.append(there.slot if there.kind == CHOICE else what - REACT if what >= REACT else -1)
            partners.append((*blocks, *blank[len(blocks) :]))
            before.append(there.molecule)
    count = torch.tensor(counts, dtype=torch.int64)
    row = torch.repeat_interleave(torch.arange(len(counts)), count)
    at = np.array(before, dtype=np.int64)
    prints = torch.zeros(len(at), spec.fingerprint)
    there = (at >= 0).nonzero()[0]
    prints[torch.from_numpy(there)] = torch.from_numpy(nodes.table.fingerprints(at[there])).to(prints.dtype)
    batch = WayBatch(
        row=row,
        number=torch.arange(len(row)) - (count.cumsum(0) - count)[row],
        slot=torch.tensor(slot, dtype=torch.int64),
        partners=torch.tensor(partners, dtype=torch.int64).reshape(-1, spec.partners),
        before=prints,
        counts=count,
    )
    return batch if torch.device(device).type == "cpu" else batch.to(device)


def _graphs(nodes: Nodes, molecules: np.ndarray, steps: Tensor, spec: GraphSpec) -> GraphBatch:
    """Packed graphs of molecules by number; -1 is the empty one."""
    table, real = nodes.table, torch.get_default_dtype()
    there = (molecules >= 0)[:, None]
    table.draw(molecules[molecules >= 0])
    at = np.maximum(molecules, 0)
    types = np.where(there, table.types[at], -1)
    bonded = np.where(there, table.ends[at, :, 0], -1) >= 0
    atoms, bonds = int((types >= 0).sum(1).max(initial=0)), int(bonded.sum(1).max(initial=0))
    if atoms > spec.max_nodes:
        raise ContractError(f"Reactions: a molecule has {atoms} atoms, and {spec.max_nodes} were taken to be the most")
    types, bonded = types[:, :atoms], bonded[:, :bonds]
    batch = len(molecules)
    counted = functional.one_hot(steps, spec.node_features - ATOM_FEATURES).to(real)[:, None].expand(-1, atoms, -1)
    features = torch.from_numpy(table.atoms[at, :atoms]).to(real)
    features[:, :, 1:3] /= 4
    bond = torch.from_numpy(table.bonds[at, :bonds])
    none = torch.zeros(batch, 0, 3, dtype=torch.int64)
    nothing = torch.zeros(batch, 0, dtype=torch.bool)
    found = PlainGraphs(
        node_mask=torch.from_numpy(types >= 0),
        node_type=torch.from_numpy(types.astype(np.int64)),
        node_features=torch.cat([features, counted], 2),
        edges=torch.from_numpy(table.ends[at, :bonds].astype(np.int64)),
        edge_mask=torch.from_numpy(bonded),
        edge_type=bond[:, :, 0].long(),
        edge_features=bond[:, :, 1:].to(real),
        sites=none,
        site_mask=nothing,
        removals=none,
        removal_mask=nothing,
        stop_mask=torch.zeros(batch, dtype=torch.bool),
        option_mask=torch.ones(1, 1, dtype=torch.bool),
    ).batch(padded=False)
    return dataclasses.replace(found, max_nodes=spec.max_nodes)  # one number, by which recorded nodes are found again
