"""Everything that states are built from: all that backward actions lead to, down to the source."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import States
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows


@dataclass(frozen=True)
class Ancestors:
    """The graphs of ancestors of n states, each a graph of its own, told apart by ``owner``.

    A node is a state up to relabelling, an edge a legal backward action, parallel edges kept.

    Attributes:
        owner: int64 [M], whose node it is, in [0, n). The first n nodes are the states themselves.
        hashes: int64 [M], by ``Enumerable.hashes``; different within an owner.
        parent, child: int64 [E], nodes at the two ends of an edge.
        complete: bool [n], False where a state has more ancestors than the limit; its graph is cut off.
    """

    owner: Tensor
    hashes: Tensor
    parent: Tensor
    child: Tensor
    complete: Tensor


@torch.no_grad()
def ancestors(environment: Enumerable, states: States, limit: int) -> Ancestors:
    """All ancestors of ``states``, each once however long the paths to it; one pass of tensors per step back.

    Args:
        environment: whose states they are.
        states: n states.
        limit: most nodes of a state, itself and the source counted.
    """
    n, device = len(states), states.device
    frontier, node = states, torch.arange(n, device=device)
    owner, hashes = node, environment.hashes(states)
    parents, children = [], []
    known = _Nodes(owner, hashes)
    complete = torch.ones(n, dtype=torch.bool, device=device) & (limit >= 1)
    while True:
        going = complete[owner[node]]
        frontier, node = frontier[going], node[going]
        row, back = environment.legal_backward_actions(frontier)
        if not len(row):
            break
        before = environment.undo(frontier[row], back)
        parent, first = known.add(owner[node[row]], environment.hashes(before))
        parents.append(parent)
        children.append(node[row])
        frontier, node = before[first], parent[first]
        owner, hashes = known.owner, known.hashes
        complete = torch.bincount(owner, minlength=n) <= limit
    empty = torch.empty(0, dtype=torch.int64, device=device)
    return Ancestors(
        owner=owner,
        hashes=hashes,
        parent=torch.cat([empty, *parents]),
        child=torch.cat([empty, *children]),
        complete=complete,
    )


class _Nodes:
    """Nodes by owner and hash, numbered in the order in which they came."""

    def __init__(self, owner: Tensor, hashes: Tensor) -> None:
        self.owner, self.hashes = owner, hashes
        self._sort(_mixed(owner, hashes), torch.arange(len(owner), device=owner.device))

    def _sort(self, keys: Tensor, number: Tensor) -> None:
        order = torch.argsort(keys)
        self._keys, self._number = keys[order], number[order]

    def add(self, owner: Tensor, hashes: Tensor) -> tuple[Tensor, Tensor]:
        """(the node of each entry, int64 [m]; the entries at which a new node stands first)."""
        unique, kind = hashes.unique(return_inverse=True)
        pairs, member = (owner * len(unique) + kind).unique(return_inverse=True)
        at = torch.arange(len(member), device=member.device)
        first = torch.full_like(pairs, len(member)).scatter_reduce(0, member, at, "amin")
        keys = _mixed(owner[first], hashes[first])
        place = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        new = self._keys[place] != keys
        number = torch.where(new, len(self.owner) + new.cumsum(0) - 1, self._number[place])
        first = first[new]
        self.owner, self.hashes = torch.cat([self.owner, owner[first]]), torch.cat([self.hashes, hashes[first]])
        self._sort(torch.cat([self._keys, keys[new]]), torch.cat([self._number, number[new]]))
        return number[member], first


def _mixed(owner: Tensor, hashes: Tensor) -> Tensor:
    """One int64 for each pair, different (almost surely) for different pairs."""
    return hash_rows(torch.stack([owner, hashes], 1))
