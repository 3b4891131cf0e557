r"""Which ring bonds may be taken away where rings have a largest size.

With a largest size k, a ring is closed only between atoms at a distance below k, so that the new bond is in a ring of
at most k. Then every ring bond of a state is (condition A). What is left without a bond may not have A: naphthalene
without its middle bond is a ring of ten, which is not built. A bond may be taken away where what is left has A: the
edges of the DAG are all pairs of states with A that differ by a bond. This is the same from both sides: closing a ring
within distance k in a state with A gives a state with A.

From all states that are reached, some bond can be taken away. Condition B is that sums modulo 2 of rings of at most k
make all rings. It holds for chains, and closing a ring of at most k keeps it: reached states have B.

* B implies A: a ring bond is in some ring, so in one of those that make it.
* In a ring system with at most 3 independent rings A implies B.
* A system with B and 1 to 4 independent rings has a bond whose removal leaves B.

The last two hold for all ways to connect so many rings and all lengths of the ways between: a counterexample would be a
solution of one of finitely many sets of linear inequalities, none of which has one
(tests/environments/atoms/test_ring_limits.py solves them). With 4 rings A does not imply B: three rings of six in a
circle, joined at opposite atoms, leave a ring of nine around the hole.

So where ring systems have at most 4 independent rings, "leaves A" is "leaves B" for every reached state (the systems
that change have at most 3), all states that backward steps lead to are reached forward, and none of them is stuck.
Rings in all are not limited by this: systems that bridges connect count apart.
"""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.atoms.rings import Rings, packed

#: most independent rings of a ring system for which the proof above holds
MOST_IN_SYSTEM = 4
#: pairs of bonds that are looked at together
_CHUNK = 1 << 14


def sizes_hold(rings: Rings, largest: int, most: int) -> Tensor:
    """bool [B]: condition A, each ring bond is in a ring of at most ``largest`` atoms (``most``: see below)."""
    ends, there = _ends(rings, rings.ring_bond, most)
    u, v = ends.unbind(2)
    graph = torch.arange(len(u), device=u.device)[:, None].expand_as(u)
    graph, u, v = (x.flatten() for x in (graph, u, v))
    small = _RingWalks(rings).connects(largest - 1, graph, (u, v), u, v)
    return (small.view_as(there) | ~there).all(1)


def removable(rings: Rings, largest: int, far: Tensor, most: int) -> Tensor:
    """bool [B, N, N]: ring bonds without which every ring bond that is left is in a ring of at most ``largest``.

    A ring that is a system of its own can be opened anywhere. A bond of two rings leaves one, whose bonds are counted.
    The bonds of larger systems are looked at in pairs.

    Args:
        rings: of B graphs.
        largest: atoms of a ring.
        far: int64 [B, N, N], bonds from atom to atom; where there are ``largest`` or more, any such number.
        most: bonds that a graph can have.
    """
    alone = rings.ring_bond & (rings.in_system == 1)[:, :, None]
    ends, there = _ends(rings, rings.ring_bond & ~alone, most)
    batch, slots = there.shape
    device, width = there.device, rings.real.shape[1]
    u, v = ends.unbind(2)
    row = torch.arange(batch, device=device)[:, None]
    green = rings.green

    def current(i: Tensor, j: Tensor, k: Tensor, m: Tensor) -> Tensor:
        """Through a bond (k, m) of unit resistance when a unit current goes from i to j."""
        at = row.view(-1, *[1] * (i.dim() - 1))
        return green[at, i, k] - green[at, i, m] - green[at, j, k] + green[at, j, m]

    # e (along dimension 1) is the bond that goes, f (dimension 2) the one that is looked at
    own = current(u, v, u, v)
    shared = current(u[:, :, None], v[:, :, None], u[:, None, :], v[:, None, :])
    # effective resistance of f once e is gone (Sherman-Morrison); 1 where f is then a bridge
    left = own[:, None, :] + shared**2 / (1 - own).clamp(min=1 / (2 * width))[:, :, None]
    look = there[:, :, None] & there[:, None, :] & (left < 1 - 1 / (2 * width))
    look = look & ~torch.eye(slots, dtype=torch.bool, device=device)
    # of two rings: c / (a b + a c + b c) and more of the current goes through each bond that is left of a ring with e,
    # where three ways of a, b and c bonds make them; and none where they share an atom only
    systems = rings.in_system.gather(1, u) * there
    rest = (look & (shared.abs() > 1 / (2 * width**2))).sum(2)
    many, fits = systems > 2, (systems == 2) & (rest <= largest)
    # only a bond that shares a ring of at most `largest` with e can lose its own
    at, uu, vv, xx, yy = row[:, :, None], u[:, :, None], v[:, :, None], u[:, None, :], v[:, None, :]
    near = torch.minimum(far[at, uu, xx] + far[at, vv, yy], far[at, uu, yy] + far[at, vv, xx])
    look = look & (near + 2 <= largest) & many[:, :, None]
    # a bond that is in one small ring only is in one ring of a basis of small rings, which make all: it can go
    walks = _RingWalks(rings)
    g, e = many.nonzero(as_tuple=True) if rings.waits else (x.flatten() for x in _grid(there))
    single = torch.zeros_like(there)
    single[g, e] = walks.in_one(largest, g, u[g, e], v[g, e])
    look = look & ~single[:, :, None]
    if rings.waits:
        graph, e, f = look.nonzero(as_tuple=True)
    else:
        graph, e, f = (x.flatten() for x in _grid(look))
    lost = torch.zeros_like(look)
    for part in range(0, len(graph), _CHUNK):
        g, a, b = (x[part : part + _CHUNK] for x in (graph, e, f))
        lost[g, a, b] = ~walks.connects(largest - 1, g, (u[g, a], v[g, a]), u[g, b], v[g, b])
    good = fits | (many & ~(lost & look).any(2))
    flat = torch.zeros(batch, width * width, dtype=torch.int64, device=device)
    found = flat.scatter_add(1, u * width + v, good.long()).view(batch, width, width) > 0
    return alone | found | found.transpose(1, 2)


def _grid(like: Tensor) -> tuple[Tensor, ...]:
    """The indices of all entries."""
    return torch.meshgrid(*(torch.arange(s, device=like.device) for s in like.shape), indexing="ij")


class _RingWalks:
    """Walks along ring bonds: whatever is in a ring goes along no others.

    Attributes:
        place: int64 [B, N], numbers of the atoms among those in rings.
        near: int64 [B, W, D], neighbours of those along ring bonds, ascending, W where there is none.
        slot: int64 [B, W, W], where among the neighbours of the first the second stands.
    """

    def __init__(self, rings: Rings) -> None:
        batch, slots = rings.real.shape
        device = rings.real.device
        order = rings.in_ring.to(torch.int8).argsort(dim=1, descending=True, stable=True)
        self.place = torch.empty_like(order).scatter_(1, order, torch.arange(slots, device=device).expand_as(order))
        width, depth = slots, slots - 1
        if rings.waits and batch:
            width = max(int(rings.in_ring.sum(1).max()), 1)
            depth = max(int(rings.ring_bond.sum(2).max()), 1)
        order = order[:, :width]
        bonds = rings.ring_bond.gather(1, order[:, :, None].expand(-1, -1, slots))
        bonds = bonds.gather(2, order[:, None, :].expand(-1, width, -1))
        near = torch.where(bonds, torch.arange(width, device=device), width)
        self.near = near.sort(2).values[:, :, :depth]
        self.slot = bonds.cumsum(2) - 1

    def _without(self, graph: Tensor, *bonds: tuple[Tensor, Tensor]) -> Tensor:
        """Neighbours int64 [m, W, D] in the graphs without ``bonds``, which are numbered as ``near``."""
        near = self.near.index_select(0, graph)
        row = torch.arange(len(graph), device=near.device)
        for i, j in bonds:
            for one, other in ((i, j), (j, i)):
                near[row, one, self.slot[graph, one, other]] = near.shape[1]
        return near

    def in_one(self, largest: int, graph: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """bool [m]: one walk of less than ``largest`` bonds that never turns back leads from u to v without (u, v).

        False as well for some bonds in one small ring, where such a walk goes round another one on its way.
        """
        u, v = self.place[graph, u], self.place[graph, v]
        one = torch.arange(len(graph), device=graph.device)
        near = self._without(graph, (u, v))
        width = near.shape[1]
        flat, bonds = near.flatten(1), (near < width).sum(2).float()
        before = torch.zeros(len(graph), width + 1, device=graph.device)
        before[one, u] = 1
        now = torch.zeros_like(before)
        now[:, :-1] = before.gather(1, flat).view(near.shape).sum(2)
        total, back = now[one, v], before[:, :-1] * bonds  # a second step back: by any of the start's bonds
        for _ in range(largest - 2):
            after = torch.zeros_like(before)
            after[:, :-1] = now.gather(1, flat).view(near.shape).sum(2) - back
            before, now = now, after
            back = before[:, :-1] * (bonds - 1)
            total = total + now[one, v]
        return total == 1

    def connects(self, steps: int, graph: Tensor, gone: tuple[Tensor, Tensor], x: Tensor, y: Tensor) -> Tensor:
        """bool [m]: a walk of at most ``steps`` bonds leads from x to y without the bonds ``gone`` and (x, y)."""
        u, v, x, y = (self.place[graph, atom] for atom in (*gone, x, y))
        near = self._without(graph, (u, v), (x, y))
        flat = near.flatten(1)
        one = torch.arange(len(graph), device=near.device)
        reached = torch.zeros(len(graph), near.shape[1] + 1, dtype=torch.bool, device=near.device)
        reached[one, x] = True
        for _ in range(steps):
            further = reached.gather(1, flat).view_as(near).any(2)
            reached = torch.cat([further | reached[:, :-1], reached[:, -1:]], 1)
        return reached[one, y]


def _ends(rings: Rings, bonds: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Of ``bonds`` bool [B, N, N] the ends int64 [B, M, 2] and bool [B, M]; (0, 0) where there is none."""
    width = bonds.shape[1]
    i, j = torch.triu_indices(width, width, 1, device=bonds.device)
    there = bonds[:, i, j]
    return packed(there, torch.stack([i, j], 1), int(there.sum(1).max()) if rings.waits and len(there) else most)
