"""Room and open valences for a part that has still to be linked, so that no state is stuck without it.

The linked part is one node (see ``starts``), which is bonded once, to an atom with a free valence. Until it is there, a
state is legal where it can still be linked: with e(i) the atoms that it takes to link it by way of atom i, beside those
that ``growth`` keeps room for, the least e(i) fits into the room. With n(f) the need of ``growth``, E(f) = n(f) + e(f)
is the least solution of: the part is bonded to the atom itself, 1 + n(f - 1); an atom is added by which it is linked,
1 + E(that atom) + n(f - order); or one that only fills, 1 + n(that atom) + E(f - order).

So E(f + o) <= E(f) + n(o), and E(f + o) <= 1 + E(atom) + n(f) for an atom that can be bonded by o: taking away an atom,
a ring bond or the part itself leaves a legal state; and the step by which the minimum is reached is legal, if rules
beside those about pairs of types let it (``Atoms`` refuses a part that ``nitrogen_chains`` could keep from it).
"""

from __future__ import annotations

import numpy as np


def link_costs(
    linked: int, ordinary: int, valence: np.ndarray, allowed: np.ndarray, need: np.ndarray, never: int
) -> np.ndarray:
    """e by type and free valence, int64 [T + 1, V + 1]; ``never`` where the part cannot be linked that way.

    Args:
        linked: type of the node, from 1.
        ordinary: types that can be added are 1 to this.
        valence: int [T + 1].
        allowed: bool [T + 1, T + 1, 4], orders of bonds between types.
        need: int [T + 1, V + 1], of ``growth``.
        never: stands for what is not possible.
    """
    total = np.full_like(need, never)
    types = [t for t in range(1, len(valence)) if t != linked]
    while True:
        before = total.copy()
        for t in types:
            for free in range(1, valence[t] + 1):
                best = int(total[t, free])
                if allowed[t, linked, 1]:
                    best = min(best, 1 + int(need[t, free - 1]))
                for b in range(1, ordinary + 1):
                    for order in range(1, min(free, int(valence[b]), 3) + 1):
                        if allowed[t, b, order]:
                            best = min(
                                best,
                                1 + int(total[b, valence[b] - order]) + int(need[t, free - order]),
                                1 + int(need[b, valence[b] - order]) + int(total[t, free - order]),
                            )
                total[t, free] = min(best, never)
        if (total == before).all():
            break
    return np.where(total >= never, never, total - np.minimum(need, never))
