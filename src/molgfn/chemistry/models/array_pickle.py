"""Pickles of numpy arrays, read without running what they name."""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection
from typing import Any

import numpy as np

from molgfn.errors import DataError

#: what numpy's own pickles call to make an array and a scalar
_MAKE_ARRAY = np.empty(0).__reduce__()[0]
_MAKE_SCALAR = np.float64(0).__reduce__()[0]


def _dtype(kind: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """``numpy.dtype`` with the arguments that old pickles hold as 0 and 1; a copy, since its state is set next."""
    return np.dtype(kind, align=bool(align), copy=bool(copy))


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    # renamed in numpy 2
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _MAKE_ARRAY for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _MAKE_SCALAR for core in ("core", "_core")},
}


class StandIn:
    """What stands for an object of a class that is not imported: its name and data, without its behaviour.

    Attributes:
        type_name: dotted name of the class.
        args: what its constructor got.
        state: its attributes, by name.
    """

    type_name = ""
    args: tuple[Any, ...]
    state: dict[str, Any]

    def __new__(cls, *args: Any) -> StandIn:
        made = super().__new__(cls)
        made.args = args
        made.state = {}
        return made

    def __init__(self, *args: Any) -> None:
        """Nothing: ``__new__`` has kept the arguments."""

    def __setstate__(self, state: Any) -> None:
        self.state = dict(state)


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, stand_ins: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._stand_ins = {name: type("StandIn", (StandIn,), {"type_name": name}) for name in stand_ins}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if f"{module}.{name}" in self._stand_ins:
            return self._stand_ins[f"{module}.{name}"]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only numpy arrays are read from it")


def read_pickle(data: bytes, where: str, stand_ins: Collection[str] = ()) -> Any:
    """The object in a pickle; nothing is imported and no code of the pickle is run.

    Args:
        data: the pickle, of protocol 3 or 4 where it holds arrays.
        where: file it is from, for messages.
        stand_ins: dotted names of classes of which the pickle may hold objects; a ``StandIn`` comes in their place.

    Raises:
        DataError: it names anything but numpy arrays, plain data and ``stand_ins``, or is damaged.
    """
    try:
        return _Unpickler(data, stand_ins).load()
    except Exception as error:  # a damaged pickle raises almost anything
        raise DataError(f"{where}: should be a pickle of numpy arrays: {error or type(error).__name__}") from error


def read_arrays(data: bytes, where: str) -> list[np.ndarray]:
    """A pickled list of arrays of numbers, read as by ``read_pickle``; anything else raises ``DataError``."""
    arrays = read_pickle(data, where)
    if not isinstance(arrays, list) or not all(isinstance(a, np.ndarray) and a.dtype.kind in "fiub" for a in arrays):
        raise DataError(f"{where}: should hold a list of arrays of numbers, holds {type(arrays).__name__}")
    return arrays
