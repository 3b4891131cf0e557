"""A whole library checked: its files line by line, its examples, its slots, and what a survey of it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from molgfn.chemistry.reactions.assembling import assemble, example_problem
from molgfn.chemistry.reactions.files.entries import Problems, ReactionEntry
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.loading import library_entries
from molgfn.chemistry.reactions.survey import Survey, survey


@dataclass
class Checked:
    """What a check found.

    Attributes:
        library: of the entries that are whole; None where no block, or no reaction, is.
        problems: of the files, the examples, the slots and the templates.
        survey: what the library can do; None without a library.
    """

    library: ReactionLibrary | None
    problems: Problems
    survey: Survey | None


def check_library(
    source: str | Path, *, samples: int = 1000, seed: int = 0, progress: Callable[[int], None] | None = None
) -> Checked:
    """Read a library and find out all that is wrong with it; broken entries are left aside and named.

    Args:
        source: as of ``load_library``.
        samples: products that are taken apart again.
        seed: of the draws.
        progress: called with the number of these that are done.

    Raises:
        DataError: there is no such library, or a file of it cannot be read at all.
    """
    problems = Problems()
    assembled = assemble(library_entries(source), problems)
    if assembled is None:
        return Checked(None, problems, None)
    library, written = assembled
    _check_examples(library, written, problems)
    found = survey(library, samples=samples, seed=seed, progress=progress)
    _check_survey(library, written, found, problems)
    return Checked(library, problems, found)


def _check_examples(library: ReactionLibrary, entries: Sequence[ReactionEntry], problems: Problems) -> None:
    for reaction, entry in zip(library.reactions, entries, strict=True):
        for reactants, product in entry.examples:
            if problem := example_problem(library, reaction.index, reactants, product):
                problems.broken(entry.place, "example", f"{reaction.name}: {'.'.join(reactants)} {problem}")


def _check_survey(
    library: ReactionLibrary, entries: Sequence[ReactionEntry], found: Survey, problems: Problems
) -> None:
    for reaction, entry, one in zip(library.reactions, entries, found.reactions, strict=True):
        if empty := [str(slot + 1) for slot, count in enumerate(one.partners) if not count]:
            slots = f"slot {empty[0]} has" if len(empty) == 1 else f"slots {' and '.join(empty)} have"
            problems.note(entry.place, "no partner", f"{reaction.name}: {slots} no block that fits")
        elif one.drawn and not one.products:
            problems.note(entry.place, "no product", f"{reaction.name}: {one.drawn} of {one.drawn} draws gave nothing")
        elif one.products and one.recovered < one.products:
            text = f"{reaction.name}: reactants found again for {one.recovered} of {one.products} products, not for "
            (problems.broken if library.inversion_exact else problems.note)(
                entry.place,
                "inversion",
                f"{text}{one.missed}" + (", though inversion_exact is true" if library.inversion_exact else ""),
            )
