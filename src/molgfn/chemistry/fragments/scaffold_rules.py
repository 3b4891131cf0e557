"""What a user asks of the attachment points of a scaffold: those to be filled, and the fragments allowed at each."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from molgfn.chemistry.files.reading import read_molecules
from molgfn.chemistry.fragments.fragment import alike_points
from molgfn.chemistry.fragments.growing import Scaffold
from molgfn.chemistry.fragments.joins import Joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError

#: points that must be filled, by name
Fill = Literal["all"] | Sequence[int] | None
#: by name of a point, fragments as SMILES or by number, or a file of SMILES
Allowed = Mapping[int, str | int | Sequence[str | int]] | None


def resolve_allowed(allowed: Allowed, vocabulary: Vocabulary) -> dict[int, list[int]]:
    """Numbers of the fragments (from 0) that are allowed at points, ascending.

    Args:
        allowed: per name of a point a SMILES, a number, a list of both, or the path of a file of molecules
            (see ``chemistry.files``). A SMILES stands for all fragments of that structure.
        vocabulary: the fragments.

    Raises:
        ConfigError: a fragment that the vocabulary does not hold, or no fragment at all.
    """
    known: dict[str, list[int]] = {}
    for number, fragment in enumerate(vocabulary):
        known.setdefault(Molecule.from_smiles(fragment.smiles).smiles, []).append(number)
    found: dict[int, list[int]] = {}
    for name, asked in (allowed or {}).items():
        entries = [asked] if isinstance(asked, str | int) else list(asked)
        if len(entries) == 1 and isinstance(entries[0], str) and Path(entries[0]).is_file():
            entries = _in_file(Path(entries[0]))
        if not entries:
            raise ConfigError(f"allowed: no fragment is allowed at point {name}; name some, or leave the point out")
        numbers = {number for entry in entries for number in _numbers(entry, name, known, len(vocabulary))}
        found[int(name)] = sorted(numbers)
    return found


def with_rules(
    joins: Joins, vocabulary: Vocabulary, scaffold: Scaffold | None, *, fill: Fill, allowed: Mapping[int, Sequence[int]]
) -> Joins:
    """The types of points, those of the scaffold narrowed down.

    Args:
        joins: types of the points of the vocabulary and, last, of the scaffold.
        vocabulary: the fragments.
        scaffold: whose points are named.
        fill: names of the points that must not stay open, or "all"; beside those that the table of joins says.
        allowed: see ``resolve_allowed``.

    Raises:
        ConfigError: there is no scaffold, or no such point; a fragment that the joins do not let in there; points
            that a symmetry takes into each other and that are not treated alike.
    """
    if not fill and not allowed:
        return joins
    if scaffold is None:
        raise ConfigError(
            f"{'fill' if fill else 'allowed'}: names points of a scaffold, and there is none; set scaffold"
        )
    names = scaffold.names
    filled = set(names) if fill == "all" else set(fill or ())
    for word, asked in (("fill", filled), ("allowed", allowed)):
        if unknown := sorted(set(asked) - set(names)):
            points = ", ".join(map(str, dict.fromkeys(names)))
            raise ConfigError(
                f"{word}: the scaffold has no point {unknown[0]}; those of '{scaffold.smiles}' are {points}"
            )
    rules = [(name in filled, tuple(allowed.get(name, ()))) for name in names]
    for one, other in alike_points(scaffold.fragment):
        if rules[one] != rules[other]:
            word = "fill" if rules[one][0] != rules[other][0] else "allowed"
            raise ConfigError(
                f"{word}: points {names[one]} and {names[other]} of '{scaffold.smiles}' are alike by symmetry, so that "
                "no molecule tells which is which; give both the same"
            )
    kind_of = np.array([k for k, types in enumerate(joins.type_of) for _ in types])
    flat = [type_ for types in joins.type_of for type_ in types]
    pairs, must = joins.allowed[np.ix_(flat, flat)], joins.must_fill[flat]
    for place, (name, (filling, numbers)) in enumerate(zip(names, rules, strict=True), start=len(flat) - len(names)):
        must[place] |= filling
        if numbers:
            possible = pairs[place] & np.isin(kind_of, numbers)
            for number in set(numbers) - set(kind_of[possible].tolist()):
                raise ConfigError(
                    f"allowed: point {name} cannot be joined to '{vocabulary[number].smiles}': the fragment has no "
                    "attachment point, or the table of joins does not let it in (joins: any does)"
                )
            pairs[place] = pairs[:, place] = possible
    return Joins.of_points([*vocabulary, scaffold.fragment], pairs, must)


def _numbers(entry: str | int, name: int, known: Mapping[str, list[int]], n: int) -> list[int]:
    if isinstance(entry, int):
        if not 0 <= entry < n:
            raise ConfigError(f"allowed: point {name}: there is no fragment {entry}; the vocabulary has 0 to {n - 1}")
        return [entry]
    molecule = Molecule.from_smiles(entry)
    if molecule.problem is not None:
        raise ConfigError(
            f"allowed: point {name}: '{entry}' is neither a SMILES nor a file ({molecule.problem}); name "
            "fragments of the vocabulary"
        )
    smiles = molecule.smiles
    if smiles not in known:
        near = difflib.get_close_matches(smiles, known, 1)
        hint = f" (the nearest is '{near[0]}')" if near else ""
        raise ConfigError(
            f"allowed: point {name}: '{entry}' is not among the {n} fragments of the vocabulary{hint}; add it to the "
            "vocabulary, whose fragments have hydrogens where they may be joined"
        )
    return known[smiles]


def _in_file(path: Path) -> list[str | int]:
    """The molecules of a file; what is none is a fault of the rule, not a row to leave out."""
    try:
        content = read_molecules(path)
    except DataError as error:
        raise ConfigError(f"allowed: {error}") from error
    if content.problems:
        line, problem = content.problems[0]
        raise ConfigError(f"allowed: {path}, line {line}: {problem}")
    return [molecule.smiles for molecule in content.molecules]
