"""The states that were met and the steps between them, each found once and then looked up.

A batch of routes becomes node numbers by one look-up each, and everything else about a batch is gathered by these
numbers. They mean nothing outside this process, so nothing keeps them: states are routes (see ``states``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from molgfn.chemistry.reactions.inverse import Inverse, Origin
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.environments.reactions.molecules import MoleculeTable
from molgfn.environments.reactions.states import RouteLayout
from molgfn.errors import ContractError

#: kinds of nodes: nothing yet; a molecule; a reaction that was run and one of whose products is to be chosen
SOURCE, MOLECULE, CHOICE = range(3)
#: first part of an action: leave, start from a block, choose a product; then slots
STOP, START, CHOOSE, REACT = range(4)

Action = tuple[int, ...]


@dataclass(slots=True)
class Way:
    """One way back: the node before, and the action that leads from there to here."""

    node: int
    action: Action


@dataclass(slots=True)
class Node:
    """One state.

    Attributes:
        kind: ``SOURCE``, ``MOLECULE`` or ``CHOICE``.
        molecule: number of the molecule, of a choice that before the reaction; -1 at the source.
        steps: reactions that were run, of a choice those before it.
        slot: of a choice, that of the reaction.
        partners: of a choice.
        products: of a choice, canonical SMILES; none where the reaction fails.
        route: a route to it that is the same in every process; None where nobody asked yet.
        ways: all ways back; None where nobody asked yet.
        number: (node before, action) -> which of ``ways``.
    """

    kind: int
    molecule: int = -1
    steps: int = 0
    slot: int = -1
    partners: tuple[int, ...] = ()
    products: tuple[str, ...] = ()
    route: tuple[int, ...] | None = None
    ways: list[Way] | None = None
    number: dict[tuple[int, Action], int] = field(default_factory=dict)


class Nodes:
    """All nodes that were met, and what leads where.

    Args:
        library: blocks and reactions.
        layout: of routes.
        table: of molecules.
        inverse: says from where a molecule can have come.
        state: "molecule": a molecule after a number of reactions is one state, whatever the route; "route": each route
            is a state of its own.
    """

    def __init__(
        self,
        library: ReactionLibrary,
        layout: RouteLayout,
        table: MoleculeTable,
        inverse: Inverse,
        state: Literal["molecule", "route"],
    ) -> None:
        self.library, self.layout, self.table, self.inverse, self.state = library, layout, table, inverse, state
        self.clear()

    def clear(self) -> None:
        """Forget all but the source."""
        self.nodes: list[Node] = []
        self._columns = np.zeros((64, 4), dtype=np.int64)
        self._of_key: dict[tuple[object, ...], int] = {}
        self._of_route: dict[bytes, int] = {}
        self._next: dict[tuple[int, Action], int] = {}
        self._add(Node(SOURCE, route=self.layout.empty(), ways=[]))

    # ------------------------------------------------------------------ finding

    def find(self, routes: Tensor) -> np.ndarray:
        """Node numbers int64 [B] of routes int64 [B, W].

        Raises:
            ContractError: a route that cannot be run.
        """
        rows = np.ascontiguousarray(routes.cpu().numpy())
        size, flat = rows.shape[1] * rows.itemsize, rows.tobytes()
        keys = [flat[k : k + size] for k in range(0, len(flat), size)]
        known = self._of_route
        found = [known.get(key, -1) for key in keys]
        for row, node in enumerate(found):
            if node < 0:  # replayed once, by whoever brings it
                found[row] = known[keys[row]] = self._replay(tuple(rows[row].tolist()))
        return np.array(found, dtype=np.int64)

    def _replay(self, route: tuple[int, ...]) -> int:
        if route[0] < 0:
            return 0
        node = self.follow(0, (START, route[0]))
        for slot, partners, product in self.layout.moves(route):
            node = self.follow(node, (REACT + slot, *partners))
            if self.nodes[node].kind == CHOICE and product >= 0:
                node = self.follow(node, (CHOOSE, product))
        return node

    def columns(self, nodes: np.ndarray) -> np.ndarray:
        """int64 [B, 4]: kind, molecule, steps, and slot of a choice."""
        return self._columns[nodes]

    # ------------------------------------------------------------------ forward

    def follow(self, node: int, action: Action) -> int:
        """The node that an action leads to; ``action`` without parts that have no meaning."""
        key = (node, action)
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = self._follow(self.nodes[node], node, action)
        return found

    def _follow(self, here: Node, number: int, action: Action) -> int:
        what, *rest = action
        if what == START:
            return self._molecule(self.library.blocks[rest[0]].smiles, 0, number, action)
        if what == CHOOSE:
            if rest[0] >= len(here.products):
                raise ContractError(f"Reactions: product {rest[0]} is chosen of {len(here.products)}")
            return self._molecule(here.products[rest[0]], here.steps + 1, number, action)
        slot, partners = what - REACT, tuple(rest)
        reaction, place = self.library.slots[slot]
        blocks = [self.library.blocks[p].smiles for p in partners]
        reactants = (*blocks[:place], self.table.smiles[here.molecule], *blocks[place:])
        products = self.library.products(reaction, reactants)
        if len(products) == 1:
            return self._molecule(products[0], here.steps + 1, number, action)
        return self._choice(here.molecule, here.steps, slot, partners, products, number, action)

    def _molecule(self, smiles: str, steps: int, before: int, action: Action) -> int:
        return self._known((smiles, steps), Node(MOLECULE, steps=steps), smiles, before, action)

    def _choice(
        self,
        molecule: int,
        steps: int,
        slot: int,
        partners: tuple[int, ...],
        products: tuple[str, ...],
        before: int,
        action: Action,
    ) -> int:
        smiles = self.table.smiles[molecule]
        node = Node(CHOICE, steps=steps, slot=slot, partners=partners, products=products)
        return self._known((smiles, steps, slot, partners), node, smiles, before, action)

    def _known(self, key: tuple[object, ...], node: Node, smiles: str, before: int, action: Action) -> int:
        """The number of the node with this key, which is ``node`` where it is new."""
        if self.state == "route":
            node.route = self.extended(self.route(before), self.nodes[before].steps, action, node.kind)
            node.ways = [Way(before, action)]
            key = node.route
        found = self._of_key.get(key)
        if found is None:
            node.molecule = self.table.number(smiles)
            found = self._of_key[key] = self._add(node)
            self._numbered(node)
        return found

    def _add(self, node: Node) -> int:
        row = len(self.nodes)
        if row == len(self._columns):
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)])
        self._columns[row] = node.kind, node.molecule, node.steps, node.slot
        self.nodes.append(node)
        return row

    def extended(self, route: tuple[int, ...], steps: int, action: Action, kind: int) -> tuple[int, ...]:
        """``route`` of ``steps`` reactions after an action that leads to a node of this ``kind``."""
        what, *rest = action
        if what == START:
            return self.layout.started(rest[0])
        if what == CHOOSE:
            return self.layout.taken(route, steps, rest[0])
        return self.layout.run(route, steps, what - REACT, tuple(rest), -1 if kind == CHOICE else 0)

    # ------------------------------------------------------------------ backward

    def ways(self, number: int) -> list[Way]:
        """All ways back from a node, in an order that is the same in every process."""
        node = self.nodes[number]
        if node.ways is None:
            node.ways = self._ways(node)
            self._numbered(node)
        return node.ways

    def _numbered(self, node: Node) -> None:
        if node.ways:
            node.number = {(way.node, way.action): k for k, way in enumerate(node.ways)}

    def _ways(self, node: Node) -> list[Way]:
        smiles = self.table.smiles[node.molecule]
        if node.kind == CHOICE:
            return [Way(self.at(smiles, node.steps), (REACT + node.slot, *node.partners))]
        if node.steps == 0:
            block = self.library.block_index(smiles)
            return [] if block is None else [Way(0, (START, block))]
        return [self._way(origin, node.steps) for origin in self.inverse.origins(smiles, node.steps)]

    def _way(self, origin: Origin, steps: int) -> Way:
        before, action = self.at(origin.previous, steps - 1), (REACT + origin.slot, *origin.partners)
        if origin.products == 1:
            return Way(before, action)
        return Way(self.follow(before, action), (CHOOSE, origin.product))

    def at(self, smiles: str, steps: int) -> int:
        """The node of a molecule after so many reactions, where states are molecules."""
        return self._known((smiles, steps), Node(MOLECULE, steps=steps), smiles, 0, ())

    def number_of(self, node: int, before: int, action: Action) -> int:
        """Which of the ways back from ``node`` undoes ``action`` at ``before``.

        Raises:
            ContractError: none does: the library's inversion misses a reaction that it has run itself.
        """
        self.ways(node)
        here = self.nodes[node]
        found = here.number.get((before, action))
        if found is None:
            reaction = self.library.reactions[self.library.slots[max(action[0] - REACT, 0)][0]]
            raise ContractError(
                f"Reactions: {self.table.smiles[here.molecule]} was made by {reaction.name}, which its inversion does "
                "not find: set environment.state to route, as inversion is not exact for this library"
            )
        return found

    def route(self, node: int) -> tuple[int, ...]:
        """One route to a node, the same in every process."""
        here = self.nodes[node]
        if here.route is None:
            way = self.ways(node)[0]
            here.route = self.extended(self.route(way.node), self.nodes[way.node].steps, way.action, here.kind)
        return here.route

    def routes(self, nodes: Sequence[int]) -> Tensor:
        """int64 [B, W]."""
        rows = [self.route(node) for node in nodes]
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, self.layout.width)
