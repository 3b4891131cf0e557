"""Columns of the tables that a run leaves behind."""

from __future__ import annotations

import numpy as np
import pandas as pd


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column as float64 [rows]; what is no number is NaN."""
    return np.asarray(pd.to_numeric(table[column], errors="coerce"), dtype=np.float64)


def rows_with(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows in which ``column`` is filled, numbered anew."""
    return table.loc[np.flatnonzero(np.asarray(table[column].notna()))].reset_index(drop=True)
