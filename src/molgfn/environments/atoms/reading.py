"""Molecules back into graphs of atoms: a Kekule form of each, around the scaffold where there is one, and log C(x)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from molgfn.chemistry.atoms.arrays import arrays_of
from molgfn.chemistry.atoms.kekule import KekuleForms, log_symmetry
from molgfn.chemistry.atoms.placements import Placement, Placements
from molgfn.chemistry.molecules import Molecule
from molgfn.environments.atoms.growth import GrowthTables
from molgfn.environments.atoms.legal import Facts, Limits
from molgfn.environments.atoms.starts import Start
from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.atoms.violations import violations

#: types from 0 [n] and orders [n, n], or the reason why there are none
Graph = tuple[np.ndarray, np.ndarray] | str
_MOST_KNOWN = 1 << 18


class Reader:
    """Reads molecules under the rules of an environment.

    Args:
        start: what molecules begin with.
        tables, limits: the rules.
        most_atoms: most heavy atoms of a molecule, for messages (a linked part is one slot of ``limits``).
    """

    def __init__(self, start: Start, tables: GrowthTables, limits: Limits, most_atoms: int) -> None:
        self._start, self._tables, self._limits = start, tables, limits
        self._too_large = f"more atoms than max_atoms ({most_atoms})"
        self._log_counts: dict[str, float] = {}

    def states(
        self, molecules: Sequence[Molecule], rng: np.random.Generator | None
    ) -> tuple[AtomStates, list[str | None]]:
        """A state of each molecule, and why there is none (its row is then empty, or breaks a rule).

        Args:
            molecules: valid or not.
            rng: draws Kekule forms and where the scaffold lies, each pair in proportion to c(state); None takes the
                first.
        """
        return self._checked([self._form(molecule, rng) for molecule in molecules])

    def log_symmetry(self, molecule: Molecule) -> float:
        """log C(x), remembered by SMILES; -inf where the parts do not lie in a molecule, 0 where it is none."""
        if molecule.mol is None:
            return 0.0
        found = self._log_counts.get(molecule.smiles)
        if found is None:
            found = self._around(molecule) if self._start.m else log_symmetry(molecule.mol)
            if len(self._log_counts) >= _MOST_KNOWN:
                self._log_counts.clear()
            self._log_counts[molecule.smiles] = found
        return found

    def _form(self, molecule: Molecule, rng: np.random.Generator | None) -> Graph:
        if molecule.mol is None:
            return f"no molecule ({molecule.problem})"
        if not self._start.m:
            found = arrays_of(molecule, self._start.rules)
            if rng is None or isinstance(found, str):
                return found
            return found[0], KekuleForms(molecule.mol, found[1]).draw(rng)
        placed = self._start.placements(molecule.mol)
        if isinstance(placed, str):
            return placed
        placements, known = placed
        legal, reason = self._legal(placements, known)
        if not legal:
            return reason
        chosen = legal[0]
        if rng is not None:
            weights = np.array([placement.forms for placement in legal], dtype=np.float64)
            chosen = legal[int(rng.choice(len(legal), p=weights / weights.sum()))]
        return self._start.nodes(known, placements.form(chosen, rng), chosen)

    def _around(self, molecule: Molecule) -> float:
        placed = "no molecule" if molecule.mol is None else self._start.placements(molecule.mol)
        if isinstance(placed, str):
            return -math.inf
        placements, known = placed
        return placements.log_symmetry(self._legal(placements, known)[0])

    def _legal(self, placements: Placements, known: np.ndarray) -> tuple[list[Placement], str]:
        """The placements whose graph obeys the rules, and what the first of the others breaks."""
        graphs = [self._start.nodes(known, placements.form(p, None), p) for p in placements.found]
        _, reasons = self._checked(graphs)
        legal = [p for p, reason in zip(placements.found, reasons, strict=True) if reason is None]
        return legal, next((reason for reason in reasons if reason is not None), "")

    def _checked(self, graphs: Sequence[Graph]) -> tuple[AtomStates, list[str | None]]:
        width = self._limits.max_atoms
        types = torch.zeros(len(graphs), width, dtype=torch.int64)
        bonds = torch.zeros(len(graphs), width, width, dtype=torch.int8)
        reasons: list[str | None] = []
        for row, graph in enumerate(graphs):
            if isinstance(graph, str):
                reasons.append(graph)
                continue
            n = len(graph[0])
            reasons.append(self._too_large if n > width else None)
            if n <= width:
                types[row, :n] = 1 + torch.from_numpy(graph[0])
                bonds[row, :n, :n] = torch.from_numpy(graph[1])
        states = AtomStates(types=types, bonds=bonds)
        if not len(graphs):
            return states, reasons
        broken = violations(Facts(states, self._tables.on(states.device), self._limits))
        return states, [reason or why for reason, why in zip(reasons, broken, strict=True)]
