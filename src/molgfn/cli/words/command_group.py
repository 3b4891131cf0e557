"""Groups of commands, which say what there is where a command is not known."""

from __future__ import annotations

from typing import Any

import click


class CommandGroup(click.Group):
    """A group that names the nearest command, or all of them, where one is not known."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        names = self.list_commands(ctx)
        if args and args[0] not in names:
            from molgfn.class_paths import did_you_mean

            called = " ".join([*ctx.command_path.split()[1:], args[0]])
            near = did_you_mean(args[0], names)
            ctx.fail(f"there is no command `{called}`{near}")
        return super().resolve_command(ctx, args)
