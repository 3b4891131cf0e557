"""Molecules that can be made: a block, then reactions with further blocks; every molecule comes with its route."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from rdkit import Chem
from torch import Tensor

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reactions.inverse import Inverse
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.loading import load_library
from molgfn.chemistry.reactions.route import Route
from molgfn.chemistry.reactions.step import Step
from molgfn.chemistry.reading.identity import canonical_smiles, unusual
from molgfn.environments.actions import ActionsInParts
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.reactions.encoding import (
    ReactionBatch,
    ReactionSpec,
    WayBatch,
    encode,
    encode_ways,
    spec_of,
)
from molgfn.environments.reactions.molecules import MoleculeTable, fingerprint
from molgfn.environments.reactions.nodes import MOLECULE, REACT, SOURCE, STOP, Nodes
from molgfn.environments.reactions.restricting import restricted
from molgfn.environments.reactions.slots import Facts, SlotTables
from molgfn.environments.reactions.states import ReactionStates, RouteLayout
from molgfn.environments.reactions.told import told
from molgfn.environments.recipes import HasRecipes, Recipe
from molgfn.errors import ConfigError, ContractError, OutsideError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE as MOLECULE_KIND
from molgfn.paths import NamedInput

#: most products of one reaction, and most ways back from one molecule; more is an error, not a cut
MOST_PRODUCTS, MOST_WAYS = 256, 4096
#: actions from all states together up to which spaces are listed
_MOST_LISTED = 2e6


class Reactions(ActionsInParts, HasRecipes, Enumerable):
    """Start from a block of a library, run one reaction after the other with further blocks, stop.

    A forward action is (what, then P partners), P being 1, or 2 where a reaction of the library has three reactants:
    what = 0 stops; 1 starts from the block in the first partner part; 2 takes the product in the first partner part,
    where the reaction that was run can give several; 3 + s runs the reaction of slot s, which the molecule fills, with
    the partners in its other slots in their order. Parts without meaning are 0. A backward action is one of the ways
    back, by number.

    A state is a molecule after a number of reactions, or a reaction whose product is still to be chosen; with
    ``state`` "route" it is the whole route. Which slots a molecule fits is a look-up; RDKit runs a reaction once, when
    it is first met, and inverts molecules to find the ways back: those reactions that give the molecule again and
    leave one from which a block can be reached in the steps that are left. So no walk backward is stuck, and a walk
    forward may stop where nothing can be run.

    P_F and P_B count the same edges, and each molecule is as many terminal states as there are numbers of reactions
    by which it can be made, which ``log_symmetry`` takes off log R(x).

    Args:
        library: "textbook", "scent_small", another name, a folder, or its content (see docs/reactions.md).
        only_reactions: names or families of the reactions that are used; None: all.
        only_blocks: ids or SMILES of the blocks that are used; None: all.
        max_reactions: L, most reactions of a route, 1 to 4.
        min_reactions: fewest reactions after which the policy may stop, at most L; it may always stop where nothing
            can be run.
        state: "molecule": exact where the library's templates can be inverted exactly; "route": each route is a state
            of its own, P_B is deterministic; None: "molecule" where the library says that inversion is exact.
        symmetry: correction taken off log R(x) so that P_T over *molecules* is proportional to R: "molecule" (the
            number of lengths at which a molecule may stop, or of routes where routes are states; with routes it is as
            exact as the inversion), "none".
        remembered: molecules up to which what was found is kept; beyond that all is forgotten, and found again.

    Reference: Koziarski et al. 2024, arXiv 2406.08506 (RGFN), for the actions; the correction is ours.
    """

    kind: ClassVar[ObjectKind] = MOLECULE_KIND
    encoding: ClassVar[str] = "reactions"
    counts_paths = True

    def __init__(
        self,
        *,
        library: NamedInput | dict[str, Any] = "textbook",
        only_reactions: list[str] | None = None,
        only_blocks: list[str] | None = None,
        max_reactions: Annotated[int, Field(ge=1, le=4)] = 2,
        min_reactions: Annotated[int, Field(ge=0, le=4)] = 1,
        state: Literal["molecule", "route"] | None = None,
        symmetry: Literal["molecule", "none"] = "molecule",
        remembered: Annotated[int, Field(ge=1000)] = 200_000,
    ) -> None:
        if min_reactions > max_reactions:
            raise ConfigError(f"min_reactions ({min_reactions}) is above max_reactions ({max_reactions})")
        found = ReactionLibrary.from_plain(library) if isinstance(library, Mapping) else load_library(library)
        found = restricted(found, only_reactions, only_blocks)
        self.library: ReactionLibrary = found
        self.max_reactions, self.min_reactions, self.symmetry = max_reactions, min_reactions, symmetry
        self.state = state or ("molecule" if found.inversion_exact else "route")
        self.corrects_symmetry = symmetry == "molecule" and (self.state == "molecule" or bool(found.inversion_exact))
        self.remembered = remembered
        self.tables = tables = SlotTables(found)
        if not tables.starts.any():
            raise ConfigError(
                f"library: none of the {len(found.blocks)} blocks of {found.about.name} fits a reaction whose other "
                "slots have blocks, so nothing can be started; see `molgfn reactions check`"
            )
        self.layout = RouteLayout(max_reactions, tables.partners)
        self.molecules = MoleculeTable(found, tables.open)
        self.inverse = Inverse(found, tables.starts)
        self.nodes = Nodes(found, self.layout, self.molecules, self.inverse, self.state)
        self._weighers: dict[Hashable, Callable[[str, int], np.ndarray]] = {}
        self._weighed: dict[Hashable, dict[int, np.ndarray]] = {}
        self.parts = (REACT + len(found.slots), *[max(len(found.blocks), MOST_PRODUCTS)] * tables.partners)
        self.backward_parts = (MOST_WAYS,)
        self.max_steps = 2 + 2 * max_reactions
        self.spec: ReactionSpec = spec_of(
            tables, max_reactions, max(found.molecule(block.smiles).GetNumAtoms() for block in found.blocks)
        )

    # ------------------------------------------------------------------ states and transitions

    def initial(self, n: int, device: torch.device | str = "cpu") -> ReactionStates:
        if len(self.molecules) > self.remembered:  # between rollouts: numbers of nodes live no longer than a call
            for part in (self.nodes, self.molecules, self.inverse):
                part.clear()
            self._weighers.clear()
            self._weighed.clear()
        return self.layout.source(n, device)

    def _actions(self, actions: Tensor) -> list[tuple[int, ...]]:
        """Each action without the parts that have no meaning."""
        columns = actions.cpu().numpy()
        lengths = 1 + self.tables.meaning[columns[:, 0]]
        return [tuple(row[:n]) for row, n in zip(columns.tolist(), lengths.tolist(), strict=True)]

    def step(self, states: ReactionStates, actions: Tensor) -> ReactionStates:
        nodes = self.nodes.find(states.route).tolist()
        routes: list[Any] = states.route.tolist()
        for row, (node, move) in enumerate(zip(nodes, self._actions(actions), strict=True)):  # a look-up for each
            if move[0] != STOP:
                here, after = self.nodes.nodes[node], self.nodes.nodes[self.nodes.follow(node, move)]
                routes[row] = self.nodes.extended(tuple(routes[row]), here.steps, move, after.kind)
        return ReactionStates(torch.tensor(routes, dtype=torch.int64, device=states.device).view_as(states.route))

    def undo(self, states: ReactionStates, backward_actions: Tensor) -> ReactionStates:
        nodes = self.nodes.find(states.route).tolist()
        numbers = backward_actions[:, 0].tolist()
        before = [self.nodes.ways(node)[k].node for node, k in zip(nodes, numbers, strict=True)]
        return ReactionStates(self.nodes.routes(before).to(states.device))

    def is_exit(self, states: ReactionStates, actions: Tensor) -> Tensor:
        return actions[:, 0] == STOP

    def exit_action(self, states: ReactionStates) -> Tensor:
        return torch.zeros(len(states), len(self.parts), dtype=torch.int64, device=states.device)

    def backward_action(self, states: ReactionStates, actions: Tensor, next_states: ReactionStates) -> Tensor:
        before, after = self.nodes.find(states.route).tolist(), self.nodes.find(next_states.route).tolist()
        moves = self._actions(actions)
        numbers = [
            0 if move[0] == STOP else self.nodes.number_of(there, here, move)
            for here, there, move in zip(before, after, moves, strict=True)
        ]
        return torch.tensor(numbers, dtype=torch.int64, device=actions.device)[:, None]

    def forward_action(self, states: ReactionStates, backward_actions: Tensor, previous: ReactionStates) -> Tensor:
        nodes, numbers = self.nodes.find(states.route).tolist(), backward_actions[:, 0].tolist()
        actions = [self.nodes.ways(node)[k].action for node, k in zip(nodes, numbers, strict=True)]
        rows = [(*action, *(0,) * (len(self.parts) - len(action))) for action in actions]
        return torch.tensor(rows, dtype=torch.int64, device=backward_actions.device).view(-1, len(self.parts))

    def is_initial(self, states: ReactionStates) -> Tensor:
        return states.route[:, 0] < 0

    # ------------------------------------------------------------------ what is legal

    def stop_mask(self, states: ReactionStates) -> Tensor:
        return self.tables.may_stop(self._facts(states)).to(states.device)

    def has_object(self, states: ReactionStates) -> Tensor:
        kind = torch.from_numpy(self.nodes.columns(self.nodes.find(states.route))[:, 0]).to(states.device)
        return (kind == MOLECULE) | self.stop_mask(states)

    def _facts(self, states: ReactionStates) -> Facts:
        return self.facts(self.nodes.find(states.route))

    def facts(self, nodes: np.ndarray) -> Facts:
        """What masks are made of, for nodes by number (see ``ReactionBatch.nodes``), on the CPU."""
        return Facts.of(self.nodes, nodes, self.min_reactions, self.max_reactions)

    def part_mask(self, states: ReactionStates, chosen: Tensor) -> Tensor:
        return self.tables.part(self._facts(states), chosen.cpu(), self.parts).to(states.device)

    def backward_part_mask(self, states: ReactionStates, chosen: Tensor) -> Tensor:
        count = self.way_counts(self.nodes.find(states.route)).to(states.device)
        return torch.arange(MOST_WAYS, device=states.device) < count[:, None]

    def way_counts(self, nodes: np.ndarray) -> Tensor:
        """int64 [B], numbers of ways back."""
        counts = [len(self.nodes.ways(node)) for node in nodes.tolist()]
        if counts and max(counts) > MOST_WAYS:
            raise ContractError(
                f"Reactions: a molecule can be made in {max(counts)} ways; at most {MOST_WAYS} are told"
            )
        return torch.tensor(counts, dtype=torch.int64)

    def way_weights(self, states: ReactionStates, weights: Any) -> list[np.ndarray]:
        """log w of all ways back from each state by ``way_weights.WayWeights``, float64 [ways of each]."""
        if weights not in self._weighers:
            self._weighers[weights] = weights.weigher(self)
        weigh, known = self._weighers[weights], self._weighed.setdefault(weights, {})
        found = []
        for number in self.nodes.find(states.route).tolist():
            if number not in known:
                node = self.nodes.nodes[number]
                reacted = node.kind == MOLECULE and node.steps > 0  # elsewhere there is one way, or none
                smiles = self.molecules.smiles[node.molecule]
                known[number] = weigh(smiles, node.steps) if reacted else np.zeros(len(self.nodes.ways(number)))
            found.append(known[number])
        return found

    def n_backward(self, states: ReactionStates) -> Tensor:
        return self.way_counts(self.nodes.find(states.route)).to(states.device)

    # ------------------------------------------------------------------ what policies and people see

    def encode(self, states: ReactionStates) -> ReactionBatch:
        """On the device of the states."""
        nodes = self.nodes.find(states.route)
        return encode(self.nodes, nodes, self.facts(nodes), self.spec, states.device)

    def ways_of(self, batch: ReactionBatch, device: torch.device | str = "cpu") -> WayBatch:
        """All ways back from encoded states, on a device."""
        self.way_counts(batch.nodes)
        return encode_ways(self.nodes, batch.nodes, self.spec, device)

    def legal_part(self, facts: Facts, chosen: Tensor) -> Tensor:
        """``part_mask`` of encoded states, on the device of ``chosen``."""
        return self.tables.part(facts, chosen.cpu(), self.parts).to(chosen.device)

    @cached_property
    def block_fingerprints(self) -> Tensor:
        """uint8 [N, fingerprint], of the blocks."""
        rows = [fingerprint(self.library.molecule(block.smiles)) for block in self.library.blocks]
        return torch.from_numpy(np.array(rows, dtype=np.uint8))

    def routes(self, states: ReactionStates) -> list[Route]:
        """The route that each state is, as far as it goes.

        Raises:
            ValueError: of the source, which has none.
        """
        return [self._route(tuple(row)) for row in states.route.tolist()]

    def _route(self, row: tuple[int, ...]) -> Route:
        if row[0] < 0:
            raise ValueError("the source has no route yet")
        library, block = self.library, self.library.blocks[row[0]].smiles
        steps, present = [], block
        for slot, partners, product in self.layout.moves(row):
            reaction, place = library.slots[slot]
            blocks = [library.blocks[p].smiles for p in partners]
            reactants = (*blocks[:place], present, *blocks[place:])
            if product >= 0:
                present = library.products(reaction, reactants)[product]
                steps.append(Step(reaction, reactants, present))
        return Route(block, tuple(steps))

    def build_steps(self, states: ReactionStates, actions: Tensor) -> list[BuildStep]:
        return told(self.nodes, self.nodes.find(states.route).tolist(), self._actions(actions))

    def recipes(self, states: ReactionStates) -> list[Recipe]:
        return [self._recipe(route) for route in self.routes(states)]

    def _recipe(self, route: Route) -> Recipe:
        try:
            cost = route.cost(self.library)
        except ValueError:  # a block has no price
            cost = float("nan")
        numbers = {"steps": route.n_steps, "cost": cost}
        return Recipe(route.text(self.library), route.record(self.library), numbers)

    def objects(self, states: ReactionStates) -> list[Molecule]:
        out = []
        for node in (self.nodes.nodes[k] for k in self.nodes.find(states.route).tolist()):
            if node.kind == MOLECULE:
                smiles = self.molecules.smiles[node.molecule]
                known = Chem.Mol(self.library.molecule(smiles))  # a copy, for who asked may change it
                is_plain = not unusual(smiles)
                out.append(Molecule(known, canonical_smiles(known)) if is_plain else Molecule.from_smiles(smiles))
                continue
            reaction = self.library.reactions[self.library.slots[node.slot][0]].name
            out.append(Molecule.failed(f"the reaction gives nothing: {reaction}"))
        return out

    # ------------------------------------------------------------------ states that are told apart

    def keys(self, states: ReactionStates) -> Sequence[Hashable]:
        if self.state == "route":
            return [tuple(row) for row in states.route.tolist()]
        nodes = [self.nodes.nodes[k] for k in self.nodes.find(states.route).tolist()]
        names = self.molecules.smiles
        return [(n.kind, n.steps, names[n.molecule] if n.kind else "", n.slot, n.partners) for n in nodes]

    def log_path_count(self, states: ReactionStates) -> Tensor:
        if self.state == "route":
            return torch.zeros(len(states), dtype=torch.float64, device=states.device)
        counts = []
        for node in (self.nodes.nodes[k] for k in self.nodes.find(states.route).tolist()):
            known = node.kind == SOURCE or self.inverse.routes(self.molecules.smiles[node.molecule], node.steps)
            counts.append(float(known))
        return torch.tensor(counts, dtype=torch.float64, device=states.device).log()

    def lengths(self, smiles: str) -> list[int]:
        """Numbers of reactions after which a molecule may stop and by which it can be made, by canonical SMILES."""
        # where nothing can be run it may stop earlier, which matters from two reactions on
        stuck = self.min_reactions > 1 and not self.molecules.fits(np.array([self.molecules.number(smiles)])).any()
        numbers = range(self.max_reactions + 1)
        may = [n for n in numbers if n >= self.min_reactions or (stuck and n > 0)]
        # the longest first: its candidates hold those of the shorter ones, which need not be proposed once more
        return [n for n in reversed(may) if self.inverse.can_be_made(smiles, n)][::-1]

    def log_symmetry(self, states: ReactionStates, objects: list[Molecule]) -> Tensor:
        if self.symmetry == "none":
            return torch.zeros(len(states), dtype=torch.float64)
        counts = [float(max(self._terminals(m.smiles), 1)) if m.valid else 1.0 for m in objects]
        return torch.tensor(counts, dtype=torch.float64).log()

    def _terminals(self, smiles: str) -> int:
        """How many terminal states are this molecule."""
        lengths = self.lengths(smiles)
        return len(lengths) if self.state == "molecule" else sum(self.inverse.routes(smiles, n) for n in lengths)

    def states_of(self, objects: list[Molecule]) -> ReactionStates:
        return self._read(objects, None)

    def terminal_draws(self, objects: list[Molecule], seed: int = 0) -> tuple[ReactionStates, Tensor]:
        states = self._read(objects, np.random.default_rng(seed))
        counts = torch.tensor([float(self._terminals(m.smiles)) for m in objects], dtype=torch.float64)
        return states, counts.log()

    def _read(self, objects: list[Molecule], rng: np.random.Generator | None) -> ReactionStates:
        """A terminal state of each molecule: of the fewest reactions, or drawn evenly from all."""
        rows = [self._terminal(molecule, row, rng) for row, molecule in enumerate(objects, start=1)]
        return ReactionStates(torch.tensor(rows, dtype=torch.int64).reshape(-1, self.layout.width))

    def _terminal(self, molecule: Molecule, row: int, rng: np.random.Generator | None) -> tuple[int, ...]:
        smiles = molecule.smiles
        lengths = self.lengths(smiles) if molecule.valid else []
        if not lengths:
            why = molecule.problem or (
                f"no route of {self.min_reactions} to {self.max_reactions} reactions of {self.library.about.name} "
                "leads to it"
            )
            raise OutsideError(why, f"molecule {row} ({smiles or '?'}): {why}")
        if self.state == "molecule":
            steps = lengths[0] if rng is None else int(rng.choice(lengths))
            return self.nodes.route(self.nodes.at(smiles, steps))
        weights = np.array([self.inverse.routes(smiles, n) for n in lengths], dtype=np.float64)
        steps = lengths[0] if rng is None else int(rng.choice(lengths, p=weights / weights.sum()))
        return self._drawn_route(smiles, steps, rng)

    def _drawn_route(self, smiles: str, steps: int, rng: np.random.Generator | None) -> tuple[int, ...]:
        """A route of so many reactions to a molecule: the first, or one of all with equal probability."""
        if steps == 0:
            return self.layout.started(self.library.block_index(smiles))  # type: ignore[arg-type]
        origins = self.inverse.origins(smiles, steps)
        weights = np.array([self.inverse.routes(o.previous, steps - 1) for o in origins], dtype=np.float64)
        o = origins[0 if rng is None else int(rng.choice(len(origins), p=weights / weights.sum()))]
        route = self._drawn_route(o.previous, steps - 1, rng)
        return self.layout.run(route, steps - 1, o.slot, o.partners, o.product)

    def enumeration_unavailable_reason(self) -> str | None:
        bound = self.tables.n_actions * self.tables.most_actions ** (self.max_reactions - 1)
        if bound <= _MOST_LISTED:
            return None
        return (
            f"up to {self.max_reactions} reactions of {len(self.library.reactions)} templates and "
            f"{len(self.library.blocks)} blocks are too many to list (up to {bound:.0e} steps)"
        )

    def portable(self) -> dict[str, Any]:
        return {"library": dict(self.library.plain()), "only_reactions": None, "only_blocks": None}
