"""Fragments whose symmetries are too many to be listed one by one."""

from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.build import build_vocabulary
from molgfn.chemistry.fragments.coverage import coverage
from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import parse
from molgfn.chemistry.trees import site_symmetries as module
from molgfn.chemistry.trees.decomposition import Decomposer
from molgfn.chemistry.trees.rigid import Piece, isomorphisms
from molgfn.chemistry.trees.site_symmetries import AtomImages, site_symmetries
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry, TreeSymmetry
from molgfn.errors import DataError, VocabularyError

#: chains, rings and trees of CF2, SiMe2, CMe2: up to 2^60 symmetries each
SYMMETRIC = {
    "CF2": "F" + "C(F)(F)" * 60 + "F",
    "SiMe2": "C[Si](C)(C)" + "O[Si](C)(C)" * 40 + "C",
    "CMe2": "C" + "C(C)(C)" * 40 + "C",
    "CF2 ring": "C1(F)(F)" + "C(F)(F)" * 20 + "C1(F)F",
    "SiMe2 ring": "C[Si]1(C)" + "O[Si](C)(C)" * 16 + "O1",
    "decalin": "C12(C(C(C(C(C1(F)F)(F)F)(F)F)(F)F)(C(C(C(C2(F)F)(F)F)(F)F)(F)F)F)F",
    "amide": "O=C(Nc1ccccc1)" + "C(F)(F)" * 30 + "C(=O)Nc1ccccc1",
    "tBu": "CC(C)(C)c1c(C(C)(C)C)c(C(C)(C)C)c(C(C)(C)C)c(C(C)(C)C)c1C(C)(C)C",
    "CF2 and an ether": "FC(F)(F)" + "C(F)(F)" * 20 + "OCc1ccccc1",
}


def automorphisms(mol):
    """All of them, listed by RDKit; for small molecules."""
    hydrogens = [a.GetTotalNumHs() for a in mol.GetAtoms()]
    matches = mol.GetSubstructMatches(mol, uniquify=False, maxMatches=10**6)
    return [m for m in matches if [hydrogens[i] for i in m] == hydrogens]


@pytest.mark.parametrize("name", SYMMETRIC)
def test_molecules_are_taken_apart_into_themselves(name):
    """The vocabulary that they give, with all of a molecule as one fragment where BRICS cuts nothing."""
    molecules = parse([SYMMETRIC[name], "CC(=O)Nc1ccccc1"])
    report = build_vocabulary(list(enumerate(molecules)), max_atoms=300, max_points=8)
    assert report.coverage == 1.0
    found = coverage(report.vocabulary, molecules, max_fragments=200)
    assert (found.rebuilt, found.missing) == (2, [])
    drawn = Decomposer(report.vocabulary, max_fragments=200).decompose(molecules[0].mol, np.random.default_rng(0))
    assert drawn is not None


def units(atom, arm, n, ring):
    """XY2 units in a chain (two more Y at its ends) or ring; the same with one Y less at each X; the points of that."""
    whole = [f"{atom}({arm})({arm})"] * n
    less = [f"{atom if atom == 'C' else '[SiH]'}({arm})"] * n
    if ring:
        for parts in (whole, less):
            parts[0], parts[-1] = parts[0].replace("(", "1(", 1), parts[-1].replace("(", "1(", 1)
    else:
        less[0] = less[-1] = less[0].replace("H", "H2")
        whole[0], whole[-1] = f"{arm}{whole[0]}", f"{whole[-1]}{arm}"
    fragment = Fragment("".join(less), ())
    points = [a.GetIdx() for a in fragment.mol().GetAtoms() if a.GetSymbol() == atom.strip("[]")]
    more = [] if ring else [points[0], points[-1]]
    return "".join(whole), ["".join(less), sorted(points + more)]


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize(("atom", "arm"), [("C", "F"), ("[Si]", "C")])
@pytest.mark.parametrize("n", [3, 24])
def test_ways_that_double_with_each_unit(atom, arm, ring, n, monkeypatch):
    """A chain of XHY lies on XY2 units in 2^n ways, on either Y of each, and the other Y is cut off.

    Placements are as many as automorphisms: the same directions, and for each X all orders of its Y.
    """
    monkeypatch.setattr(module, "MOST_SYMMETRIES", 10**9)
    smiles, fragment = units(atom, arm, n, ring)
    mol = Chem.MolFromSmiles(smiles)
    symmetry = MoleculeSymmetry(Vocabulary.load([fragment, [arm, [0]]]), max_fragments=n + 5)
    assert symmetry.log_symmetry(mol) == pytest.approx(0, abs=1e-12)
    kinds, _ = symmetry.decomposer.decompose(mol, np.random.default_rng(0))
    assert np.bincount(kinds[kinds >= 0]).tolist() == [1, n + (0 if ring else 2)]


def random_fragments(n, seed):
    """Small molecules with few kinds of atoms, so that many have symmetries, and some of their atoms with hydrogens."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < n:
        mol = Chem.RWMol()
        for i in range(int(rng.integers(2, 9))):
            mol.AddAtom(Chem.Atom(int(rng.choice([6, 6, 6, 6, 6, 14]))))
            if i:
                mol.AddBond(i, int(rng.integers(i)), Chem.BondType.SINGLE)
        for _ in range(int(rng.integers(3))):
            i, j = rng.choice(mol.GetNumAtoms(), 2, replace=False).tolist()
            if mol.GetBondBetweenAtoms(i, j) is None:
                mol.AddBond(i, j, Chem.BondType.SINGLE)
        if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            mol = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
            points = [
                a.GetIdx() for a in mol.GetAtoms() for _ in range(min(a.GetTotalNumHs(), 2)) if rng.random() < 0.93
            ]
            if points:
                found.append((mol, points))
    return found


def test_symmetries_of_sites_are_those_of_listed_automorphisms():
    sizes = Counter()
    for mol, points in random_fragments(300, seed=0):
        sites, times = sorted(set(points)), Counter(points)
        moved = {tuple(m[a] for a in sites) for m in automorphisms(mol)}
        kept = {image for image in moved if [times[a] for a in image] == [times[a] for a in sites]}
        expected = sorted(tuple(sites.index(a) for a in image) for image in kept)
        assert list(site_symmetries(mol, points)) == expected
        sizes[len(expected)] += 1
    assert sum(times for size, times in sizes.items() if size > 2) > 15


def test_images_are_those_of_listed_automorphisms(monkeypatch):
    monkeypatch.setattr(module, "_FEW", 0)  # no listing
    many = 0
    for mol, points in random_fragments(200, seed=1):
        expected = {tuple(sorted(m[a] for a in points)) for m in automorphisms(mol)}
        assert AtomImages(mol).of(points) == expected
        many += len(expected) > 1
    assert many > 20


def test_images_beyond_what_is_listed():
    """Either end of a chain with 2^16 symmetries serves as the other does, whatever the order of its atoms."""
    chain = "O=CNc1ccccc1".replace("O=C", "O=C(" + "C(F)(F)" * 15 + "C=O)")
    mol, rng = Chem.MolFromSmiles(chain), np.random.default_rng(0)
    orders = [rng.permutation(mol.GetNumAtoms()).tolist() for _ in range(6)]
    smiles = [Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False) for order in orders]
    report = build_vocabulary(list(enumerate(parse(smiles))), max_atoms=60, unusual=True, labels=False)
    (long,) = [f for f in report.vocabulary if "F" in f.smiles]
    assert len(long.points) == 1
    both = AtomImages(long.mol()).of(long.points)
    assert len(both) == 2
    assert AtomImages(long.mol()).of(sorted(a for (a,) in both)) == {tuple(sorted(a for (a,) in both))}


def test_trees_are_drawn_in_proportion_to_their_symmetry():
    """P(tree | molecule) = c(t) / C(x) where fragments have symmetries, equal branches, points that are not alike."""
    vocabulary = Vocabulary.load(
        [
            ["C", [0, 0, 0, 0]],
            ["CC", [0, 1]],
            ["Cc1ccccc1", [0, 0, 2, 4, 5]],
            ["c1ccccc1", [0, 1, 2, 3]],
            ["CC(C)C", [1, 0]],
        ]
    )
    decomposer, symmetry = Decomposer(vocabulary, max_fragments=6), TreeSymmetry(vocabulary)
    whole, rng, draws = MoleculeSymmetry(vocabulary, max_fragments=6), np.random.default_rng(0), 600
    trees = 0
    for smiles in ("CCC(C)C", "CCc1cccc(C)c1", "CC(C)(C)c1ccccc1", "CCc1ccc(C)cc1", "CCc1ccccc1CC"):
        mol, drawn, weight = Chem.MolFromSmiles(smiles), Counter(), {}
        for _ in range(draws):
            kinds, joins = decomposer.decompose(mol, rng)
            (key,) = symmetry.keys(kinds[None], joins[None])
            drawn[key] += 1
            weight[key] = float(np.exp(symmetry.log_symmetry(kinds[None], joins[None])[0]))
        total = float(np.exp(whole.log_symmetry(mol)))
        seen = sum(weight.values()) / total  # trees too rare to have been drawn are missing
        assert 0.97 < seen <= 1 + 1e-9
        chi2 = sum((drawn[k] - draws * w / total) ** 2 / (draws * w / total) for k, w in weight.items())
        dof = len(weight) - 1
        assert chi2 < dof + 4 * np.sqrt(2 * dof) + 1
        trees += len(weight)
    assert trees > 20


def test_too_many_symmetries_are_refused_where_they_are_read():
    """Twelve methyls in six pairs: 2^6 * 12 orders; five of t-butyls: 6^5 * 120, which no table holds."""
    fine = Fragment("CC1(C)C(C)(C)C(C)(C)C(C)(C)C(C)(C)C1(C)C", (0, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17))
    assert fine.problem() is None
    assert len(site_symmetries(fine.mol(), fine.points)) == 2**6 * 12
    smiles = "CC(C)(C)[Si](C(C)(C)C)(C(C)(C)C)C(C)(C)C"
    mol = Chem.MolFromSmiles(smiles)
    methyls = [a.GetIdx() for a in mol.GetAtoms() if a.GetTotalNumHs() == 3]
    with pytest.raises(DataError, match=r"12 attachment atoms have 31104 symmetries .* list fewer"):
        site_symmetries(mol, methyls)
    with pytest.raises(VocabularyError, match=r"entry 1: .* symmetries"):
        Vocabulary.load([["C", [0]], [smiles, methyls]])
    assert Fragment(smiles, tuple(methyls[:3])).problem() is None


def test_rings_with_too_many_symmetries_are_named():
    smiles = "C1CC12" + "C3(CC3)" * 15 + "C24CC4"
    assert Chem.MolFromSmiles(smiles) is not None
    with pytest.raises(VocabularyError, match=r"entry 1: .* ring system of \d+ atoms has over"):
        Vocabulary.load([["C", [0]], [smiles, [0]]])


def test_rings_that_differ_far_from_where_they_agree_are_told_apart_at_once():
    """A chain of 40 spiro rings could be laid on another in 2^24 ways before the end shows that it does not fit."""

    def piece(smiles):
        mol = Chem.MolFromSmiles(smiles)
        labels = [(a.GetAtomicNum(), 0, 0, False, 0, a.GetTotalNumHs()) for a in mol.GetAtoms()]
        return Piece(
            tuple(labels), tuple(sorted((*sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), 1) for b in mol.GetBonds()))
        )

    middle = "".join(f"CC{(i + 1) % 2 + 2}(C{i % 2 + 2})" for i in range(40))
    one, other = piece(f"C1OCC12{middle}CNC2"), piece(f"C1CCC12{middle}OCN2".replace("OCN2", "NOC2"))
    assert Counter(one.labels) == Counter(other.labels)
    assert next(isomorphisms(one, other), None) is None
    assert next(isomorphisms(one, one)) == tuple(range(len(one.labels)))
