"""Memory while training: freed blocks stay with the process, and what is there already is no garbage."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: options of mallopt(3) and the largest value that it takes
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGEST = -1, -3, 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask glibc to serve large blocks from its heap and not to give freed ones back to the kernel.

    By default every tensor of over some 128 KiB is mapped for itself and unmapped when freed, and the kernel clears its
    pages again each time; a training step on a CPU allocates hundreds of them. Measured on 2 cores: 10 to 20 % more
    trajectories per second (``benchmarks/run.py``). Freed memory stays with the process until it ends.

    Returns:
        True where it took effect (glibc), False elsewhere, where nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, 2**30)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST))


@contextmanager
def sparing_collections() -> Iterator[None]:
    """Within, Python's garbage collector passes over all that is there at the beginning.

    That is a million objects of libraries, vocabularies and tables, through which it would go again and again: half a
    second each time, which a batch of reactions feels. New objects are collected as ever.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
