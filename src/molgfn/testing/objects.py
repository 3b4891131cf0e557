"""The contract of kinds of object, checked on a batch of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasCoordinates, HasDescriptors, HasFingerprints, HasPictures


def check_kind(kind: ObjectKind, objects: Any) -> None:
    """Check everything that ``objects.base.ObjectKind`` and the capabilities of a kind promise.

    Args:
        kind: what to check.
        objects: a batch of at least two different objects without a problem, as an environment gives it.

    Raises:
        ContractError: The contract is broken; the message names the kind, the promise and what came instead.
    """
    check = _Check(kind)
    check.declarations()
    keys = check.gathering(objects)
    check.reading(keys)
    check.tables(objects, len(keys))
    check.capabilities(objects, len(keys))


class _Check:
    def __init__(self, kind: ObjectKind) -> None:
        self.kind, self.name = kind, type(kind).__name__

    def require(self, holds: bool, promise: str) -> None:
        if not holds:
            raise ContractError(f"{self.name}: {promise}")

    def declarations(self) -> None:
        kind = self.kind
        self.require(isinstance(kind, ObjectKind), "is not a molgfn.objects.base.ObjectKind; inherit from it")
        self.require(
            getattr(kind, "name", "").isidentifier(), f"`name` should be one word, is {getattr(kind, 'name', '')!r}"
        )
        self.require(type(kind)() is kind is copy.deepcopy(kind), "has more than one instance; it must have no state")
        self.require(
            set(kind.bare_formats) <= set(kind.formats),
            f"`bare_formats` {kind.bare_formats} are not all among `formats` {kind.formats}",
        )
        own = type(kind).write is not ObjectKind.write
        self.require(own or not kind.formats, f"declares formats {kind.formats}, but has no `write`")

    def gathering(self, objects: Any) -> list[str]:
        """Keys, ``take``, ``cat`` and problems; returns the keys."""
        kind, keys = self.kind, self.kind.keys(objects)
        self.require(
            isinstance(keys, list) and len(keys) == len(objects) and all(isinstance(key, str) for key in keys),
            f"keys should be a list of {len(objects)} texts, got {keys!r:.80}",
        )
        self.require(len(set(keys)) > 1, "check it with at least two different objects")
        problems = kind.problems(objects)
        self.require(problems == [None] * len(keys), f"problems of objects that have none: {problems!r:.80}")
        order = list(range(len(keys)))[::-1]
        turned = kind.take(objects, order)
        self.require(kind.keys(turned) == keys[::-1], "take(objects, rows) does not give the objects at the rows")
        self.require(len(kind.take(objects, [])) == 0, "take(objects, []) should be an empty batch")
        both = kind.keys(kind.cat([objects, turned, kind.take(objects, [])]))
        self.require(both == keys + keys[::-1], "cat does not give the batches one after the other")
        return keys

    def reading(self, keys: list[str]) -> None:
        kind = self.kind
        again = kind.keys(kind.parse(keys))
        self.require(again == keys, f"parse does not read keys back: {keys[0]!r} becomes {again[0]!r:.80}")
        self.require(len(kind.parse([])) == 0, "parse([]) should be an empty batch")
        self.require(len(kind.plain(kind.parse(keys))) == len(keys), "plain does not give one thing for each object")

    def tables(self, objects: Any, n: int) -> None:
        columns = self.kind.columns(objects)
        self.require(bool(columns), "columns are none; a table of objects needs at least one")
        lengths = {name: len(cells) for name, cells in columns.items()}
        self.require(set(lengths.values()) == {n}, f"columns should have {n} cells each, have {lengths}")

    def capabilities(self, objects: Any, n: int) -> None:
        kind = self.kind
        if isinstance(kind, HasFingerprints):
            bits = np.asarray(kind.fingerprints(objects))
            self.require(bits.ndim == 2 and len(bits) == n, f"fingerprints should be [{n}, F], are {bits.shape}")
            self.require(bool(np.isin(bits, (0, 1)).all()), "fingerprints should be 0 or 1")
            alone = np.asarray(kind.fingerprints(kind.take(objects, [n - 1])))
            self.require(np.array_equal(alone[0], bits[-1]), "the fingerprint of an object depends on its company")
        if isinstance(kind, HasDescriptors):
            found = kind.describe(objects)
            self.require(set(found) == set(kind.descriptors), f"describe gives {sorted(found)}, not the `descriptors`")
            sizes = {name: column.shape for name, column in found.items()}
            self.require(set(sizes.values()) == {(n,)}, f"descriptors should be [{n}] each, are {sizes}")
        if isinstance(kind, HasCoordinates):
            points = kind.coordinates(objects)
            whole = points.ndim == 2 and len(points) == n and points.dtype.kind in "iu" and points.min() >= 0
            self.require(bool(whole), f"coordinates should be integers [{n}, d] from 0 on")
        if isinstance(kind, HasPictures):
            self.require("<svg" in kind.svg(objects[0]), "svg gives no SVG document")
            self.require(
                kind.sheet(objects, [""] * n)[:8] == b"\x89PNG\r\n\x1a\n", "sheet does not give the bytes of a PNG file"
            )
            self.require(min(kind.image(objects[0]).size) > 0, "image gives no picture")
