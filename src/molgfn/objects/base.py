"""The contract of a kind of object: how finished objects are named, gathered, written and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.former_names import FormerName, FormerNames


@attributes_in_docstring
class ObjectKind(ABC):
    """What the finished objects of an environment are: molecules, strings, points of a grid.

    An environment says of which kind its objects are, an oracle of which kind it measures; the two must be the same.
    A *batch* is what ``Environment.objects`` gives and what oracles take: a list, or whatever else has a length and
    gives one object by ``batch[i]``. What only some kinds can do (be drawn, be compared) is in
    ``objects.capabilities``.

    There is one instance of each class, so that kinds are compared by ``is``: ``MoleculeKind() is MoleculeKind()``.
    A kind has no state and imports nothing heavy before it is asked, because worker processes of oracles use it.
    """

    #: the word for it in messages and configs
    name: ClassVar[str]
    #: column of the keys in tables of samples
    key_column: ClassVar[str] = "object"
    #: endings of files of its own that ``write`` can write, beside tables
    formats: ClassVar[tuple[str, ...]] = ()
    #: those of ``formats`` that have no room for columns beside the objects
    bare_formats: ClassVar[tuple[str, ...]] = ()
    #: there are so many that a sampler which draws the same few again and again has collapsed
    countless: ClassVar[bool] = False
    #: what values of an oracle leave open, a sentence for the limits in a report; "" for nothing
    caveat: ClassVar[str] = ""

    _only: ClassVar[Any]

    def __new__(cls) -> Self:
        if "_only" not in cls.__dict__:  # not that of the class above
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def plural(self) -> str:
        """The word for several."""
        return f"{self.name}s"

    @abstractmethod
    def keys(self, objects: Any) -> list[str]:
        """One text for each object of a batch [B], equal exactly when the objects are the same.

        It says the whole object: ``parse`` reads it back. An object with a problem needs no key that can be read.
        """

    @abstractmethod
    def parse(self, keys: Sequence[str]) -> Any:
        """The batch [B] of objects with these keys; also other texts that mean an object, such as any SMILES.

        Raises:
            DataError: a text that means no object, where the kind has no objects with a problem.
        """

    def problems(self, objects: Any) -> list[str | None]:
        """For each object [B] why it is none after all (a molecule that cannot be), or None where it is one."""
        return [None] * len(objects)

    def take(self, objects: Any, rows: Sequence[int]) -> Any:
        """The batch of the objects at ``rows``, in that order."""
        return [objects[row] for row in rows]

    def cat(self, batches: Sequence[Any]) -> Any:
        """At least one batch, one after the other, as one."""
        return [thing for batch in batches for thing in batch]

    def plain(self, objects: Any) -> Any:
        """The batch as a function takes it that knows nothing of this package: by default the list of the keys."""
        return self.keys(objects)

    def columns(self, objects: Any) -> dict[str, list[Any]]:
        """The objects [B] as columns of a table: name -> B cells."""
        return {self.key_column: self.keys(objects)}

    def write(self, objects: Any, path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write a batch [B] into a file with one of ``formats``.

        Args:
            objects: none of them with a problem.
            path: the file to be.
            columns: name -> B cells (numbers, texts, or None and NaN for nothing) beside the objects; empty for
                ``bare_formats``.

        Raises:
            ContractError: the kind has none of its own.
        """
        raise ContractError(f"{type(self).__name__} declares formats {self.formats}, but has no `write`")


class OfAKind(FormerNames):
    """Base of what is for one kind of object and says so by ``kind``: environments and oracles."""

    domain = FormerName("`kind` says what the objects are, an instance of ObjectKind such as objects.grid.GRID")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        given = vars(cls).get("kind")
        if isinstance(given, str | type):
            raise ContractError(
                f"{cls.__name__}.kind is {given!r}, but should be an instance of ObjectKind such as objects.grid.GRID"
            )
