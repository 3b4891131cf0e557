"""Which molecules train a proxy, which stop its training, and which only judge it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.scaffolds import murcko
from molgfn.errors import DataError

Kind = Literal["random", "scaffold"]
#: fewer molecules say nothing about an error
LEAST = 2


@dataclass(frozen=True)
class Parts:
    """Rows of the three parts, int64, each row in exactly one; ``test`` may be empty."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    molecules: Sequence[Molecule],
    *,
    kind: Kind = "random",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    labels: np.ndarray | None = None,
) -> Parts:
    """Split molecules into three parts.

    ``random`` draws molecules; with labels those of each label by themselves, so that each has its share of every part.
    ``scaffold`` draws Bemis-Murcko scaffolds with all their molecules, so that no scaffold
    is in two parts; scaffolds with more than half as many molecules as a part should get go into training, and
    molecules without a ring count as one scaffold. It is harder, and closer to what a generator will ask.

    Args:
        molecules: valid ones.
        kind: how.
        validation: share for early stopping and for the scale of the uncertainty.
        test: share that training never sees; 0 for none.
        seed: of the draw.
        labels: of the molecules, [M], that ``random`` keeps apart; None: there are none.

    Raises:
        DataError: a part would have fewer than two molecules.
    """
    if kind == "random" and labels is not None:
        return _by_label(labels, validation=validation, test=test, seed=seed)
    if kind == "random":
        return at_random(len(molecules), "molecules", validation=validation, test=test, seed=seed)
    count = len(molecules)
    wanted = [round(test * count), round(validation * count)]
    held, more, train = _by_scaffold(molecules, wanted, np.random.default_rng(seed))
    parts = Parts(train=np.sort(train), validation=np.sort(more), test=np.sort(held))
    why = " (molecules of one scaffold stay together)"
    require_parts(parts, f"{count} molecules", validation=validation, test=test, why=why)
    return parts


def at_random(count: int, what: str, *, validation: float, test: float, seed: int) -> Parts:
    """``count`` things, called ``what``, each drawn into one of three parts; errors as of ``split``."""
    wanted = [round(test * count), round(validation * count)]
    order = np.random.default_rng(seed).permutation(count)
    held, more, train = np.split(order, np.cumsum(wanted))
    parts = Parts(train=np.sort(train), validation=np.sort(more), test=np.sort(held))
    require_parts(parts, f"{count} {what}", validation=validation, test=test)
    return parts


def _by_label(labels: np.ndarray, *, validation: float, test: float, seed: int) -> Parts:
    """As ``at_random``, label by label; at least one molecule of each goes into every part that is wanted."""
    random = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        wanted = [max(1, round(share * len(rows))) if share > 0 else 0 for share in (test, validation)]
        for part, own in zip(parts, np.split(rows, np.cumsum(wanted)), strict=True):
            part.append(own)
    held, more, train = (np.sort(np.concatenate(part)) for part in parts)
    found = Parts(train=train, validation=more, test=held)
    require_parts(found, f"{len(labels)} molecules", validation=validation, test=test)
    return found


def require_parts(parts: Parts, what: str, *, validation: float, test: float, why: str = "") -> None:
    """Raise ``DataError`` where a part has fewer than two; ``what`` was split, ``why`` is said beside."""
    lacking = [name for name in ("train", "validation") if len(getattr(parts, name)) < LEAST]
    lacking += ["test"] if test > 0 and len(parts.test) < LEAST else []
    if lacking:
        raise DataError(
            f"{what} are too few to split: the part for {' and '.join(lacking)} would have fewer than "
            f"{LEAST}{why}; give more {what.rpartition(' ')[2]} or other shares than validation={validation:g}, "
            f"test={test:g}"
        )


def _by_scaffold(
    molecules: Sequence[Molecule], wanted: list[int], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of test, validation and training."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, molecule in enumerate(molecules):
        groups[murcko(molecule)].append(row)
    scaffolds = list(groups.values())
    parts: list[list[int]] = [[], [], []]
    for place in random.permutation(len(scaffolds)):
        rows = scaffolds[place]
        fits = [i for i in (0, 1) if 2 * len(rows) <= wanted[i] and len(parts[i]) + len(rows) <= wanted[i]]
        parts[fits[0] if fits else 2] += rows
    test, validation, train = (np.array(part, dtype=np.int64) for part in parts)
    return test, validation, train
