"""Vocabulary fragments seen from their nodes: which parts of fragments may lie at a node of a molecule's rigid tree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import perm

from molgfn.chemistry.trees.embedding import Pattern, PointSite
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.ways import Ways

#: ``SITE`` * a site + a number: of a part that is to lie on a branch at that site of a node, or of the branch itself.
#: One whole number, for these are sorted and hashed a lot.
AtSite = int
SITE = 1 << 32
#: types of attachment points, by site
Types = tuple[int, ...]
#: per site of a node: numbers of the parts that hang there, and its attachment points
_Sites = tuple[tuple[tuple[int, ...], PointSite], ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A fragment seen from one of its nodes: all of it, or the part of it beyond a bond.

    Attributes:
        number: of the part, equal for isomorphic ones; -1 for all of a fragment.
        signature: of the fragment; 0 for a part.
        own: the node's site towards the rest of the fragment; -1 for all of a fragment.
        sites: per site of the node, numbers of the parts that hang there, and attachment points.
    """

    number: int
    signature: int
    own: int
    sites: _Sites

    def takes(self, bonds: int) -> bool:
        """Whether the node may have so many cut bonds in all."""
        inner = (self.own >= 0) + sum(len(inner) for inner, _ in self.sites)
        fewest = inner + sum(points.fewest for _, points in self.sites)
        return fewest <= bonds <= inner + sum(points.points for _, points in self.sites)


@dataclass(frozen=True, slots=True)
class Fits:
    """Fragments and parts of fragments that fit a node, as a prefix tree of the needs they have.

    Numbers of ways are those to place the first node and to choose points for its cut bonds, by signature: of the
    fragment, and of the points of the node that stay open.

    Attributes:
        whole: ways of fragments without further needs, by the type of the point towards the root (-1 at the root).
        open: ways of parts without further needs, by number of the part.
        further: what has one need more.
    """

    whole: dict[int, Ways] = field(default_factory=dict)
    open: dict[int, Ways] = field(default_factory=dict)
    further: dict[AtSite, Fits] = field(default_factory=dict)


class FragmentParts:
    """All fragments of a vocabulary, seen from each of their nodes and across each of their bonds.

    Args:
        types: numbers the types of nodes.
    """

    def __init__(self, types: RigidTypes) -> None:
        self._types = types
        self._parts: dict[int, Counter[_Part]] = {}  # by type of node
        self._numbers: dict[tuple, int] = {}

    def add(self, pattern: Pattern, signature: int) -> dict[tuple[int, int], int]:
        """Take in a fragment; returns the number of its part at each (node, neighbour that it is seen from)."""
        known: dict[tuple[int, int], int] = {}
        for node in range(len(pattern.types)):
            whole = _Part(-1, signature, -1, self._sites(pattern, node, -1, known))
            self._parts.setdefault(pattern.types[node], Counter())[whole] += 1
        return known

    def fits(self, type_: int, own: int, sites: list[int]) -> dict[Types, Fits]:
        """What fits a node, by the types of the points that branches are cut from.

        These come one per site from which branches hang, in the order in which the sites come; -1 where none is cut.

        Args:
            type_: type of the node.
            own: its site towards the root of the molecule; -1 at the root.
            sites: its sites from which other branches hang, one entry per branch.
        """
        bonds = Counter(sites if own < 0 else [own, *sites])
        found: dict[Types, Fits] = {}
        occupied = tuple(dict.fromkeys(sites))
        for part, times in self._parts.get(type_, {}).items():
            if own < 0 <= part.own or not part.takes(bonds.total()):
                continue
            for symmetry in self._types.nodes[type_].symmetries:
                if part.own >= 0 and symmetry[part.own] != own:
                    continue
                ways, needs, signature, up = times, [], part.signature, -1
                cut_types: dict[int, int] = {}
                for site, (inner, points) in enumerate(part.sites):
                    at = symmetry[site]
                    cuts = bonds[at] - len(inner) - (site == part.own)
                    if not points.fewest <= cuts <= points.points:
                        break
                    ways *= perm(points.points, cuts)
                    signature += points.open_ * (points.points - cuts)
                    needs += [at * SITE + number for number in inner]
                    if cuts:
                        if at == own and part.own < 0:
                            up, cuts = points.type_, cuts - 1
                        if cuts:
                            cut_types[at] = points.type_
                else:
                    fits = found.setdefault(tuple(cut_types.get(site, -1) for site in occupied), Fits())
                    for need in sorted(needs):
                        fits = fits.further.setdefault(need, Fits())
                    table, key = (fits.whole, up) if part.number < 0 else (fits.open, part.number)
                    here = table.setdefault(key, {})
                    here[signature] = here.get(signature, 0) + ways
        return found

    def _sites(self, pattern: Pattern, node: int, parent: int, known: dict[tuple[int, int], int]) -> _Sites:
        """``sites`` of the part at ``node``, away from ``parent``; ``known`` are the numbers by (node, parent)."""
        sites = []
        for site, atom in enumerate(pattern.atoms[node]):
            beyond = [(other, at) for other, at in pattern.bonds[node].get(site, ()) if other != parent]
            for other, at in beyond:
                if (other, node) not in known:
                    known[other, node] = self._number(
                        pattern.types[other], at, self._sites(pattern, other, node, known)
                    )
            sites.append((tuple(sorted(known[other, node] for other, _ in beyond)), pattern.sites[atom]))
        return tuple(sites)

    def _number(self, type_: int, own: int, sites: _Sites) -> int:
        """Number of the part that begins with such a node, bonded to the rest of its fragment by site ``own``."""
        shape = min(
            (
                symmetry[own],
                *sorted(
                    (symmetry[site], inner, points.points, points.type_) for site, (inner, points) in enumerate(sites)
                ),
            )
            for symmetry in self._types.nodes[type_].symmetries
        )
        new = len(self._numbers)
        number = self._numbers.setdefault((type_, shape), new)
        if number == new:
            self._parts.setdefault(type_, Counter())[_Part(number, 0, own, sites)] = 1
        return number
