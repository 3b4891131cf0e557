"""The conditions that objects are asked for under, as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from molgfn.conditions.base import Given
from molgfn.environments.conditional import drawn_condition, each_anew
from molgfn.errors import ConfigError
from molgfn.runs.checkpoint import Loaded

#: one condition (what it does not name has its reference value), several, or a new one for each object, as in training;
#: None: the reference
Asked = Given | Sequence[Given] | Literal["drawn"] | None
#: a new condition for each object
DRAWN = "drawn"


def under_each(loaded: Loaded, asked: Asked) -> list[Loaded]:
    """The run under each of the conditions that are asked for, in their order.

    Raises:
        ConfigError: the run knows no such condition, or was trained under none; with every problem.
    """
    if asked is None or isinstance(asked, Mapping):
        return [loaded.under(asked)]
    if isinstance(asked, str):
        if asked != DRAWN:
            raise ConfigError(f"condition: should be numbers by name, a list of such, or `{DRAWN}`, got `{asked}`")
        if drawn_condition(loaded.environment) is None:
            raise ConfigError(f"condition={DRAWN}: nothing was trained under a condition here, so that none is drawn")
        return [replace(loaded, environment=each_anew(loaded.environment))]
    if not asked:
        raise ConfigError("condition: the list of conditions is empty")
    found, problems = [], []
    for number, one in enumerate(asked, 1):
        try:
            found.append(loaded.under(one))
        except ConfigError as error:
            where = f" (condition {number} of {len(asked)})" if len(asked) > 1 else ""
            problems += [f"{problem}{where}" for problem in error.problems]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return found
