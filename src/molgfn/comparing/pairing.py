"""Which molecules to show beside each other, and which of them on the left."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from rdkit import Chem, DataStructs

from molgfn.chemistry.fingerprints import bit_vectors

#: one pair: the indices of two different molecules
Pair = tuple[int, int]


def possible_pairs(count: int) -> int:
    """How many different pairs ``count`` molecules make, orders not told apart."""
    return count * (count - 1) // 2


def even_pairs(count: int, number: int, seed: int) -> list[Pair]:
    """Random pairs, each different, in which all molecules come equally often (to within two).

    The rounds of a tournament in which all meet all (the circle method), of molecules and rounds in random order. More
    pairs of the same seed begin with those of fewer.

    Args:
        count: molecules M, at least 2.
        number: pairs, at most M (M - 1) / 2.
        seed: of the orders.
    """
    rng = random.Random(seed)
    seats = rng.sample(range(count), count)
    if count % 2:
        seats.append(-1)  # whoever meets it has no pair in this round
    ring = len(seats) - 1
    pairs: list[Pair] = []
    for turn in rng.sample(range(ring), ring):
        met = [(seats[ring], seats[turn])]
        met += [(seats[(turn + k) % ring], seats[(turn - k) % ring]) for k in range(1, ring // 2 + 1)]
        met = [pair for pair in met if -1 not in pair]
        rng.shuffle(met)
        pairs += met
        if len(pairs) >= number:
            break
    return pairs[:number]


def near_pairs(mols: Sequence[Chem.Mol], number: int, seed: int) -> list[Pair]:
    """Pairs of molecules that are near each other (Tanimoto, ECFP4), each different.

    Molecules in random order with their nearest, then with their second nearest, and so on. More pairs of the same seed
    begin with those of fewer.

    Args:
        mols: M of them, at least 2.
        number: pairs, at most M (M - 1) / 2.
        seed: of the order.
    """
    count = len(mols)
    # a pair is found from at most two sides: so many molecules, with so many neighbours each, are always enough
    asked = random.Random(seed).sample(range(count), count)[: 2 * number]
    neighbours = -(-2 * number // len(asked))
    vectors = bit_vectors(mols)
    nearest = np.empty((len(asked), neighbours), dtype=np.int64)
    for row, one in zip(nearest, asked, strict=True):
        similarities = np.array(DataStructs.BulkTanimotoSimilarity(vectors[one], vectors))
        similarities[one] = -1
        row[:] = np.argsort(-similarities, kind="stable")[:neighbours]
    found: dict[frozenset[int], Pair] = {}
    for column in nearest.T:
        for one, other in zip(asked, column.tolist(), strict=True):
            found.setdefault(frozenset((one, other)), (one, other))
    return list(found.values())[:number]


def balanced_sides(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The same pairs, (left, right), so that each molecule is as often on the left as on the right (to within one).

    People prefer a side. An Eulerian orientation: pairs are edges that are walked until every one was; who comes to a
    molecule as often leaves it.
    """
    rng = random.Random(seed)
    edges = list(pairs)
    touching: dict[int, list[int]] = {}
    for edge, pair in enumerate(pairs):
        for end in pair:
            touching.setdefault(end, []).append(edge)
    for end in [end for end, at in touching.items() if len(at) % 2]:  # with -1 beside them all degrees are even
        touching[end].append(len(edges))
        touching.setdefault(-1, []).append(len(edges))
        edges.append((end, -1))
    for at in touching.values():
        rng.shuffle(at)
    turned, walked = list(pairs), [False] * len(edges)
    for start in rng.sample(list(touching), len(touching)):
        place = start
        while at := touching[place]:
            edge = at.pop()
            if walked[edge]:
                continue
            walked[edge] = True
            one, other = edges[edge]
            following = other if place == one else one
            if edge < len(pairs):
                turned[edge] = (place, following)
            place = following
    return turned
