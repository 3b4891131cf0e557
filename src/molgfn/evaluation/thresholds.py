"""When the value of a property is good: at least a threshold, or at most one where less is better."""

from __future__ import annotations

from typing import Literal

import numpy as np

Direction = Literal["maximise", "minimise"]


def reached(values: np.ndarray, threshold: float, direction: Direction) -> np.ndarray:
    """bool, of the shape of ``values``; False for NaN."""
    return values <= threshold if direction == "minimise" else values >= threshold


def condition(threshold: float, direction: Direction) -> str:
    """As it stands in keys of metrics: ``value>=0.8``, or ``value<=-8``."""
    return f"value{'<=' if direction == 'minimise' else '>='}{threshold:g}"
