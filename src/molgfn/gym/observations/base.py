"""The contract of an observation: states [B] in, arrays with the leading dimension B out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor

from molgfn.environments.base import States

#: one array [B, ...], or several by name
Arrays = Any


class Observation(ABC):
    """What an agent sees of a state.

    Attributes:
        space: of one state: a Box, or a Dict of Boxes, all of fixed shape.
    """

    space: spaces.Box | spaces.Dict

    @abstractmethod
    def __call__(self, states: States) -> Arrays:
        """New arrays [B, ...] of states [B], as ``space`` says of one."""


def array(tensor: Tensor, dtype: np.dtype | type | None) -> np.ndarray:
    """A new array of a tensor's values."""
    return tensor.detach().cpu().numpy().astype(dtype)


def row(arrays: Arrays, place: int) -> Arrays:
    """What is seen of one state, copied."""
    if isinstance(arrays, dict):
        return {name: array[place].copy() for name, array in arrays.items()}
    return arrays[place].copy()


def put(arrays: Arrays, rows: np.ndarray, others: Arrays) -> None:
    """Write ``others`` [n, ...] to the n ``rows`` of ``arrays``."""
    if isinstance(arrays, dict):
        for name, array in arrays.items():
            array[rows] = others[name]
    else:
        arrays[rows] = others
