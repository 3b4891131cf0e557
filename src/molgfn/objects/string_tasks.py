"""Symbols and length of the strings of the published tasks."""

from __future__ import annotations

from typing import Literal

from molgfn.errors import ConfigError

#: names of the tasks, for configs
TaskName = Literal["tfbind8", "tfbind10", "qm9", "seh", "bits"]
#: task -> alphabet, length
STRING_TASKS: dict[str, tuple[str, int]] = {
    "tfbind8": ("ACGT", 8),  # DNA, arXiv 2305.07170
    "tfbind10": ("ACGT", 10),  # DNA, arXiv 2305.07170
    "qm9": ("0123456789a", 5),  # molecular blocks, arXiv 2305.07170
    "seh": ("0123456789abcdefgh", 6),  # molecular blocks, arXiv 2305.07170
    "bits": ("01", 120),  # arXiv 2201.13259
}
#: where neither a task nor symbols are named
DEFAULT = STRING_TASKS["tfbind8"]


def symbols_of(task: TaskName | None, alphabet: str | None, length: int | None) -> tuple[str, int]:
    """Alphabet and length of a task, or those that are given; what is None is that of TFBind8.

    A task comes with its alphabet. Its length may be another one: bit sequences are studied in several.

    Raises:
        ConfigError: a task and another alphabet than its own; a symbol that comes twice.
    """
    own, usual = DEFAULT if task is None else STRING_TASKS[task]
    if task is not None and alphabet not in (None, own):
        raise ConfigError(f"alphabet: strings of task {task} are made of '{own}', not of '{alphabet}'; leave one out")
    chosen = own if alphabet is None else alphabet
    if len(set(chosen)) < len(chosen):
        raise ConfigError(f"alphabet: '{chosen}' names a symbol twice")
    return chosen, usual if length is None else length
