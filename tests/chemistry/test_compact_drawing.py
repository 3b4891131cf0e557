"""Small pictures: nothing of the molecule is missing in them; and series of growing molecules."""

import re
from xml.etree import ElementTree

import pytest
from rdkit import Chem

from molgfn.chemistry.compact_drawing import compact_svg
from molgfn.chemistry.growth_drawing import draw_growth
from molgfn.chemistry.plain_structures import plain_structure

DRUG = "CC(=O)Nc1ccc(S(=O)(=O)N[C@@H](C)CO)cc1C[NH3+]"


def segments(svg: str) -> int:
    """Straight lines of all strokes."""
    return sum(d.count("L") for d in re.findall(r'<path stroke="[^"]*" stroke-width="[^"]*" d="([^"]*)"', svg))


def test_a_small_picture_is_whole_and_small():
    mol = Chem.MolFromSmiles("OC(=O)c1ccccc1")
    svg = compact_svg(mol)
    assert len(svg) < 1800
    root = ElementTree.fromstring(svg)
    letters = "".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert sorted(letters) == ["H", "O", "O"]
    # 9 bonds: three double ones in the ring (2 lines each); C-O and C=O change colour half-way
    assert segments(svg) == 6 + 3 + 1 + 2 + 4
    assert "currentColor" in svg
    assert "#000" not in svg


def test_wedges_and_charges_are_drawn():
    svg = compact_svg(Chem.MolFromSmiles(DRUG))
    flat = compact_svg(Chem.MolFromSmiles(DRUG.replace("[C@@H]", "C")))
    assert ">+<" in svg
    assert svg != flat
    assert len(svg) < 4500


def test_a_growing_molecule_keeps_its_place_and_what_is_new_is_marked_and_said():
    series = ["C", "Cc1ccncc1", "Oc1cnccc1C", "CC(=O)Oc1cnccc1C"]
    mols = [Chem.MolFromSmiles(s) for s in series]
    drawn = draw_growth(mols)
    assert [step.words for step in drawn] == ["starts with C", "adds c1ccncc1", "adds O", "adds CC=O"]
    assert [step.svg.count("stroke-opacity") for step in drawn] == [0, 1, 1, 1]
    assert all(mol.GetNumConformers() == 0 for mol in mols), "the given molecules stay as they are"


def test_of_several_places_what_is_new_stays_in_one_piece():
    # C-O lies twice in the whole: at the methoxy group and, less well, at the ring
    drawn = draw_growth([Chem.MolFromSmiles(s) for s in ("CO", "COc1ccccc1F")])
    assert drawn[1].words == "adds Fc1ccccc1"


def test_a_ring_that_closes_and_a_series_that_is_none():
    ring = draw_growth([Chem.MolFromSmiles(s) for s in ("CCCCC", "C1CCCC1")])
    assert ring[1].words == "closes a ring of 5"
    assert "stroke-opacity" in ring[1].svg
    assert [step.words for step in draw_growth([Chem.MolFromSmiles(s) for s in ("CCN", "CCO")])] == [
        "starts with CCN",
        "",
    ]


@pytest.mark.parametrize("smiles", [DRUG, "[13CH4]", "C[N+](C)(C)CC([O-])=O", "c1ccc2[nH]ccc2c1", "F/C=C/F"])
def test_plain_structures_have_all_atoms_bonds_charges_and_isotopes(smiles):
    mol = Chem.MolFromSmiles(smiles)
    plain = plain_structure(mol)
    atoms = plain["atoms"].split()
    assert atoms == [atom.GetSymbol() for atom in mol.GetAtoms()]
    assert len(plain["xy"]) == 2 * len(atoms)
    assert len(plain["bonds"]) == 3 * mol.GetNumBonds()
    charges = dict(zip(plain.get("charges", [])[::2], plain.get("charges", [])[1::2], strict=True))
    assert sum(charges.values()) == Chem.GetFormalCharge(mol)
    assert ("isotopes" in plain) == ("13" in smiles)
    assert ("wedges" in plain) == ("@" in smiles)


def test_a_structure_that_a_v2000_block_cannot_hold_is_left_out():
    assert plain_structure(Chem.MolFromSmiles("C" * 1000)) is None


@pytest.mark.parametrize(
    ("smiles", "either"),
    [("CC=CC", {2}), ("C/C=C/C", set()), ("CC=C", set()), ("O=C(C=Cc1ccccc1)O", {3}), ("C1=CCCCC1", set())],
)
def test_a_double_bond_of_unknown_side_stays_so_in_a_plain_structure(smiles, either):
    plain = plain_structure(Chem.MolFromSmiles(smiles))
    assert plain is not None
    directions = plain.get("wedges", [])
    assert {bond for bond, direction in zip(directions[::2], directions[1::2], strict=True) if direction == 3} == either
