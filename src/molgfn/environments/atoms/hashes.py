"""Hashes of graphs of atoms that do not depend on the order of atoms."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.atoms.rings import Rings
from molgfn.environments.atoms.states import AtomStates
from molgfn.environments.hashing import mix


def hashes(states: AtomStates) -> Tensor:
    """int64 [B]: equal for isomorphic graphs; different for others but for chance, and for very symmetric graphs.

    Each atom in turn is marked, and colours are refined by those of the neighbours and the orders of the bonds to them
    (Weisfeiler and Leman) until they stop changing; the hash is a sum over marks and atoms. Refinement with one marked
    atom tells apart all graphs of the spaces that the tests list (every graph of C, N, O up to 5 atoms, of C up to 7);
    strongly regular graphs, which valences of atoms do not allow at these sizes, would need more marks.
    """
    rings = Rings.of(states)
    batch, width = states.types.shape
    near = rings.neighbours
    depth = near.shape[2]
    real = rings.real
    row = torch.arange(batch, device=states.device)[:, None, None]
    slots = torch.arange(width, device=states.device)
    order = states.bonds[row, slots[:, None], near.clamp(max=width - 1)].long() * (near < width)
    bond = mix(order)[:, None]  # [B, 1, N, D]
    there = (near < width)[:, None]
    index = near.clamp(max=width - 1).reshape(batch, 1, width * depth).expand(batch, width, -1)
    marked = torch.eye(width, dtype=torch.int64, device=states.device)
    colour = mix(states.types[:, None, :] * 2 + marked)  # [B, mark, N]
    for _ in range(width):
        beside = colour.gather(2, index).view(batch, width, width, depth)
        colour = mix(mix(colour) + (mix(beside + bond) * there).sum(3))
    by_mark = mix((mix(colour) * real[:, None, :]).sum(2))
    return mix((by_mark * real).sum(1))
