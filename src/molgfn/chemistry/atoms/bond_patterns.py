"""Bonds that are not built, as text: two atoms and what is between them.

Single and double bonds of aromatic rings change places between the Kekule forms of one molecule, so that a mask of one
of the two would forbid some forms of a molecule and not others. A pattern stands for bonds of any order, or for triple
ones.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from molgfn.chemistry.atoms.rules import AtomType, atom_type, known_types
from molgfn.errors import ConfigError

_ORDERS = {"#": {3}, "~": {1, 2, 3}}
_ATOM = r"(\*|[A-Z][a-z]?\d?[+-]?)"
_PATTERN = re.compile(f"{_ATOM}([-=#~]){_ATOM}")


@dataclass(frozen=True)
class BondPattern:
    """A bond between two sorts of atoms: ``N~N``, ``S~S``, ``C#C``, ``N+~O-``, ``P~*``.

    A sort is an element, which stands for all types of it, a type that has a valence or a charge in its name, or ``*``.

    Attributes:
        text: as it was given.
        ends: the two sorts.
        orders: orders of bonds that it stands for, in the Kekule form.
    """

    text: str
    ends: tuple[str, str]
    orders: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> BondPattern:
        """Raises ``ConfigError`` where the text is no pattern, or an atom of it is not known (the nearest is named)."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"'{text}' is no bond; write two atoms and ~ (a bond of any order) or #, as in N~S or C#C"
            )
        if found[2] not in _ORDERS:
            raise ConfigError(
                f"'{text}': single and double bonds change places in aromatic rings, so that no mask can forbid one of "
                f"them; write {found[1]}~{found[3]} for any bond, or use a filter of the reward"
            )
        for end in (found[1], found[3]):
            if end not in known_sorts():
                near = difflib.get_close_matches(end, known_sorts(), 1, cutoff=0.3)
                hint = f"; the nearest is '{near[0]}'" if near else ""
                raise ConfigError(f"'{text}': there is no type of atom '{end}'{hint}")
        return cls(text, (found[1], found[3]), frozenset(_ORDERS[found[2]]))

    def matches(self, one: AtomType, other: AtomType, order: int) -> bool:
        """Whether it stands for a bond of ``order`` between two types."""
        first, second = self.ends
        forward = _is(one, first) and _is(other, second)
        return order in self.orders and (forward or (_is(one, second) and _is(other, first)))


def known_sorts() -> tuple[str, ...]:
    """What an end of a pattern may be."""
    return ("*", *dict.fromkeys([*(atom_type(name).symbol for name in known_types()), *known_types()]))


def _is(type_: AtomType, sort: str) -> bool:
    return sort in ("*", type_.name, type_.symbol)
