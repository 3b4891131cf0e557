"""Which molecules of many to look at: the best, those far from each other, few of one scaffold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from rdkit.ML.Cluster import Butina
from rdkit.SimDivFilters import rdSimDivPickers

from molgfn.chemistry.fingerprints import bit_vectors, morgan, tanimoto
from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.chemistry.scaffolds import murcko
from molgfn.errors import DataError

Method: TypeAlias = Literal["top", "maxmin", "butina"]
#: molecules whose distances fit in memory, all with all
MOST_CLUSTERED = 10_000


@dataclass(frozen=True)
class Picked:
    """What was chosen.

    Attributes:
        rows: of the molecules, in the order in which they were picked.
        left_out: reason -> molecules that could not be picked; those that were not needed are not among them.
        clusters: how many there were; None where nothing was clustered.
    """

    rows: list[int]
    left_out: dict[str, int]
    clusters: int | None = None


def pick(
    molecules: Sequence[Molecule],
    n: int,
    *,
    scores: np.ndarray | None = None,
    method: Method = "top",
    best: int | None = None,
    per_scaffold: int | None = None,
    cut: float = 0.6,
    seed: int = 0,
) -> Picked:
    """At most ``n`` of the molecules; of equal ones (by SMILES) only the best can be picked.

    Args:
        molecules: M valid ones.
        n: how many, at least 1.
        scores: [M], more is better, none of them NaN; None where they stand in the order of their worth.
        method: top: the best. maxmin: the best, then always the one farthest from those picked (Tanimoto, ECFP4).
            butina: clusters of molecules at least ``cut`` similar to a centre, and of each cluster one: with scores the
            best, best clusters first; without them the centre, largest clusters first.
        best: choose among so many of the best only (after the limit per scaffold); None for all.
        per_scaffold: most molecules of one Bemis-Murcko scaffold, the best ones; those without a ring share one. None
            for no limit.
        cut: similarity for butina, in (0, 1).
        seed: of the picker, which decides between equal distances.

    Raises:
        DataError: too many molecules to cluster.

    Reference:
        Ashton et al., "Identification of diverse database subsets using property-based and fragment-based molecular
        descriptions", QSAR 21, 598 (2002), doi:10.1002/qsar.200290002 (maxmin); Butina, "Unsupervised data base
        clustering", J. Chem. Inf. Comput. Sci. 39, 747 (1999), doi:10.1021/ci9803381.
    """
    left_out: Counter[str] = Counter()
    order = np.arange(len(molecules)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    rows = _limited(order.tolist(), lambda row: molecules[row].smiles, 1)
    if len(rows) < len(order):
        left_out["the same molecule as another one"] = len(order) - len(rows)
    if per_scaffold is not None:
        fewer = _limited(rows, lambda row: murcko(molecules[row]), per_scaffold)
        if len(fewer) < len(rows):
            left_out[f"more than {per_scaffold:,} of one scaffold"] = len(rows) - len(fewer)
        rows = fewer
    if best is not None and len(rows) > best:
        left_out[f"not among the {best:,} best"] = len(rows) - best
        rows = rows[:best]
    if method == "top" or not rows:
        return Picked(rows[:n], dict(left_out))
    pool = [molecules[row] for row in rows]
    if method == "maxmin":
        fingerprints = bit_vectors(mols_of(pool))
        picker = rdSimDivPickers.MaxMinPicker()
        chosen = picker.LazyBitVectorPick(fingerprints, len(rows), min(n, len(rows)), firstPicks=[0], seed=seed)
        return Picked([rows[i] for i in chosen], dict(left_out))
    clusters = _clusters(pool, cut)
    if scores is not None:
        clusters = sorted((sorted(cluster) for cluster in clusters), key=lambda cluster: cluster[0])
    return Picked([rows[cluster[0]] for cluster in clusters[:n]], dict(left_out), len(clusters))


def _limited(rows: Sequence[int], key: Callable[[int], Hashable], most: int) -> list[int]:
    """The first ``most`` rows of each key, in order."""
    seen: Counter[Hashable] = Counter()
    kept = []
    for row in rows:
        seen[name := key(row)] += 1
        if seen[name] <= most:
            kept.append(row)
    return kept


def _clusters(molecules: Sequence[Molecule], cut: float) -> list[Sequence[int]]:
    """Indices of each cluster, its centre first, the largest cluster first."""
    if len(molecules) > MOST_CLUSTERED:
        raise DataError(
            f"{len(molecules):,} molecules are too many to cluster, which compares all with all (most: "
            f"{MOST_CLUSTERED:,}); cluster the best of them, or use maxmin"
        )
    if len(molecules) == 1:
        return [(0,)]
    bits = morgan(molecules)
    distances = 1 - tanimoto(bits, bits)
    clusters = Butina.ClusterData(distances, len(molecules), 1 - cut, isDistData=True)
    return sorted(clusters, key=lambda cluster: (-len(cluster), cluster[0]))
