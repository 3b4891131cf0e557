"""Alphabets: the tokens that strings are made of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.reading import AS_IT_IS, ReadingReport, iter_molecules
from molgfn.errors import ConfigError, OutsideError

logger = logging.getLogger("molgfn")

#: gives the tokens of strings that stand for a molecule
Spell = Callable[[Molecule], Iterable[Sequence[str]]]


def alphabet_of(given: str | Sequence[str], named: Mapping[str, Sequence[str]], spell: Spell) -> list[str]:
    """The tokens of an ``alphabet`` in a config.

    Args:
        given: tokens; a name of ``named``; or a file of molecules or a named set (``molgfn data list``), of which the
            tokens of all strings are taken, in the order of their characters.
        named: name -> shipped alphabet.
        spell: of each molecule of a file; what raises ``OutsideError`` is left out and counted.

    Raises:
        ConfigError: the file has no molecule that can be spelled.
        DataError: it cannot be read.
    """
    if not isinstance(given, str):
        return list(given)
    if given in named:
        return list(named[given])
    found: set[str] = set()
    report = ReadingReport(given)
    for line, molecule in iter_molecules(given, report=report, standardise=AS_IT_IS):
        try:
            for tokens in spell(molecule):
                found.update(tokens)
        except OutsideError as error:
            report.drop(line, f"{error.reason}: {molecule.smiles[:80]}")
            report.kept -= 1
    if not found:
        raise ConfigError(f"alphabet: {given} has no molecule that can be written in tokens\n{report.summary()}")
    logger.log(logging.WARNING if report.left_out else logging.INFO, "alphabet: %s", report.summary())
    return sorted(found)
