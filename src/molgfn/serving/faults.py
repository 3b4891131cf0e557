"""Asking an oracle without trusting it: what it raises or returns wrongly becomes one named fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from molgfn.errors import MolgfnError
from molgfn.oracles.base import Oracle


class OracleFault(MolgfnError, RuntimeError):
    """An oracle raised, or its answer is not one number per object; the message is the reason and names the oracle."""


def ask(oracle: Oracle, objects: Sequence[Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``oracle.measure(objects)`` with its shape and type checked; values may still be NaN or out of range.

    Returns:
        Values, float64 [B], and the components, name -> float64 [B] for each of ``oracle.component_names``.

    Raises:
        OracleFault: The oracle raised or broke its contract for this batch. ``MemoryError`` passes through, as do
            interrupts: they say nothing of the objects.
    """
    try:
        values, components = oracle.measure(objects)
    except (MemoryError, OracleFault):
        raise
    except (Exception, SystemExit) as error:  # an oracle that calls sys.exit means itself, not the run
        raise OracleFault(f"oracle {oracle.name} raised {type(error).__name__}") from error
    if set(components) != set(oracle.component_names):
        raise OracleFault(
            f"oracle {oracle.name} returned the components {sorted(components)}, "
            f"declared {sorted(oracle.component_names)}"
        )
    answers = {name: _numbers(oracle, column, len(objects)) for name, column in components.items()}
    return _numbers(oracle, values, len(objects)), answers


def range_problem(oracle: Oracle, value: float) -> tuple[str, str] | None:
    """Why ``value`` is no value of ``oracle``: the message with the number, and its kind without (None: it is one, or
    NaN, which says that there is none).
    """
    low, high = oracle.range
    if not np.isnan(value) and not (low <= value <= high and np.isfinite(value)):
        where = f"outside [{low:g}, {high:g}]"
        return f"oracle {oracle.name} returned {value:.6g}, {where}", f"oracle {oracle.name} returned a value {where}"
    return None


def _numbers(oracle: Oracle, answer: Any, n: int) -> np.ndarray:
    """``answer`` as float64 [n]; a list or another float type will do."""
    try:
        array = np.asarray(answer)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{array.dtype} is not a number type")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise OracleFault(
            f"oracle {oracle.name} returned {type(answer).__name__}, not one number per object"
        ) from error
    if array.shape != (n,):
        raise OracleFault(f"oracle {oracle.name} returned shape {array.shape}, not one number per object")
    return array
