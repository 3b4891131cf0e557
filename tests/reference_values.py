"""The tables of ``tests/data``; see its README for how they were computed."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "data"


def reference(name: str) -> pd.DataFrame:
    """One row per molecule: ``smiles``, values, and digests as text."""
    digests = ("graph_crc32", "bits_crc32", "counts_crc32")
    return pd.read_csv(FOLDER / f"{name}.csv", converters=dict.fromkeys(digests, str))


def crc32(*arrays: np.ndarray) -> str:
    """Digest of small whole numbers, as in the tables."""
    return f"{zlib.crc32(b''.join(a.astype(np.uint8).tobytes() for a in arrays)):08x}"
