"""Molecules that grow out of each other, drawn in one layout with what is new marked, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem
from rdkit.Geometry import Point3D

from molgfn.chemistry.compact_drawing import compact_svg, laid_out

#: places of a part in the whole that are looked at
_MOST_MATCHES = 64


@dataclass(frozen=True)
class Grown:
    """One molecule of the series: an SVG document, and what it has more than the one before ("" where unknown)."""

    svg: str
    words: str


def draw_growth(mols: Sequence[Chem.Mol], size: tuple[int, int] = (170, 120)) -> list[Grown]:
    """Draw a series of molecules, each a part of the next one.

    The last is laid out, and the others lie in it where they lie in the next one. A molecule that is no part of the
    next (a hetero-ring that RDKit reads in another way) is laid out by itself, and nothing is marked in what follows.

    Args:
        mols: sanitised molecules, at least one.
        size: width and height of each picture in pixels.
    """
    placed = [laid_out(mols[-1])]
    inside: list[tuple[int, ...] | None] = []
    for mol in reversed(mols[:-1]):
        later = placed[-1]
        match = _part_of(mol, later)
        inside.append(match)
        placed.append(laid_out(mol) if match is None else _at(mol, later, match))
    placed.reverse()
    inside.reverse()
    out = [Grown(compact_svg(placed[0], size), f"starts with {Chem.MolToSmiles(mols[0])}")]
    for mol, match in zip(placed[1:], inside, strict=True):
        if match is None:
            out.append(Grown(compact_svg(mol, size), ""))
            continue
        old = set(match)
        atoms = [a.GetIdx() for a in mol.GetAtoms() if a.GetIdx() not in old]
        out.append(_marked(mol, atoms, match, placed[len(out) - 1], size))
    return out


def _marked(mol: Chem.Mol, atoms: list[int], match: tuple[int, ...], before: Chem.Mol, size: tuple[int, int]) -> Grown:
    known = {frozenset((match[b.GetBeginAtomIdx()], match[b.GetEndAtomIdx()])) for b in before.GetBonds()}
    new = [b for b in mol.GetBonds() if frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) not in known]
    svg = compact_svg(mol, size, highlight=atoms, highlight_bonds=[b.GetIdx() for b in new])
    if atoms:
        return Grown(svg, f"adds {Chem.MolFragmentToSmiles(mol, atoms)}")
    if new:
        rings = [len(r) for r in mol.GetRingInfo().BondRings() if any(b.GetIdx() in r for b in new)]
        return Grown(svg, f"closes a ring of {min(rings)}" if rings else "joins two parts")
    return Grown(svg, "no new atom")


def _part_of(mol: Chem.Mol, later: Chem.Mol) -> tuple[int, ...] | None:
    """Where the atoms of ``mol`` are in ``later``: equal elements, bonds of any order (a ring may turn aromatic)."""
    how = Chem.AdjustQueryParameters.NoAdjustments()
    how.makeBondsGeneric = True
    found = later.GetSubstructMatches(Chem.AdjustQueryProperties(mol, how), maxMatches=_MOST_MATCHES)
    # of several places that one is meant which leaves what is new in one piece
    return min(found, key=lambda match: _pieces(later, set(match)), default=None)


def _pieces(mol: Chem.Mol, without: set[int]) -> int:
    """Connected parts of the atoms that are left."""
    left = {atom.GetIdx() for atom in mol.GetAtoms()} - without
    pieces = 0
    while left:
        pieces += 1
        border = {left.pop()}
        while border:
            near = {n.GetIdx() for i in border for n in mol.GetAtomWithIdx(i).GetNeighbors()}
            border = near & left
            left -= border
    return pieces


def _at(mol: Chem.Mol, later: Chem.Mol, match: tuple[int, ...]) -> Chem.Mol:
    """A copy that lies where its atoms lie in ``later``."""
    out, there = Chem.Mol(mol), later.GetConformer()
    out.RemoveAllConformers()
    place = Chem.Conformer(out.GetNumAtoms())
    for i, j in enumerate(match):
        point = there.GetAtomPosition(j)
        place.SetAtomPosition(i, Point3D(point.x, point.y, 0.0))
    place.Set3D(False)
    out.AddConformer(place, assignId=True)
    return out
