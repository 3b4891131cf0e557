"""Labels of molecules: the words that tables have for them, and what there must be to learn from them."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from molgfn.errors import DataError

#: what a proxy learns: numbers, or labels of two classes
Task = Literal["regression", "classification"]
#: what tables write, in small letters
WORDS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "inactive": 0.0, "active": 1.0}
#: how a column of numbers writes them
_WHOLE = re.compile(r"([01])\.0*")


def label_of(text: str) -> float | None:
    """0 or 1 for the content of a cell, None where it is no label."""
    word = text.strip().lower()
    number = _WHOLE.fullmatch(word)
    return WORDS.get(number[1] if number else word)


def are_labels(values: np.ndarray) -> bool:
    """Whether all values [n] are 0 or 1, and both are among them."""
    return set(np.unique(values).tolist()) == {0.0, 1.0}


def require_both(labels: np.ndarray, where: str, what: str) -> None:
    """Refuse labels [n] of one class.

    Args:
        labels: 0 or 1.
        where: file and column, for the message.
        what: whose labels they are, such as "all molecules".

    Raises:
        DataError: they are.
    """
    if len(found := np.unique(labels)) == 1:
        raise DataError(f"{where} is {found[0]:g} for {what}: a classifier takes molecules of both labels, 0 and 1")
