import math

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.formulas import FormulaMatch, atom_counts, parse_formula, total_atoms
from molgfn.testing import MOLECULES


def mols(*smiles: str) -> list[Chem.Mol]:
    return [Chem.MolFromSmiles(s) for s in smiles]


def test_formulas_are_read():
    assert parse_formula("C9H10N2O2PF2Cl") == {"C": 9, "H": 10, "N": 2, "O": 2, "P": 1, "F": 2, "Cl": 1}


@pytest.mark.parametrize("bad", ["", "c6h6", "C6H6+", "C 6", "C2H5C", "CH4."])
def test_what_is_no_formula_is_refused(bad):
    with pytest.raises(ValueError, match="is not a molecular formula"):
        parse_formula(bad)


def test_counts_equal_those_of_a_loop_over_atoms():
    """Charges, isotopes, salts and implicit hydrogens, on awkward molecules."""
    elements = ["C", "H", "Cl", "N", "O", "Na", "B", "Zn"]
    awkward = mols(*MOLECULES, "[2H]C([2H])Cl", "[13CH4]", "[Na+].[Cl-]", "*CC", "[H][H]", "C[NH3+].[Cl-]")
    full = [Chem.AddHs(mol) for mol in awkward]
    symbols = [[atom.GetSymbol() for atom in mol.GetAtoms()] for mol in full]
    expected = [[names.count(element) for element in elements] for names in symbols]
    np.testing.assert_array_equal(atom_counts(awkward, elements), expected)
    np.testing.assert_array_equal(total_atoms(awkward), [mol.GetNumAtoms() for mol in full])


def test_nearness_by_hand():
    match = FormulaMatch("CH4")
    expected = [1.0, math.exp(-(0.5 + 2.0 + 1.125) / 3), math.exp(-(0.5 + 2.0 + 0.5) / 3)]
    np.testing.assert_allclose(match(mols("C", "CC", "O")), expected)  # water: a C and two H too few, two atoms
    assert match([]).shape == (0,)
