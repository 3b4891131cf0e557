"""Types of atoms: element, charge and valence, and which bonds two of them may have.

A type is what an atom is apart from its bonds. Its valence is the sum of its bond orders and its hydrogens, so that the
hydrogens of an atom follow from its type and its bonds. A sanitised molecule in Kekule form gives each atom exactly one
type: element and charge are written down, and the valence is counted.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem

from molgfn.errors import ConfigError

#: name -> (element, charge, valence, no hydrogens); a name is the element, its valence where another is usual, a charge
_KNOWN = {
    "B": ("B", 0, 3, False),
    "C": ("C", 0, 4, False),
    "N": ("N", 0, 3, False),
    "O": ("O", 0, 2, False),
    "F": ("F", 0, 1, False),
    "Si": ("Si", 0, 4, False),
    "P": ("P", 0, 3, False),
    "S": ("S", 0, 2, False),
    "Cl": ("Cl", 0, 1, False),
    "Se": ("Se", 0, 2, False),
    "Br": ("Br", 0, 1, False),
    "I": ("I", 0, 1, False),
    "P5": ("P", 0, 5, True),
    "S4": ("S", 0, 4, True),
    "S6": ("S", 0, 6, True),
    "I3": ("I", 0, 3, True),
    "B-": ("B", -1, 4, False),
    "C-": ("C", -1, 3, False),
    "N+": ("N", 1, 4, False),
    "N-": ("N", -1, 2, False),
    "O+": ("O", 1, 3, False),
    "O-": ("O", -1, 1, False),
    "P+": ("P", 1, 4, False),
    "S+": ("S", 1, 3, False),
    "S-": ("S", -1, 1, False),
}
#: elements to which P5 may have a double bond. RDKit writes O=P=N-C and O=P=C-C with charges, so that they would be one
#: molecule with another set of types; ylides and phosphazenes are outside for that
_DOUBLE_AT_P5 = frozenset({"O", "S", "Se"})


@dataclass(frozen=True)
class AtomType:
    """What an atom is apart from its bonds.

    Attributes:
        name: such as ``C``, ``N+``, ``S4``.
        atomic_number: of the element.
        charge: formal charge.
        valence: sum of bond orders and hydrogens.
        saturated: no hydrogens are filled in; a finished molecule has ``valence`` orders of bonds at it.
    """

    name: str
    atomic_number: int
    charge: int
    valence: int
    saturated: bool

    @property
    def symbol(self) -> str:
        """Of the element."""
        return Chem.GetPeriodicTable().GetElementSymbol(self.atomic_number)


@dataclass(frozen=True)
class AtomRules:
    """The types of atoms that molecules may have.

    Attributes:
        types: different ones, numbered from 0.
        max_order: int8 [T, T], symmetric; the highest order of a bond between two types, 1 to 3.
    """

    types: tuple[AtomType, ...]
    max_order: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_order", _max_order(self.types))

    @classmethod
    def from_names(cls, names: Sequence[str]) -> AtomRules:
        """``["C", "N", "O", "N+", "O-"]``.

        Raises:
            ConfigError: no name, one that is there twice, or one that is not known (the nearest is named).
        """
        if isinstance(names, str):
            raise ConfigError(f"types: should be a list of types of atoms such as [C, N, O], not '{names}'")
        if not names:
            raise ConfigError("types: name at least one type of atom, for example [C, N, O, F]")
        problems = []
        for place, name in enumerate(names):
            if name not in _KNOWN:
                near = difflib.get_close_matches(str(name), _KNOWN, 1, cutoff=0.4)
                hint = f"; the nearest is '{near[0]}'" if near else ""
                problems.append(f"types: there is no type of atom '{name}'{hint}. Known are {', '.join(_KNOWN)}")
            elif name in names[:place]:
                problems.append(f"types: '{name}' is there twice")
        if problems:
            raise ConfigError(problems)
        return cls(tuple(atom_type(name) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the types."""
        return tuple(type_.name for type_ in self.types)

    def number_of(self) -> Mapping[tuple[int, int, int], int]:
        """(atomic number, charge, valence) -> number of the type; different types differ in it."""
        return {(t.atomic_number, t.charge, t.valence): number for number, t in enumerate(self.types)}


def known_types() -> tuple[str, ...]:
    """Names of all types, neutral ones with the usual valence first."""
    return tuple(_KNOWN)


def atom_type(name: str) -> AtomType:
    """The type of a known name."""
    symbol, charge, valence, saturated = _KNOWN[name]
    return AtomType(name, Chem.GetPeriodicTable().GetAtomicNumber(symbol), charge, valence, saturated)


def _max_order(types: Sequence[AtomType]) -> np.ndarray:
    orders = np.ones((len(types), len(types)), dtype=np.int8)
    for a, one in enumerate(types):
        for b, other in enumerate(types):
            most = min(one.valence, other.valence, 3)
            if one.saturated or other.saturated:
                most = min(most, 2)
            for here, there in ((one, other), (other, one)):
                if here.name == "P5" and there.symbol not in _DOUBLE_AT_P5:
                    most = 1
                if here.name == "I3":
                    most = 1
            orders[a, b] = most
    return orders
