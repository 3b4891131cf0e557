"""Fragment trees as the atoms and bonds of their molecules, put together from tables of the fragments."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.chemistry.fragments.atom_arrays import AtomArrays
from molgfn.environments.atom_graphs import AtomGraphs
from molgfn.environments.constant import Constant
from molgfn.environments.fragments.states import FragmentStates


class FragmentAtoms:
    """Atom a of node i stands at place ``i * A1 + a``, with A1 the atoms of the largest fragment.

    Bonds within node i come at ``i * M1 ...``, with M1 the bonds of the fragment that has most; the N - 1 joins last.
    Bonds have the orders that they have in their fragments: a join does not change those (``Fragment.problem``).

    Args:
        arrays: of the fragments by kind.
        nodes: N.
        has_point: bool [kinds, P].
    """

    def __init__(self, arrays: AtomArrays, nodes: int, has_point: Tensor) -> None:
        self.nodes = nodes
        self.atoms = arrays.element.shape[1]
        self.within = arrays.order.shape[1]
        self._element, self._charge = (Constant(torch.from_numpy(x)) for x in (arrays.element, arrays.charge))
        self._bonds, self._order = (Constant(torch.from_numpy(x)) for x in (arrays.bonds, arrays.order))
        self._atom_of_point, self._has_point = Constant(torch.from_numpy(arrays.atom_of_point)), Constant(has_point)

    @property
    def sizes(self) -> tuple[int, int]:
        """A and M of a whole tree."""
        return self.nodes * self.atoms, self.nodes * self.within + max(self.nodes - 1, 1)

    def __call__(self, states: FragmentStates) -> AtomGraphs:
        def of(table: Constant) -> Tensor:
            return table.on(device, torch.int64)[kind]

        device, b, n = states.n.device, len(states), self.nodes
        kind = states.kinds.clamp(min=0)
        there = states.kinds >= 0
        element = of(self._element) * there[:, :, None]
        charge = of(self._charge) * there[:, :, None]
        order = of(self._order) * there[:, :, None]
        first = torch.arange(n, device=device) * self.atoms  # place of the first atom of each node
        bonds = (of(self._bonds) + first[:, None, None]) * (order > 0)[..., None]
        place_of_point = of(self._atom_of_point) + first[:, None]  # [B, N, P]
        free = self._has_point.on(device, torch.bool)[kind] & there[:, :, None] & ~states.used
        open_ = torch.zeros(b, n * self.atoms, dtype=torch.int64, device=device)
        open_ = open_.scatter_add(1, place_of_point.flatten(1), free.flatten(1).long())
        u, p, v, q = states.joins.clamp(min=0).unbind(2)
        joined = states.joins[:, :, 0] >= 0
        points = place_of_point.shape[2]
        flat = place_of_point.flatten(1)
        ends = torch.stack([flat.gather(1, u * points + p), flat.gather(1, v * points + q)], 2) * joined[..., None]
        return AtomGraphs(
            element=element.flatten(1),
            charge=charge.flatten(1),
            open=open_,
            bonds=torch.cat([bonds.flatten(1, 2), ends], 1),
            order=torch.cat([order.flatten(1), 2 * joined.long()], 1),
        )
