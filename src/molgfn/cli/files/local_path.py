"""Files named on the command line, read as everywhere else: ``~`` and ``$NAME`` expanded, no URLs."""

from __future__ import annotations

from typing import Any

import click

from molgfn.errors import ConfigError


class LocalPath(click.ParamType):
    """What ``click.Path`` gives, of a path that ``molgfn.paths`` has read.

    A shell expands ``~`` at the start of a word only: not in ``--output=~/x`` and not between quotes.
    """

    name = "path"

    def __init__(self, inner: click.Path) -> None:
        self.inner = inner

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from molgfn.paths import expanded

        try:
            value = str(expanded(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        return self.inner.convert(value, param, ctx)


def take_local_paths(command: click.Command) -> click.Command:
    """Have every parameter of a command, and of those inside it, that is a ``click.Path`` read as a ``LocalPath``."""
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            parameter.type = LocalPath(parameter.type)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            take_local_paths(inner)
    return command
