"""Numbers of ways to cut a molecule up, kept apart by what decides whether a fragment tree may stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: number of ways by signature: fragments + ``SCAFFOLD`` * scaffolds + ``open_point(c)`` * open points of class c, which
#: adds up when ways are combined; exact whole numbers of any size
Ways = dict[int, int]
SCAFFOLD = 1 << 9  # two times the 255 fragments that a tree may have still fit below
_SECOND, _OPEN, _WIDTH = SCAFFOLD << 1, SCAFFOLD << 2, 16


class Signature(NamedTuple):
    """What a signature stands for; open points by class."""

    fragments: int
    scaffolds: int
    open_points: tuple[int, ...]


def open_point(class_: int) -> int:
    """What an open point of a class adds to a signature; nothing where the class is -1."""
    return 0 if class_ < 0 else _OPEN << _WIDTH * class_


def read_signature(signature: int, classes: int) -> Signature:
    """The numbers that make up a signature, with so many classes of open points."""
    points = signature // _OPEN
    digits = tuple(points >> _WIDTH * c & (1 << _WIDTH) - 1 for c in range(classes))
    return Signature(signature % SCAFFOLD, signature % _OPEN // SCAFFOLD, digits)


def multiply(first: Ways, second: Ways, most: int) -> Ways:
    """Ways of doing both, without those of more than ``most`` fragments or of two scaffolds."""
    product: Ways = {}
    add_product(product, first, second, most)
    return product


def add_product(total: Ways, first: Ways, second: Ways, most: int) -> None:
    """Add ``multiply(first, second, most)`` to ``total`` in place."""
    for s, x in first.items():
        for t, y in second.items():
            signature = s + t
            if signature % SCAFFOLD <= most and not signature & _SECOND:
                total[signature] = total.get(signature, 0) + x * y


def add(total: Ways, more: Ways, times: int = 1) -> None:
    """Add ``times`` as many as ``more`` to ``total`` in place."""
    for signature, number in more.items():
        total[signature] = total.get(signature, 0) + number * times


def joined(ways: dict[int, Ways], types: Iterable[int]) -> Ways:
    """All of ``ways``, which are by type of a point, that have one of these types."""
    found = [ways[type_] for type_ in types if type_ in ways]
    if len(found) == 1:
        return found[0]
    total: Ways = {}
    for more in found:
        add(total, more)
    return total
