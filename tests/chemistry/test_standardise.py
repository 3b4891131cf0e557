import pytest

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.standardise import Standardisation
from molgfn.config import build
from molgfn.errors import ConfigError

ALL = Standardisation(charges="neutralise", isotopes="remove", stereo="remove")


@pytest.mark.parametrize(
    ("rules", "before", "after"),
    [
        ({}, "CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        ({}, "[Na+].CC(=O)[O-].O=C(O)C(=O)O", "O=C(O)C(=O)O"),  # the part with most atoms
        ({"salts": "keep"}, "CC(=O)[O-].[Na+]", "CC(=O)[O-].[Na+]"),
        ({"charges": "neutralise"}, "CC(=O)[O-].[Na+]", "CC(=O)O"),
        ({"charges": "neutralise"}, "C[NH3+].[Cl-]", "CN"),
        ({"charges": "neutralise"}, "[NH3+]CC(=O)[O-]", "NCC(=O)O"),
        ({"charges": "neutralise"}, "C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]"),
        ({"charges": "neutralise"}, "O=[N+]([O-])c1ccccc1", "O=[N+]([O-])c1ccccc1"),
        ({"charges": "drop"}, "[NH3+]CC(=O)[O-]", "[NH3+]CC(=O)[O-]"),
        ({"isotopes": "remove"}, "[13CH3]C([2H])O", "CCO"),
        ({"isotopes": "remove"}, "C[C@H]([2H])O", "CCO"),
        ({"isotopes": "remove"}, "[13CH3][C@H](F)O", "C[C@H](F)O"),
        ({"stereo": "remove"}, "C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        ({"stereo": "remove"}, "C/C=C/C", "CC=CC"),
        ({"elements": ["C", "O"]}, "CCO", "CCO"),
        ({"min_atoms": 3, "max_atoms": 3}, "CCO", "CCO"),
    ],
)
def test_rules(rules, before, after):
    molecule = Standardisation(**rules)(Molecule.from_smiles(before))
    assert molecule.problem is None
    assert molecule.smiles == Molecule.from_smiles(after).smiles
    assert molecule.mol.GetNumAtoms() == Molecule.from_smiles(after).mol.GetNumAtoms()


@pytest.mark.parametrize(
    ("rules", "smiles", "problem"),
    [
        ({"salts": "drop"}, "C.[Na+]", "salt: C.[Na+]"),
        ({}, "[Na+].[Cl-]", "no organic part: [Cl-].[Na+]"),
        ({"charges": "drop"}, "C[NH3+]", "charged: C[NH3+]"),
        ({"elements": ["C"]}, "CCO", "element: CCO (O)"),
        ({"min_atoms": 4}, "CCO", "too small: CCO (3 heavy atoms)"),
        ({"max_atoms": 2}, "CCO", "too large: CCO (3 heavy atoms)"),
    ],
)
def test_reasons(rules, smiles, problem):
    molecule = Standardisation(**rules)(Molecule.from_smiles(smiles))
    assert (molecule.problem, molecule.mol) == (problem, None)


def test_what_needs_nothing_is_not_touched():
    for smiles in ("c1ccccc1CC(=O)N", "FC(F)(F)c1ccc(Br)cc1", "C"):
        molecule = Molecule.from_smiles(smiles)
        assert ALL(molecule) is molecule


def test_the_molecule_that_was_given_stays_as_it_was():
    for smiles in ("C[C@H](N)C(=O)[O-]", "[13CH3]C", "C[NH3+].[Cl-]"):
        molecule = Molecule.from_smiles(smiles)
        assert ALL(molecule).smiles != molecule.smiles
        assert Molecule.from_mol(molecule.mol).smiles == molecule.smiles == Molecule.from_smiles(smiles).smiles


def test_applied_twice_it_changes_nothing_more():
    for smiles in ("CC(=O)[O-].[Na+]", "C[C@H]([2H])O", "[NH3+]CC(=O)[O-]", "C[N+](C)(C)C.[Cl-]", "[O-]c1cccc[n+]1C"):
        once = ALL(Molecule.from_smiles(smiles))
        assert ALL(once).smiles == once.smiles
        assert once.smiles == Molecule.from_smiles(once.smiles).smiles


def test_a_failed_molecule_stays_failed():
    failed = Molecule.failed("valence: X")
    assert ALL(failed) is failed


def test_it_is_a_config():
    node = {
        "_target_": "molgfn.chemistry.standardise.Standardisation",
        "salts": "drop",
        "elements": ["C", "Cl"],
    }
    assert build(node, Standardisation, "x") == Standardisation(salts="drop", elements=["C", "Cl"])
    for bad, words in (
        ({"min_atoms": 5, "max_atoms": 4}, "above max_atoms"),
        ({"elements": ["Xx"]}, "'Xx' is no element"),
        ({"salts": "remove"}, "x.salts"),
        ({"min_atoms": 0}, "x.min_atoms"),
    ):
        with pytest.raises(ConfigError, match=words):
            build({**node, **bad}, Standardisation, "x")


@pytest.mark.parametrize("smiles", ["[2H]/N=C/C", "[2H]N=S(C)(C)=O", "[2H]OC", "[2H]P=C", "C[C@@]12C[C@H](C1)C2[2H]"])
def test_without_isotopes_a_molecule_is_the_one_that_never_had_them(smiles):
    read = Standardisation(isotopes="remove")(Molecule.from_smiles(smiles))
    assert read.valid
    assert (
        read.smiles
        == Molecule.from_smiles(read.smiles).smiles
        == Molecule.from_smiles(smiles.replace("2H", "H")).smiles
    )
