"""Numbers of ways to cut a molecule up, kept apart by what decides whether a fragment tree may stop."""

from __future__ import annotations

from typing import NamedTuple

#: number of ways by signature: fragments + ``POINT`` * points + ``SCAFFOLD`` * scaffolds, which adds up when ways are
#: combined; exact whole numbers of any size
Ways = dict[int, int]
POINT, SCAFFOLD = 1 << 9, 1 << 25  # two times the 255 fragments that a tree may have still fit below a point


class Signature(NamedTuple):
    """What a signature stands for."""

    fragments: int
    points: int
    scaffolds: int


def read_signature(signature: int) -> Signature:
    """The numbers that make up a signature."""
    return Signature(signature % POINT, signature % SCAFFOLD // POINT, signature // SCAFFOLD)


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
            if signature % POINT <= most and signature < 2 * SCAFFOLD:
                total[signature] = total.get(signature, 0) + x * y


def add(total: Ways, more: Ways, times: int = 1) -> None:
    """Add ``times`` as many as ``more`` to ``total`` in place."""
    for signature, number in more.items():
        total[signature] = total.get(signature, 0) + number * times
