import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rdkit import Chem

from molgfn.chemistry.drawing import grid_png, molecule_svg, molecule_svgs

MOLS = [Chem.MolFromSmiles(s) for s in ("CC(=O)Oc1ccccc1C(=O)O", "C", "c1ccncc1")]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_svg_is_a_document_of_the_size_asked():
    root = ElementTree.fromstring(molecule_svg(MOLS[0], (300, 200)))
    assert root.tag.endswith("svg")
    assert (root.get("width"), root.get("height")) == ("300px", "200px")
    assert len(root.findall(".//{*}path")) > 15  # 13 bonds and the letters


def test_legend_is_drawn():
    plain, named = molecule_svg(MOLS[2]), molecule_svg(MOLS[2], legend="pyridine")
    assert named.count("legend") > plain.count("legend") == 0


def test_svgs_come_in_order():
    assert molecule_svgs(MOLS) == [molecule_svg(m) for m in MOLS]
    assert molecule_svgs(MOLS, ["a", "b", "c"]) == [molecule_svg(m, legend=t) for m, t in zip(MOLS, "abc", strict=True)]


def test_grid_shape_and_content():
    one_row, two_rows = pixels(grid_png(MOLS, columns=3)), pixels(grid_png(MOLS, columns=2))
    assert one_row.shape[1] > two_rows.shape[1]
    assert one_row.shape[0] < two_rows.shape[0]
    third = one_row.shape[1] // 3
    for i in range(3):  # ink in every cell
        assert (one_row[:, i * third : (i + 1) * third] < 100).any()
    named = pixels(grid_png(MOLS, ["x", "y", "z"], columns=3))
    assert named.shape == one_row.shape
    assert (named != one_row).any()


def test_molecules_are_not_changed():
    mol = Chem.MolFromSmiles("CCO")
    molecule_svg(mol)
    grid_png([mol])
    assert mol.GetNumConformers() == 0


def test_bad_input():
    with pytest.raises(ValueError, match="at least one"):
        grid_png([])
    with pytest.raises(ValueError, match="2 legends for 3 molecules"):
        grid_png(MOLS, ["a", "b"])
    with pytest.raises(ValueError, match="1 legends for 3 molecules"):
        molecule_svgs(MOLS, ["a"])
