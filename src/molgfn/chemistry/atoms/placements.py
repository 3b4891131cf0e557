r"""Where parts lie in a molecule that was built around them, and the symmetry correction of such molecules.

A state is a Kekule form with the atoms of the parts marked. With S the scaffold and a *placement* an injective map p of
the atoms of the parts onto a form of x that keeps types, all orders between them and the points (stars),

    C(x) = sum over non-isomorphic marked forms of |Aut(S)| / |Aut(marked form)| = sum over p of K(x | p) / |Aut(x)|,

K(x | p) the number of Kekule forms of x, atoms numbered, that have the orders of the parts where p puts them: pairs of
a numbered form and a placement in it are permuted by Aut(x), and a marked form stands for |Aut(S)| placements, in
|Aut(x)| / |Aut(marked form)| ways. (A second part L, linked by one bond, is one node of the state: the automorphisms of
L that keep its point multiply both the placements and the automorphisms of the form with the whole of L in it, and go
out.) K(x | p) counts the matchings of the aromatic atoms outside the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np
from rdkit import Chem

from molgfn.chemistry.atoms.kekule import aromatic_pairs, kekule_bonds, molecule_automorphisms
from molgfn.chemistry.atoms.matchings import Matchings
from molgfn.chemistry.atoms.parts import Part
from molgfn.errors import DataError

#: placements of the parts in one molecule that are looked at; a part of few atoms lies in few ways
_MOST = 10_000


@dataclass(frozen=True)
class Placement:
    """Parts in a molecule.

    Attributes:
        atoms: for each part, the molecule's atom of each of its atoms.
        forms: K(x | p).
    """

    atoms: tuple[tuple[int, ...], ...]
    forms: int


class Placements:
    """All placements of parts in a molecule.

    Args:
        mol: sanitised, connected; stereo marks are not looked at.
        parts: the scaffold, and a part linked to it by its one star where there is one.

    Attributes:
        found: those in which the molecule has a Kekule form.

    Raises:
        DataError: there are more than can be looked at.
    """

    def __init__(self, mol: Chem.Mol, parts: Sequence[Part]) -> None:
        self._mol, self._parts = mol, parts
        self._bonds = kekule_bonds(mol)
        self._pairs = aromatic_pairs(mol)
        self._aromatic = np.zeros_like(self._bonds, dtype=bool)
        for a, b in self._pairs:
            self._aromatic[a, b] = self._aromatic[b, a] = True
        atoms = [mol.GetAtomWithIdx(i) for i in range(mol.GetNumAtoms())]
        self._hydrogens = [a.GetTotalNumHs() for a in atoms]
        used = self._bonds.sum(1).tolist()
        self._kinds = [
            (a.GetAtomicNum(), a.GetFormalCharge(), u + h) for a, u, h in zip(atoms, used, self._hydrogens, strict=True)
        ]
        self._near = [np.flatnonzero(row).tolist() for row in self._bonds]
        self.found = [p for p in map(self._counted, self._together()) if p.forms]

    def log_symmetry(self, counted: Sequence[Placement]) -> float:
        """log C(x), of the placements that are counted; -inf where there is none."""
        forms = sum(placement.forms for placement in counted)
        return log(forms) - log(molecule_automorphisms(self._mol)) if forms else -inf

    def form(self, placement: Placement, rng: np.random.Generator | None) -> np.ndarray:
        """Bonds int8 [n, n] of a Kekule form of a placement, each as likely as any other; the first without ``rng``."""
        matchings, pairs, atoms = self._outside(placement.atoms)
        bonds = self._bonds.copy()
        for a, b in pairs:
            bonds[a, b] = bonds[b, a] = 1
        chosen = next(iter(matchings)) if rng is None else matchings.draw(rng)
        for i, j in chosen:
            bonds[atoms[i], atoms[j]] = bonds[atoms[j], atoms[i]] = 2
        for part, where in zip(self._parts, placement.atoms, strict=True):
            bonds[np.ix_(where, where)] = part.bonds
        return bonds

    def _counted(self, atoms: tuple[tuple[int, ...], ...]) -> Placement:
        return Placement(atoms, self._outside(atoms)[0].count)

    def _outside(self, placed: tuple[tuple[int, ...], ...]) -> tuple[Matchings, list[tuple[int, int]], list[int]]:
        """The forms outside the parts: matchings, all aromatic bonds that are not inside parts, atoms matched."""
        inside = [set(where) for where in placed]
        taken = set().union(*inside)
        doubled = {a for pair in self._pairs if self._bonds[pair] == 2 for a in pair}
        atoms = sorted(doubled - taken)
        place = {atom: i for i, atom in enumerate(atoms)}
        edges = [(place[a], place[b]) for a, b in self._pairs if a in place and b in place]
        pairs = [(a, b) for a, b in self._pairs if not any(a in part and b in part for part in inside)]
        return Matchings(len(atoms), edges), pairs, atoms

    def _together(self) -> Iterator[tuple[tuple[int, ...], ...]]:
        """Places of all parts, none on another; a second part is bonded by its star to what is not in it."""
        number = 0
        for first in self._places(self._parts[0]):
            for rest in self._rest(frozenset(first), self._parts[1:]):
                number += 1
                if number > _MOST:
                    raise DataError(f"the parts lie in the molecule in over {_MOST} ways")
                yield first, *rest

    def _rest(self, taken: frozenset[int], parts: Sequence[Part]) -> Iterator[tuple[tuple[int, ...], ...]]:
        if not parts:
            yield ()
            return
        for where in self._places(parts[0]):
            if taken.isdisjoint(where):
                for others in self._rest(taken | set(where), parts[1:]):
                    yield where, *others

    def _places(self, part: Part) -> Iterator[tuple[int, ...]]:
        """Every map of a part's atoms that keeps what they are, the orders between them, and their points."""
        near = [np.flatnonzero(row).tolist() for row in part.bonds]
        order, parent = [0], {0: -1}
        for atom in order:
            for other in near[atom]:
                if other not in parent:
                    parent[other] = atom
                    order.append(other)
        kinds = [(t.atomic_number, t.charge, t.valence) for t in part.types]
        inside = part.bonds.sum(1).tolist()
        image: dict[int, int] = {}

        def fits(atom: int, place: int) -> bool:
            outside = len(self._near[place]) - len(near[atom])
            if self._kinds[place] != kinds[atom] or not 0 <= outside <= part.stars[atom]:
                return False
            if part.filled[atom] and outside != part.stars[atom]:
                return False
            if self._hydrogens[place] != kinds[atom][2] - inside[atom] - outside:
                return False
            for other, there in image.items():
                order = part.bonds[atom, other]
                if bool(order) != bool(self._bonds[place, there]):
                    return False
                if order and not (self._aromatic[place, there] or self._bonds[place, there] == order):
                    return False
            return True

        def extend(depth: int) -> Iterator[tuple[int, ...]]:
            if depth == len(order):
                where = tuple(image[i] for i in range(len(order)))
                if self._leaves_well(part, where):
                    yield where
                return
            atom = order[depth]
            options = range(len(self._kinds)) if depth == 0 else self._near[image[parent[atom]]]
            taken = set(image.values())
            for place in options:
                if place not in taken and fits(atom, place):
                    image[atom] = place
                    yield from extend(depth + 1)
                    del image[atom]

        yield from extend(0)

    def _leaves_well(self, part: Part, where: tuple[int, ...]) -> bool:
        """Whether all bonds that leave the part can be single: one that is aromatic can, where a form has it so."""
        inside = set(where)
        leaving = [(place, other) for place in where for other in self._near[place] if other not in inside]
        return all(self._aromatic[bond] or self._bonds[bond] == 1 for bond in leaving)
