"""Which block fits which slot, kept on disk for large libraries: finding it takes minutes for 10^5 blocks."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rdkit

from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.matching import Queries
from molgfn.chemistry.reactions.reaction import Reaction
from molgfn.downloads import folder
from molgfn.errors import ConfigError

#: fewest blocks for which it pays
FEWEST = 5_000


def fits_of(blocks: Sequence[Block], reactions: Sequence[Reaction], queries: Queries) -> np.ndarray:
    """``bool [S, n_blocks]``: which block can fill which slot.

    From ``FEWEST`` blocks on it is kept in the folder of fetched files, by the content of the library and the version
    of RDKit, as one bit for each; where that folder cannot be written it is found again each time.

    Args:
        blocks: of the library.
        reactions: of the library.
        queries: of its slots, in order.
    """
    smiles = [block.smiles for block in blocks]
    if len(blocks) < FEWEST:
        return queries.of(smiles)
    text = "\n".join([rdkit.__version__, *("\t".join([r.smarts, *r.without]) for r in reactions), "", *smiles])
    place = folder() / "reactions" / f"fits-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npy"
    shape = (queries.n_slots, len(blocks))
    if (known := _kept(place, shape)) is not None:
        return known
    found = queries.of(smiles)
    _keep(place, found)
    return found


def _kept(place: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """What is in the file; None where there is none, or it is not whole."""
    try:
        packed = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if packed.dtype != np.uint8 or packed.shape != (shape[0], -(-shape[1] // 8)):
        return None
    return np.unpackbits(packed, axis=1, count=shape[1]).astype(bool)


def _keep(place: Path, fits: np.ndarray) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".molgfn-", suffix=".npy", delete=False) as aside:
            np.save(aside, np.packbits(fits, axis=1))
        os.replace(aside.name, place)  # whole, or not there
    except (OSError, ConfigError):
        return
