import gzip
from collections import Counter, defaultdict
from itertools import product
from math import exp, log

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.atoms.arrays import arrays_of, molecule_of
from molgfn.chemistry.atoms.kekule import KekuleForms, canonical_form, kekule_forms, log_count, log_symmetry
from molgfn.chemistry.atoms.rules import AtomRules, known_types
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.trees.symmetry import log_automorphisms
from molgfn.errors import DataError

ALL = AtomRules.from_names(known_types())
RING = {n: [(i, (i + 1) % n) for i in range(n)] for n in (5, 6, 7, 8, 9, 10, 12)}
#: name -> number of atoms, bonds whose order is 1 or 2
SKELETONS = {
    "five": (5, RING[5]),
    "six": (6, RING[6]),
    "seven": (7, RING[7]),
    "five and one": (6, [*RING[5], (0, 5)]),
    "six and one": (7, [*RING[6], (0, 6)]),
    "pentalene": (8, [*RING[8], (0, 4)]),
    "indene": (9, [*RING[9], (0, 4)]),
    "azulene": (10, [*RING[10], (0, 4)]),
    "naphthalene": (10, [*RING[10], (0, 5)]),
    "biphenylene": (12, [*RING[6], *((a + 6, b + 6) for a, b in RING[6]), (0, 6), (1, 7)]),
}
CHARGED = ["C", "N", "O", "N+", "C-", "O+", "O-", "B-", "S", "S4"]


def forms_of(smiles):
    types, bonds = arrays_of(Molecule.from_smiles(smiles), ALL)
    return types, bonds, kekule_forms(types, bonds, ALL)


@pytest.mark.parametrize(
    ("smiles", "labelled", "automorphisms"),
    [
        ("C", 1, [1]),
        ("CC", 1, [2]),
        ("c1ccccc1", 2, [6]),
        ("C1CCCCC1", 1, [12]),
        ("c1ccncc1", 2, [1]),
        ("Cc1ccccc1C", 2, [2, 2]),
        ("Cc1ccc(C)cc1", 2, [2]),
        ("c1ccc2ccccc2c1", 3, [2, 4]),
        ("c1cc[nH]c1", 1, [2]),
        ("c1ccoc1", 1, [2]),
        ("c1cnc[nH]1", 1, [1]),
        ("O=c1cccc[nH]1", 1, [1]),
        ("c1ccc2cccc-2cc1", 2, [1]),
        ("C1=CC2=CC=CC2=C1", 1, [2]),
        ("[cH-]1cccc1", 1, [2]),
        ("c1ccc2cc3ccccc3cc2c1", 4, [2, 2]),
        ("c1ccc(-c2ccccc2)cc1", 4, [2]),
        ("O=c1c#c1", 1, [2]),
    ],
)
def test_known_forms(smiles, labelled, automorphisms):
    types, bonds, forms = forms_of(smiles)
    assert sum(form.labelled for form in forms) == KekuleForms(Chem.MolFromSmiles(smiles)).count == labelled
    assert sorted(form.automorphisms for form in forms) == automorphisms
    total = sum(1 / form.automorphisms for form in forms)
    assert log_count(types, bonds, ALL) == pytest.approx(log(total), abs=1e-12)
    for form in forms:
        assert canonical_form(types, form.bonds).automorphisms == form.automorphisms
        # the class is one orbit of the automorphisms of the molecule
        group = exp(log_automorphisms(Chem.MolFromSmiles(smiles)))
        assert form.labelled * form.automorphisms == pytest.approx(group)


def test_two_forms_that_are_two_molecules():
    """Pentalene is not aromatic to RDKit: with a methyl group in place its two forms are two molecules."""
    first = Molecule.from_smiles("CC1=CC=C2C=CC=C12")
    second = Molecule.from_smiles("CC1=C2C=CC=C2C=C1")
    assert first.smiles != second.smiles
    assert KekuleForms(first.mol).count == KekuleForms(second.mol).count == 1


def states(skeleton, names, assignments):
    """Every class of typed multigraphs over a skeleton whose bonds have orders 1 and 2."""
    n, edges = SKELETONS[skeleton]
    rules = AtomRules.from_names(names)
    found = {}
    for types in assignments:
        free = [rules.types[t].valence for t in types]

        def orders(k, types=types, free=free):
            if k == len(edges):
                if all(not left or not rules.types[t].saturated for left, t in zip(free, types, strict=True)):
                    yield ()
                return
            a, b = edges[k]
            for order in range(1, min(free[a], free[b], 2, rules.max_order[types[a], types[b]]) + 1):
                free[a] -= order
                free[b] -= order
                for rest in orders(k + 1):
                    yield order, *rest
                free[a] += order
                free[b] += order

        for chosen in orders(0):
            bonds = np.zeros((n, n), dtype=np.int8)
            for (a, b), order in zip(edges, chosen, strict=True):
                bonds[a, b] = bonds[b, a] = order
            form = canonical_form(np.array(types), bonds)
            found.setdefault(form.key, (form.automorphisms, np.array(types), bonds))
    return rules, found


def check_molecules(rules, found):
    """C(x) of each molecule against the sum over all states that RDKit says are this molecule; and the way back."""
    molecules = defaultdict(list)
    for automorphisms, types, bonds in found.values():
        molecule = molecule_of(types, bonds, rules)
        assert molecule.problem is None
        molecules[molecule.smiles].append((automorphisms, molecule.mol))
    for smiles, states_ in molecules.items():
        total = log(sum(1 / automorphisms for automorphisms, _ in states_))
        for _, mol in states_:
            assert log_symmetry(mol) == pytest.approx(total, abs=1e-10), smiles
        arrays = arrays_of(Molecule.from_smiles(smiles), rules)
        assert not isinstance(arrays, str)
        assert canonical_form(*arrays).key in found
        assert molecule_of(*arrays, rules).smiles == smiles
    return len(molecules), sum(len(states_) > 1 for states_ in molecules.values())


@pytest.mark.parametrize(
    ("skeleton", "counts"),
    [
        ("five", (8, 0)),
        ("six", (13, 0)),
        ("six and one", (36, 0)),
        ("pentalene", (50, 0)),
        ("indene", (173, 3)),
        ("azulene", (336, 0)),
        ("naphthalene", (182, 6)),
        ("biphenylene", (590, 25)),
    ],
)
def test_all_states_of_carbon_skeletons(skeleton, counts):
    rules, found = states(skeleton, ["C"], [(0,) * SKELETONS[skeleton][0]])
    assert check_molecules(rules, found) == counts


@pytest.mark.parametrize(("skeleton", "several"), [("five", False), ("six", True), ("six and one", True)])
def test_all_states_of_rings_with_nitrogen(skeleton, several):
    names = ["C", "N"]
    rules, found = states(skeleton, names, product(range(2), repeat=SKELETONS[skeleton][0]))
    assert (check_molecules(rules, found)[1] > 0) == several


@pytest.mark.parametrize("skeleton", ["five", "six", "seven", "five and one", "six and one", "indene", "naphthalene"])
def test_states_of_rings_with_charges(skeleton):
    draws = np.random.default_rng(0).choice(len(CHARGED), (60, SKELETONS[skeleton][0]), p=[0.46] + [0.06] * 9)
    rules, found = states(skeleton, CHARGED, map(tuple, draws.tolist()))
    assert check_molecules(rules, found)[0] > 100


def test_forms_of_drug_like_molecules(optional_data):
    """Each matching is the same molecule, and the classes add up."""
    with gzip.open(optional_data("zinc250k.smi.gz"), "rt") as file:
        lines = [line.split()[0] for line in file]
    several = 0
    for i in np.random.default_rng(0).choice(len(lines), 300, replace=False):
        mol = Chem.MolFromSmiles(lines[i])
        Chem.RemoveStereochemistry(mol)
        types, bonds = arrays_of(mol, ALL)
        forms = kekule_forms(types, bonds, ALL)
        assert log_symmetry(mol) == pytest.approx(log(sum(1 / form.automorphisms for form in forms)), abs=1e-12)
        assert {molecule_of(types, form, ALL).smiles for form in KekuleForms(mol)} == {Chem.MolToSmiles(mol)}
        assert log(KekuleForms(mol).count) - log_symmetry(mol) == pytest.approx(log_automorphisms(mol), abs=1e-12)
        several += len(forms) > 1
    assert several > 100


def test_draws_are_in_proportion():
    """Classes of forms with 1 / |Aut|: naphthalene's symmetric form has 4 automorphisms, the other one 2."""
    types, _, forms = forms_of("c1ccc2ccccc2c1")
    of_key = {canonical_form(types, form.bonds).key: form.automorphisms for form in forms}
    drawing, rng = KekuleForms(Chem.MolFromSmiles("c1ccc2ccccc2c1")), np.random.default_rng(0)
    drawn = Counter(of_key[canonical_form(types, drawing.draw(rng)).key] for _ in range(3000))
    assert drawn[2] / 3000 == pytest.approx(2 / 3, abs=4.5 * (2 / 9 / 3000) ** 0.5)


def test_stereo_does_not_count():
    assert log_symmetry(Chem.MolFromSmiles("F/C=C/F")) == log_symmetry(Chem.MolFromSmiles("FC=CF")) == -log(2)


def test_the_given_form_is_gone_from_first():
    """Forms are told by the molecule; which of them stands in the arrays does not matter."""
    types, bonds = arrays_of(Molecule.from_smiles("c1ccc2ccccc2c1"), ALL)
    values = {log_count(types, form, ALL) for form in KekuleForms(Chem.MolFromSmiles("c1ccc2ccccc2c1"), bonds)}
    assert len(values) == 1


def test_arrays_that_are_no_molecule():
    types, bonds = np.array([0, 0]), np.zeros((2, 2), dtype=np.int8)
    with pytest.raises(DataError, match="several components"):
        log_count(types, bonds, ALL)
