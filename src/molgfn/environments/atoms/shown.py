"""States as atoms and bonds without their types: what agents are shown that know elements only."""

from __future__ import annotations

import torch

from molgfn.environments.atom_graphs import AtomGraphs
from molgfn.environments.atoms.growth import GrowthTables
from molgfn.environments.atoms.starts import Start
from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.constant import Constant
from molgfn.errors import ConfigError


class ShownAtoms:
    """Atoms at their slots, a bond for each pair of slots in the order in which actions name pairs.

    Args:
        start: what molecules begin with.
        tables: of the types.
        most_atoms: slots, N.

    Raises:
        ConfigError: not all atoms of a molecule stand in slots.
    """

    def __init__(self, start: Start, tables: GrowthTables, most_atoms: int) -> None:
        if start.hidden:
            raise ConfigError(
                f"a linked part stands in one slot, so that {start.hidden} atoms of it would not be shown"
            )
        self.sizes = most_atoms, max(most_atoms * (most_atoms - 1) // 2, 1)
        self._tables = tables
        self._element = Constant(torch.tensor([0, *(base.atomic_number for base in start.bases)]))
        self._charge = Constant(torch.tensor([0, *(base.charge for base in start.bases)]))

    def __call__(self, states: AtomStates) -> AtomGraphs:
        device = states.device
        i, j = torch.triu_indices(self.sizes[0], self.sizes[0], 1, device=device)
        order = states.bonds[:, i, j].long()
        bonds = torch.stack([i, j], 1) * (order > 0)[..., None]
        if not order.shape[1]:  # one atom has no pairs, but a place where a bond would be
            order, bonds = order.new_zeros(len(states), 1), order.new_zeros(len(states), 1, 2)
        valence = self._tables.on(device).valence[states.types]
        return AtomGraphs(
            element=self._element.on(device, torch.int64)[states.types],
            charge=self._charge.on(device, torch.int64)[states.types],
            open=(valence - states.bonds.sum(2)).clamp(min=0),
            bonds=bonds,
            order=2 * order,
        )
