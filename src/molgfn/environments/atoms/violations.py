"""Which rules a given graph breaks: what every forward step keeps, asked of whole states."""

from __future__ import annotations

import torch

from molgfn.environments.atoms.legal import Facts
from molgfn.environments.atoms.ring_limits import MOST_IN_SYSTEM, removable, sizes_hold


def violations(facts: Facts) -> list[str | None]:
    """The first rule that each of B graphs breaks, as a reason; None where it breaks none and forward steps reach it.

    Args:
        facts: about connected graphs whose atoms have no more bonds than their valence.
    """
    tables, types, rings, limits = facts.tables, facts.types, facts.rings, facts.limits
    bonds = facts.states.bonds.long()
    broken: list[tuple[torch.Tensor, str]] = [(facts.n == 0, "no atoms")]
    for order in {1, 2, 3} - {*tables.orders}:
        broken.append((((bonds == order) & ~facts.fixed).flatten(1).any(1), f"a bond of order {order}"))
    fits = tables.allowed[types[:, :, None], types[:, None, :], bonds]
    what = ", ".join(sorted(limits.forbid)) or "the highest orders of the types"
    broken.append(((rings.joined & ~fits & ~facts.fixed).flatten(1).any(1), f"neighbours that are forbidden ({what})"))
    if "cumulated" in limits.forbid:
        broken.append(((facts.doubles > 1).any(1), "cumulated double bonds"))
    if "strained" in limits.forbid:
        broken.append(((facts.linear & rings.in_ring).any(1), "a triple bond or two double bonds in a ring"))
    if "nitrogen_chains" in limits.forbid:
        broken.append(((tables.nitrogen[types] & (facts.nitrogens > 1)).any(1), "a chain of nitrogens"))
    if limits.max_rings is not None:
        broken.append((rings.count > limits.max_rings, f"more rings than max_rings ({limits.max_rings})"))
    systems = rings.in_system
    if limits.max_fused is not None:
        most = limits.max_fused
        broken.append(((systems > most).any(1), f"a ring system of more rings than max_fused ({most})"))
    if limits.smallest_ring > 3:
        least = limits.smallest_ring
        broken.append((_smaller_ring(facts, least), f"a ring smaller than smallest_ring ({least})"))
    if limits.largest_ring is not None:
        broken.append((_larger_ring(facts), f"a ring larger than largest_ring ({limits.largest_ring})"))
    if limits.largest_ring is not None and limits.scaffold:
        leaving = facts.kept[:, None] ^ facts.kept
        broken.append(((rings.ring_bond & leaving).flatten(1).any(1), "a ring closed with the scaffold (largest_ring)"))
    if tables.any_whole:
        broken.append((facts.room < 0, "no room to take its ring bonds away one by one"))
    found: list[str | None] = [None] * len(types)
    for rows, reason in reversed(broken):
        for row in rows.nonzero().squeeze(1).tolist():
            found[row] = reason
    return found


def _smaller_ring(facts: Facts, least: int) -> torch.Tensor:
    """bool [B]: some ring has fewer atoms than ``least``.

    A closed walk that never turns back goes round a ring of at most its length; each ring is one. Their numbers are
    p_1 = A, p_2 = A^2 - D, p_{k+1} = p_k A - p_{k-1} (D - I).
    """
    joined = facts.rings.joined.double()
    degree = facts.rings.degree.double()
    other = torch.diag_embed((degree - 1).clamp(min=0))
    previous, now = joined, joined @ joined - torch.diag_embed(degree)
    small = torch.zeros(len(joined), dtype=torch.bool, device=joined.device)
    for _ in range(3, least):
        previous, now = now, now @ joined - previous @ other
        small |= torch.diagonal(now, dim1=1, dim2=2).sum(1) > 0.5
    return small


def _larger_ring(facts: Facts) -> torch.Tensor:
    """bool [B]: not built with rings of at most ``largest_ring``; see ``ring_limits``."""
    largest = facts.limits.largest_ring or 0
    rings = facts.rings
    stuck = (rings.in_system >= MOST_IN_SYSTEM) & rings.in_ring
    # in a full system some bond of its own must be removable
    lets_go = removable(rings, largest, rings.distances(largest), facts.limits.most_bonds).any(2)
    together = rings.along(torch.ones_like(rings.bridges[0])) < 0.5
    freed = (together & lets_go[:, None, :]).any(2)
    return ~sizes_hold(rings, largest, facts.limits.most_bonds) | (stuck & ~freed).any(1)
