"""Molecules that others are compared with: all of them by name, some of them as they are."""

from __future__ import annotations

import logging
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets.reading import ReadingReport, iter_molecules
from molgfn.errors import DataError
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.readings import Reading
from molgfn.objects.molecule import MOLECULE

logger = logging.getLogger("molgfn")

#: a reference counts in this form, too: fragments are joined without stereo marks and charges
FLAT = Standardisation(salts="keep", charges="neutralise", stereo="remove", isotopes="remove")


@dataclass(frozen=True)
class Reference:
    """A file of molecules, read once.

    Attributes:
        keys: canonical SMILES of each molecule, as it is and flat.
        sample: some of the different molecules, drawn at random, as samples of their own.
        molecules: how many molecules the file has.
    """

    keys: frozenset[str]
    sample: Samples
    molecules: int


def read_reference(path: str | Path, *, sample: int, seed: int = 0) -> Reference:
    """Read a file (or a named set) in a stream; only ``sample`` molecules are kept in memory.

    Args:
        path: see ``datasets.reading``.
        sample: how many different molecules to draw, each as likely as any other.
        seed: of the draw.

    Raises:
        DataError: the file cannot be read, or holds no valid molecule.
    """
    seen: set[str] = set()
    flat: set[str] = set()
    drawn: list[Molecule] = []
    rng, molecules, report = random.Random(seed), 0, ReadingReport(str(path))
    for _, molecule in iter_molecules(path, report=report):
        molecules += 1
        if molecule.smiles in seen:
            continue
        seen.add(molecule.smiles)
        flat.add(FLAT(molecule).smiles)
        if len(drawn) < sample:
            drawn.append(molecule)
        elif (place := rng.randrange(len(seen))) < sample:  # a reservoir: all seen so far stay equally likely
            drawn[place] = molecule
    if not drawn:
        raise DataError(f"{path}: no valid molecule to compare with")
    if report.left_out:
        logger.warning("reference: %s", report.summary())
    plain = Samples(MOLECULE, drawn, [molecule.smiles for molecule in drawn], problems=[None] * len(drawn))
    return Reference(frozenset(seen | flat), plain, molecules)


def count_similarity(samples: Samples, count: Callable[[Samples], Counter[str]]) -> Reading:
    """Cosine of two vectors of counts, in [0, 1]: of ``samples`` and of their reference."""
    known = samples.reference_sample
    if known is None:
        return Reading.missing("no reference file was given")
    a, b = count(samples), count(known)
    if not a or not b:
        return Reading.missing(f"none to count in the {'reference' if a else 'samples'}")
    shared = sum(n * b[name] for name, n in a.items())
    lengths = [math.sqrt(sum(n * n for n in c.values())) for c in (a, b)]
    return Reading(shared / (lengths[0] * lengths[1]), count=sum(a.values()))
