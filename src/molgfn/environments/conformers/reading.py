"""Which molecules have torsions that can be sampled, and why others have not."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from molgfn.chemistry.conformers import ConformerError
from molgfn.chemistry.conformers.frame import Frame, frame, remember
from molgfn.chemistry.conformers.rotors import HydrogenRotors
from molgfn.chemistry.files.reading import read_molecules
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError

logger = logging.getLogger("molgfn")

#: whose shapes are sampled where no molecule is given: 1-butanol, two torsions
EXAMPLE = "CCCCO"


def frames_of(
    given: Sequence[Molecule | Mapping[str, Any]],
    *,
    seed: int,
    hydrogen_rotors: HydrogenRotors,
    symmetric: bool,
    most: int,
) -> tuple[list[Frame], Counter[str]]:
    """The frames of those molecules that have one, each once, and reason -> how many others there are.

    Args:
        given: molecules, or frames as ``Frame.plain`` keeps them.
        seed: of the seed geometries.
        hydrogen_rotors: as of ``chemistry.conformers.rotors.rotors``.
        symmetric: as of ``chemistry.conformers.frame.frame``.
        most: torsions that a molecule may have.

    Raises:
        ConfigError: none is left; with the reasons.
    """
    found: dict[str, Frame] = {}
    left_out: Counter[str] = Counter()
    first: dict[str, str] = {}

    def leave(reason: str, what: str) -> None:
        left_out[reason] += 1
        first.setdefault(reason, what)

    for one in given:
        if isinstance(one, Mapping):
            kept = remember(Frame.from_plain(one))
            found.setdefault(kept.smiles, kept)
        elif not one.valid:
            leave("no molecule", str(one.problem))
        elif one.smiles in found:
            leave("given before", one.smiles)
        else:
            try:
                made = frame(one, seed=seed, hydrogen_rotors=hydrogen_rotors, symmetric=symmetric, most=most)
                found[one.smiles] = remember(made)
            except ConformerError as error:
                leave(error.reason, str(error))
    for reason, count in left_out.most_common():
        logger.warning("left out: %d molecule%s, %s (%s)", count, "s" if count > 1 else "", reason, first[reason])
    if not found:
        why = "; ".join(f"{count} x {reason} ({first[reason]})" for reason, count in left_out.most_common())
        raise ConfigError(f"environment: no molecule with torsions is left: {why or 'none was given'}")
    return list(found.values()), left_out


def given_molecules(smiles: str | Iterable[Any] | None, file: str | None) -> list[Molecule | Mapping[str, Any]]:
    """What the config names: SMILES (one, or a list), kept frames, and the molecules of a file; nothing: ``EXAMPLE``.

    Raises:
        ConfigError: the file cannot be read.
    """
    words = [smiles] if isinstance(smiles, str) else list(smiles or [])
    given = [one if isinstance(one, Mapping) else Molecule.from_smiles(str(one)) for one in words]
    if file is not None:
        try:
            content = read_molecules(file)
            given += content.molecules
            given += [Molecule.failed(f"line {line}: {problem}") for line, problem in content.problems]
        except DataError as error:
            raise ConfigError(f"file: {error}") from error
    return given if given or smiles is not None else [Molecule.from_smiles(EXAMPLE)]
