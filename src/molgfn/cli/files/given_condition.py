"""Conditions on the command line: words such as ``condition.temperature=16``, the options, and a file of many."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.errors import ConfigError, DataError

if TYPE_CHECKING:
    from molgfn.api.conditions import Asked

#: what the words begin with
WORD = "condition"
#: the word for a molecule whose shapes are drawn
MOLECULE_WORD = "smiles"
WORDS_METAVAR = "[condition.NAME=VALUE]..."
CONDITION_HELP = (
    "One number of the condition, by the name of its column, such as beta=16; may be given again. The words "
    "condition.NAME=VALUE say the same by the condition's own name."
)
CONDITIONS_HELP = "A table of conditions, one a row, its columns called as the words or the numbers of the condition."


def is_word(text: str) -> bool:
    """Whether an argument speaks of a condition or a molecule, and is no path."""
    return re.match(rf"({WORD}(\.[^=/\\]*)?|{MOLECULE_WORD})=", text) is not None


def molecules_apart(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The SMILES of the words ``smiles=...``, and the other words."""
    start = f"{MOLECULE_WORD}="
    of_molecules = [word.removeprefix(start) for word in words if word.startswith(start)]
    return of_molecules, tuple(word for word in words if not word.startswith(start))


def apart(arguments: Sequence[str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The runs, which come first, and the words about a condition behind them."""
    from molgfn.paths import expanded

    words = tuple(argument for argument in arguments if is_word(argument))
    runs = arguments[: len(arguments) - len(words)]
    if not runs:
        raise click.UsageError("which run? Give its folder or a checkpoint before the words.")
    if any(map(is_word, runs)):
        raise click.UsageError(f"`{words[0]}`: words about the condition come after the run.")
    if other := [run for run in runs[1:] if "=" in run and not Path(run).exists()]:
        raise click.UsageError(f"`{other[0]}`: after the run come words such as {WORD}.temperature=16.")
    return tuple(Path(expanded(run)) for run in runs), words


def given_conditions(words: Sequence[str], numbers: Sequence[str] = (), file: Path | None = None) -> Asked:
    """What objects should be built under, out of all that the command line says of it; None where it says nothing.

    A word that is given several times stands for several conditions; with several such words all combinations are
    meant.

    Args:
        words: ``condition.NAME=VALUE``, or ``condition=drawn``.
        numbers: ``NAME=NUMBER``, as of ``--condition``; they hold for all.
        file: as of ``--conditions``.
    """
    choices: dict[str, list[Any]] = {}
    drawn = False
    for word in words:
        key, _, text = word.partition("=")
        label = key.removeprefix(WORD).removeprefix(".")
        if not label:
            if text != "drawn":
                raise click.UsageError(f"`{word}`: write {WORD}.NAME=VALUE, or {WORD}=drawn for a new one each time.")
            drawn = True
        else:
            choices.setdefault(label, []).append(_numbers(text, word))
    fixed = given_condition(numbers)
    if drawn + bool(choices or fixed) + (file is not None) > 1:
        raise click.UsageError(
            f"{WORD}=drawn, words (or --condition) and --conditions each say which conditions; give one."
        )
    if drawn:
        return "drawn"
    if file is not None:
        return conditions_of(file)
    if not choices:
        return fixed or None
    several = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    if clash := choices.keys() & fixed.keys():
        raise click.UsageError(f"{', '.join(sorted(clash))} is given by a word and by --condition.")
    several = [{**one, **fixed} for one in several]
    return several[0] if len(several) == 1 else several


def given_condition(words: Sequence[str]) -> dict[str, float]:
    """``--condition NAME=NUMBER`` as a mapping."""
    found: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        try:
            value = float(text)
        except ValueError:
            equals, value = "", 0.0
        if not (name and equals):
            raise click.BadParameter(f"should be NAME=NUMBER, got `{word}`", param_hint="--condition")
        if name in found:
            raise click.BadParameter(f"{name} is given twice", param_hint="--condition")
        found[name] = value
    return found


def conditions_of(file: Path) -> list[dict[str, Any]]:
    """The conditions of a table, one a row; a cell is a number, or several with commas or spaces between them.

    Raises:
        DataError: it cannot be read, or has no rows.
        ConfigError: a cell holds no numbers.
    """
    from molgfn.chemistry.files.tables import read_table

    table = read_table(file)
    names = [name.removeprefix(f"{WORD}.") for name in table.names]
    found = [
        {name: _cell(text, file, number, name) for name, text in zip(names, cells, strict=True) if text}
        for number, cells in table.cells()
    ]
    if not found:
        raise DataError(f"{file}: has no conditions")
    return found


def one_condition(words: Sequence[str], numbers: Sequence[str] = ()) -> dict[str, Any]:
    """As ``given_conditions``, where only one is meant; empty where the command line says nothing."""
    asked = given_conditions(words, numbers)
    if asked is not None and not isinstance(asked, dict):
        raise click.UsageError("an evaluation is under one condition; give each word once, and not condition=drawn.")
    return asked or {}


def not_asked(label: str = "NAME") -> str:
    """What is said where the reference is taken: how another condition is asked for."""
    return f" (the reference; {WORD}.{label}=... takes another)"


def _cell(text: str, file: Path, number: int, name: str) -> list[float]:
    try:
        return _floats(text)
    except ValueError:
        raise ConfigError(f"{file}, line {number}, {name}: should be a number, or several, got `{text}`") from None


def _numbers(text: str, word: str) -> list[float]:
    try:
        return _floats(text)
    except ValueError:
        raise click.UsageError(
            f"`{word}`: should be a number, or several with commas between them such as .2,.8"
        ) from None


def _floats(text: str) -> list[float]:
    parts = [part for part in re.split(r"[,;\s]+", text.strip().strip("[]")) if part]
    if not parts:
        raise ValueError(text)
    return [float(part) for part in parts]
