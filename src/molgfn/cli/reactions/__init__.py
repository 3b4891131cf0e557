"""``molgfn reactions``: libraries of blocks and reactions."""

from __future__ import annotations

import click

from molgfn.cli.reactions.build import build
from molgfn.cli.reactions.check import check
from molgfn.cli.reactions.list import list_libraries
from molgfn.cli.words.command_group import CommandGroup


@click.group(cls=CommandGroup, short_help="Check and build reaction libraries.")
def reactions() -> None:
    """Reaction libraries: the blocks and reactions that the `reactions` environment builds with.

    \b
    Examples:
      molgfn reactions list
      molgfn reactions check textbook
      molgfn reactions check my_library --samples 5000
      molgfn reactions build my_library --blocks catalogue.smi --reactions templates.txt
    """


for _command in (list_libraries, check, build):
    reactions.add_command(_command)
