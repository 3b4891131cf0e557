"""``molgfn reactions list``: the libraries that have a name."""

from __future__ import annotations

import click


@click.command("list")
def list_libraries() -> None:
    """List what can be named: libraries that are shipped or fetched when they are used, and files that `build` takes.

    \b
    Exit codes: 0 fine.
    """
    from rich.console import Console
    from rich.table import Table

    from molgfn.chemistry.reactions.files.folders import read_folder
    from molgfn.chemistry.reactions.files.published import PUBLISHED, PUBLISHED_FILES
    from molgfn.chemistry.reactions.loading import shipped_libraries
    from molgfn.downloads import folder

    table = Table("name", "blocks", "reactions", "licence", "here", "what", box=None)
    for name, place in shipped_libraries().items():
        entries = read_folder(place)
        counts = f"{len(entries.blocks):,}", f"{len(entries.reactions):,}"
        table.add_row(name, *counts, entries.about.licence, "yes", entries.about.title)
    for name, item in PUBLISHED.items():
        here = "yes" if all(file.here for file in item.files) else "no"
        counts = f"{item.n_blocks:,}", f"{item.n_reactions:,}"
        table.add_row(name, *counts, item.about.licence, here, f"{item.about.title} [dim]({item.about.source})[/dim]")
    for name, file in PUBLISHED_FILES.items():
        here = "yes" if file.here else "no"
        table.add_row(name, "", "", file.licence, here, f"{file.what}, for `build` [dim]({file.source})[/dim]")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"folder of fetched files: {folder()}")
