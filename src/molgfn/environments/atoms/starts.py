"""What molecules begin with: nothing, or a scaffold, and a second part that has to be linked to it.

The atoms of a scaffold stand in the first m slots and stay there. They have *marked* types of their own, which are
never added and whose valence is what their bonds inside the scaffold and their stars take, so that masks, hashes and
keys need not know of scaffolds: two states are one exactly when a permutation of atoms takes the one to the other, and
its scaffold to that of the other. A linked part is one node of a marked type with valence 1, added once. Molecules are
put together of both and taken apart here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log

import numpy as np
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import arrays_of, molecule_of
from molgfn.chemistry.atoms.kekule import canonical_form
from molgfn.chemistry.atoms.parts import Part
from molgfn.chemistry.atoms.placements import Placement, Placements
from molgfn.chemistry.atoms.rules import AtomRules, AtomType, known_types
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError


@dataclass(frozen=True, eq=False)
class Start:
    """What molecules begin with.

    Args:
        rules: types of atoms that are added.
        scaffold: m atoms; None for nothing.
        link: a part with one star that has to be linked to the scaffold; None for none.

    Attributes:
        types: those of ``rules``, then the marked ones.
        bases: the ordinary type of each.
        linked: number of the type that stands for the linked part; None where there is none.
        slots, bonds: int64 [m] and int8 [m, m], types (from 0) and orders of the scaffold.
    """

    rules: AtomRules
    scaffold: Part | None = None
    link: Part | None = None
    types: tuple[AtomType, ...] = field(init=False)
    bases: tuple[AtomType, ...] = field(init=False)
    linked: int | None = field(init=False)
    slots: np.ndarray = field(init=False)
    bonds: np.ndarray = field(init=False)
    _everything: AtomRules = field(init=False, repr=False)

    def __post_init__(self) -> None:
        types, bases = list(self.rules.types), list(self.rules.types)
        slots, bonds = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int8)
        if self.scaffold is not None:
            marked, numbers = self.scaffold.marked_types()
            slots, bonds = len(types) + numbers, self.scaffold.bonds
            base = {number: self.scaffold.types[i] for i, number in enumerate(numbers.tolist())}
            types += marked
            bases += [base[number] for number in range(len(marked))]
        linked = None
        if self.link is not None:
            linked, base = len(types), self.link.types[self._star]
            types.append(AtomType(f"{base.name}(linked)", base.atomic_number, base.charge, 1, False))
            bases.append(base)
        found = {"types": tuple(types), "bases": tuple(bases), "linked": linked, "slots": slots, "bonds": bonds}
        # ordinary types by number: those of nodes, then those of the atoms of the linked part
        found["_everything"] = AtomRules((*bases, *(self.link.types if self.link is not None else ())))
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def m(self) -> int:
        """Atoms of the scaffold."""
        return len(self.slots)

    @property
    def smiles(self) -> str:
        """Of the scaffold; empty without one."""
        return "" if self.scaffold is None else self.scaffold.smiles

    @property
    def link_smiles(self) -> str:
        """Of the linked part; empty without one."""
        return "" if self.link is None else self.link.smiles

    @property
    def hidden(self) -> int:
        """Atoms of the linked part beside the node that stands for it."""
        return 0 if self.link is None else len(self.link) - 1

    @property
    def log_automorphisms(self) -> float:
        """log |Aut| of the scaffold, points told from other atoms."""
        return log(canonical_form(self.slots, self.bonds).automorphisms) if self.m else 0.0

    @property
    def _star(self) -> int:
        """The atom of the linked part that has the star."""
        return 0 if self.link is None else int(self.link.stars.argmax())

    @property
    def parts(self) -> list[Part]:
        return [part for part in (self.scaffold, self.link) if part is not None]

    def molecule(self, types: np.ndarray, bonds: np.ndarray) -> Molecule:
        """The molecule of a graph: types int64 [n] (from 0), orders int8 [n, n]; open stars are hydrogens."""
        if not self.parts:
            return molecule_of(types, bonds, self.rules)
        rules, types = self._everything, np.asarray(types)
        if self.link is not None and (node := np.flatnonzero(types == self.linked)).size:
            here, more = int(node[0]), [i for i in range(len(self.link)) if i != self._star]
            n, m = len(types), len(more)
            place = np.empty(len(self.link), dtype=np.int64)
            place[self._star], place[more] = here, n + np.arange(m)
            wide = np.zeros((n + m, n + m), dtype=np.int8)
            wide[:n, :n] = bonds
            wide[np.ix_(place, place)] += self.link.bonds
            types = np.concatenate([types, len(self.bases) + np.array(more, dtype=np.int64)])
            bonds = wide
        return molecule_of(types, bonds, rules)

    def kept_apart(self, one: int, other: int) -> bool:
        """Whether atoms of two types are never bonded: both are of the scaffold, or both the linked part."""
        ordinary = len(self.rules.types)
        marked = one >= ordinary and other >= ordinary
        return marked and (self.linked is None or (one == self.linked) == (other == self.linked))

    def placements(self, mol: Chem.Mol) -> tuple[Placements, np.ndarray] | str:
        """Where the parts lie in a molecule, and the types of its atoms among ``known_types``; or why nowhere."""
        found = arrays_of(mol, AtomRules.from_names(known_types()))
        if isinstance(found, str):
            return found
        try:
            placements = Placements(mol, self.parts)
        except DataError as error:
            return str(error)
        if not placements.found:
            return "without the scaffold" if self.link is None else "without both parts, linked by their points"
        return placements, found[0]

    def nodes(self, known: np.ndarray, bonds: np.ndarray, placement: Placement) -> tuple[np.ndarray, np.ndarray] | str:
        """The graph of a placement: types int64 [n] (from 0), the scaffold first, and orders int8 [n, n].

        Args:
            known: types of all atoms of the molecule among ``known_types``.
            bonds: orders of a form of it in which the parts have theirs.
            placement: of the parts.

        Returns:
            The arrays, or a reason: the type of an atom outside the parts.
        """
        linked: list[int] = []
        hidden: set[int] = set()
        if self.link is not None:
            linked = [placement.atoms[-1][self._star]]
            hidden = set(placement.atoms[-1])
        first = list(placement.atoms[0])
        others = [i for i in range(len(known)) if i not in hidden and i not in first]
        number, names = {t.name: k for k, t in enumerate(self.rules.types)}, known_types()
        if outside := [names[known[i]] for i in others if names[known[i]] not in number]:
            return f"type {outside[0]}"
        order = [*first, *others, *linked]
        types = [*self.slots.tolist(), *(number[names[known[i]]] for i in others), *([self.linked] * len(linked))]
        return np.array(types, dtype=np.int64), bonds[np.ix_(order, order)]
