"""The option ``--file``: where a file that a run was trained with is now."""

from __future__ import annotations

from collections.abc import Sequence

import click

FILE_HELP = "Where a file that the run was trained with is now, such as oracle.path=values.csv; may be given again."


def given_files(words: Sequence[str]) -> dict[str, str]:
    """``--file KEY=PATH`` as a mapping."""
    found = {}
    for word in words:
        key, equals, path = word.partition("=")
        if not (key and equals and path):
            raise click.BadParameter(f"should be KEY=PATH, got `{word}`", param_hint="--file")
        found[key] = path
    return found
