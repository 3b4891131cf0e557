"""A fixed number in [0, 1) for a text: what makes the same choice in every process and every run."""

from __future__ import annotations

import hashlib

#: bits of the number
_BITS = 53


def unit_number(text: str, salt: int) -> float:
    """As if drawn uniformly, but always the same for one text and one ``salt``."""
    digest = hashlib.blake2b(f"{salt}:{text}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _BITS)) / 2**_BITS
