"""The option ``--condition``: the condition under which objects are built, where a run was trained under one."""

from __future__ import annotations

from collections.abc import Sequence

import click

CONDITION_HELP = (
    "The condition to build objects under, such as beta=16, for a run that was trained under one; may be given again. "
    "Default: its reference value."
)


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
