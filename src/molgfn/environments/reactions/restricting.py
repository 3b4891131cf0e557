"""A part of a library, by names."""

from __future__ import annotations

from collections.abc import Sequence

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.errors import ConfigError


def restricted(
    library: ReactionLibrary, reactions: Sequence[str] | None, blocks: Sequence[str] | None
) -> ReactionLibrary:
    """The library with some of its reactions and blocks.

    Args:
        library: the whole.
        reactions: names or families; None: all.
        blocks: ids or canonical SMILES; None: all.

    Raises:
        ConfigError: a name that the library does not have.
    """
    if reactions is None and blocks is None:
        return library
    problems, kept = [], []
    named = [[r.index for r in library.reactions if word in (r.name, r.family)] for word in reactions or ()]
    problems += [
        f"only_reactions: {library.about.name} has no reaction or family {word!r}"
        for word, found in zip(reactions or (), named, strict=True)
        if not found
    ]
    for word in blocks or ():
        found = [i for i, block in enumerate(library.blocks) if word in (block.id, block.smiles)]
        if not found:
            problems.append(f"only_blocks: {library.about.name} has no block {word!r}")
        kept += found
    if problems:
        raise ConfigError(problems)
    which = sorted({r for found in named for r in found}) if reactions is not None else range(len(library.reactions))
    return library.part(sorted(set(kept)) if blocks is not None else range(len(library.blocks)), list(which))
