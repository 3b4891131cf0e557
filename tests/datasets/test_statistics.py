import pytest

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.datasets.statistics import MoleculeStatistics


def test_counts():
    s = MoleculeStatistics()
    for molecule in parse(
        ["CCO", "OCC", "C[NH3+]", "O=[N+]([O-])c1ccccc1", "CC(=O)[O-].[Na+]", "[13CH4]", "C[C@H](N)Cl", "F/C=C/F"]
    ):
        s.add(molecule)
    assert (s.molecules, s.different) == (8, 7)
    assert (s.salts, s.charged, s.charged_atoms, s.stereo, s.isotopes) == (1, 1, 3, 2, 1)
    assert s.elements == {"C": 8, "O": 4, "N": 3, "Na": 1, "Cl": 1, "F": 1}
    assert dict(s.sizes) == {3: 2, 2: 1, 9: 1, 5: 1, 1: 1, 4: 2}


def test_quantiles_are_those_of_the_sorted_sizes():
    s = MoleculeStatistics()
    for n in (1, 1, 2, 3, 3, 3, 4, 5, 6, 20):
        s.add(Molecule.from_smiles("C" * n))
    assert s.size_quantiles() == [1, 1, 3, 20, 20]
    assert s.size_quantiles((0.1, 0.2, 0.21, 0.9)) == [1, 1, 2, 6]
    assert MoleculeStatistics().size_quantiles() == []


def test_what_is_no_molecule_is_refused():
    with pytest.raises(ValueError, match="valence"):
        MoleculeStatistics().add(Molecule.failed("valence: x"))


def test_radicals_and_the_small_parts_of_salts_are_named():
    s = MoleculeStatistics()
    for molecule in parse(["[Cl].CCN", "CCN.[Cl]", "C[CH2]", "CC(=O)[O-].[Na+]", "O.O.CCN.Cl", "CC"]):
        s.add(molecule)
    assert (s.salts, s.radicals) == (4, 3)
    assert s.radical_parts == {"[Cl]": 2, "[CH2]C": 1}
    assert s.small_parts == {"[Cl]": 2, "[Na+]": 1, "O": 1, "Cl": 1}  # molecules, not parts
