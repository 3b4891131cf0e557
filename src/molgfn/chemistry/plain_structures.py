"""Structures as short plain data, from which a page without RDKit writes a MOL block."""

from __future__ import annotations

from typing import Any

from rdkit import Chem

from molgfn.chemistry.compact_drawing import laid_out

#: what a V2000 block says of a bond's direction
_WEDGES = {Chem.BondDir.BEGINWEDGE: 1, Chem.BondDir.BEGINDASH: 6, Chem.BondDir.UNKNOWN: 4}
#: of a double bond that is cis or trans
_EITHER = 3
#: most atoms or bonds of a V2000 block
_MOST = 999


def plain_structure(mol: Chem.Mol) -> dict[str, Any] | None:
    """Atoms and bonds in Kekule form with coordinates in a plane; None where a V2000 block has no room for them.

    Keys: ``atoms`` (symbols with spaces between), ``xy`` (hundredths of an Angstrom, x and y in turn), ``bonds``
    (begin, end from 1, order, in turn), ``wedges`` (bond from 1 and direction as in V2000, in turn), ``charges`` and
    ``isotopes`` (atom from 1 and number, in turn); the last three are absent where there are none.
    """
    if mol.GetNumAtoms() > _MOST or mol.GetNumBonds() > _MOST:
        return None
    flat = laid_out(mol)
    Chem.Kekulize(flat, clearAromaticFlags=True)
    place = flat.GetConformer()
    Chem.WedgeMolBonds(flat, place)
    out: dict[str, Any] = {
        "atoms": " ".join(atom.GetSymbol() for atom in flat.GetAtoms()),
        "xy": [round(100 * x) for i in range(flat.GetNumAtoms()) for x in list(place.GetAtomPosition(i))[:2]],
        "bonds": [
            number
            for bond in flat.GetBonds()
            for number in (bond.GetBeginAtomIdx() + 1, bond.GetEndAtomIdx() + 1, int(bond.GetBondTypeAsDouble()))
        ],
    }
    directed = {bond.GetIdx(): _WEDGES[d] for bond in flat.GetBonds() if (d := bond.GetBondDir()) in _WEDGES}
    # drawn in a plane a double bond is cis or trans: that nobody said which has to be said
    directed.update(dict.fromkeys(_unspecified(mol), _EITHER))
    if directed:
        out["wedges"] = [n for bond, direction in sorted(directed.items()) for n in (bond + 1, direction)]
    for name, ask in (("charges", Chem.Atom.GetFormalCharge), ("isotopes", Chem.Atom.GetIsotope)):
        if found := [n for atom in flat.GetAtoms() if ask(atom) for n in (atom.GetIdx() + 1, ask(atom))]:
            out[name] = found
    return out


def _unspecified(mol: Chem.Mol) -> list[int]:
    """Double bonds that could be cis or trans, and of which the molecule does not say which."""
    return [
        place.centeredOn
        for place in Chem.FindPotentialStereo(Chem.Mol(mol))
        if place.type == Chem.StereoType.Bond_Double and place.specified != Chem.StereoSpecified.Specified
    ]
