import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import arrays_of, molecule_of
from molgfn.chemistry.atoms.rules import AtomRules, atom_type, known_types
from molgfn.errors import ConfigError


def test_types_by_name():
    rules = AtomRules.from_names(["C", "N+", "S6"])
    assert rules.names == ("C", "N+", "S6")
    assert [(t.symbol, t.charge, t.valence, t.saturated) for t in rules.types] == [
        ("C", 0, 4, False),
        ("N", 1, 4, False),
        ("S", 0, 6, True),
    ]
    assert rules == AtomRules.from_names(["C", "N+", "S6"])
    assert hash(rules) == hash(AtomRules.from_names(["C", "N+", "S6"]))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "name at least one"),
        ("CNO", "a list of types"),
        (["C", "Cl-"], "no type of atom 'Cl-'; the nearest is 'Cl'"),
        (["C", "N", "C"], "'C' is there twice"),
    ],
)
def test_names_that_are_refused(names, said):
    with pytest.raises(ConfigError, match="types: ") as caught:
        AtomRules.from_names(names)
    assert said in str(caught.value)


def test_all_mistakes_are_told_together():
    with pytest.raises(ConfigError) as caught:
        AtomRules.from_names(["X", "Cn", "C", "C"])
    assert len(caught.value.problems) == 3


def test_element_charge_and_valence_name_a_type():
    rules = AtomRules.from_names(known_types())
    assert len(rules.number_of()) == len(rules.types)


def test_orders_between_types():
    rules = AtomRules.from_names(["C", "N", "O", "F", "S4", "P5", "O-"])
    order = {(a, b): int(rules.max_order[i, j]) for i, a in enumerate(rules.names) for j, b in enumerate(rules.names)}
    assert (rules.max_order == rules.max_order.T).all()
    assert order["C", "C"] == order["C", "N"] == 3
    assert order["C", "O"] == order["S4", "C"] == order["P5", "O"] == 2
    assert order["C", "F"] == order["P5", "C"] == order["P5", "N"] == order["C", "O-"] == 1


@pytest.mark.parametrize("name", known_types())
def test_a_type_is_what_rdkit_reads(name):
    """An atom of each type between carbons has the valence of the type, and keeps its charge when sanitised."""
    rules = AtomRules.from_names(list(dict.fromkeys([name, "C"])))
    type_ = atom_type(name)
    bonded = type_.valence if type_.saturated else 1
    types = np.array([0] + [rules.names.index("C")] * bonded)
    bonds = np.zeros((bonded + 1, bonded + 1), dtype=np.int8)
    bonds[0, 1:] = bonds[1:, 0] = 1
    molecule = molecule_of(types, bonds, rules)
    assert molecule.problem is None
    (atom,) = [a for a in Chem.MolFromSmiles(molecule.smiles).GetAtoms() if a.GetAtomicNum() == type_.atomic_number][:1]
    assert atom.GetFormalCharge() == type_.charge
    back = arrays_of(Chem.MolFromSmiles(molecule.smiles), rules)
    assert not isinstance(back, str)
    assert sorted(back[0].tolist()) == sorted(types.tolist())


def test_what_rdkit_writes_with_charges_cannot_be_built():
    """O=P=N-C would come back as [O-][P+]=N-C, which has other types."""
    mol = Chem.MolFromSmiles("CP(=O)=NC")
    assert "+" in Chem.MolToSmiles(mol)
    rules = AtomRules.from_names(known_types())
    p, n = rules.names.index("P5"), rules.names.index("N")
    assert rules.max_order[p, n] == 1
    back = arrays_of(mol, rules)
    assert not isinstance(back, str)
    assert molecule_of(*back, rules).smiles == Chem.MolToSmiles(mol)
