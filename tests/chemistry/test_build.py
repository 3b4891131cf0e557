import os
from collections import Counter

import pytest
from rdkit import Chem, RDConfig

from molgfn.chemistry.files.reading import iter_smiles, read_molecules
from molgfn.chemistry.fragments.build import build_vocabulary
from molgfn.chemistry.fragments.coverage import coverage
from molgfn.chemistry.fragments.cutting import brics_bonds, cut
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.chemistry.trees.decomposition import Decomposer
from molgfn.errors import DataError

WEHI = os.path.join(RDConfig.RDDataDir, "Pains", "test_data", "wehi_mols.csv")


def numbered(smiles):
    return list(enumerate(parse(smiles), start=1))


@pytest.fixture(scope="module")
def drugs():
    """The first 600 of the molecules inside the rdkit package."""
    return read_molecules(WEHI, limit=600)


@pytest.fixture(scope="module")
def built(drugs):
    return build_vocabulary(zip(drugs.lines, drugs.molecules, strict=True), size=150)


def test_a_small_case_by_hand():
    report = build_vocabulary(numbered(["CC(=O)Nc1ccccc1", "CC(=O)Nc1ccc(NC(C)=O)cc1", "COc1ccccc1"]))
    found = {f.smiles: (f.points, f.count) for f in report.vocabulary}
    assert found["c1ccccc1"] == ((0, 3), 3)  # one point serves every phenyl, two para ones the second molecule
    assert found["N"] == ((0, 0), 3)
    assert found["CC=O"] == ((1,), 3)
    assert found["CO"] == ((1,), 1)
    assert report.coverage == 1.0
    assert report.ranks.max() == len(report.vocabulary) == report.found == 4


def test_what_is_covered_is_reachable(drugs, built):
    """A molecule that the report calls covered is rebuilt exactly; coverage by any decomposition is no lower."""
    used = [m for m in drugs.molecules if "several components" not in cut(m)]
    assert len(used) == built.molecules
    covered = [m for m, rank in zip(used, built.ranks, strict=True) if 0 < rank <= len(built.vocabulary)]
    assert len(covered) == round(built.coverage * len(used)) > 50
    result = coverage(built.vocabulary, covered, max_fragments=30)
    assert (result.rebuilt, result.missing) == (len(covered), [])
    everything = coverage(built.vocabulary, used, max_fragments=30)
    assert everything.share >= built.coverage
    assert coverage(built.vocabulary, used, max_fragments=2).share < everything.share


def test_what_decomposes_is_rebuilt_exactly(drugs, built):
    decomposer = Decomposer(built.vocabulary, max_fragments=30)
    result = coverage(built.vocabulary, drugs.molecules, max_fragments=30, joins="any")
    decomposed = [i for i, m in enumerate(drugs.molecules) if decomposer.decompose(m.mol) is not None]
    assert sorted(set(range(len(drugs))) - set(result.missing)) == decomposed


def test_ranks_and_counts(built):
    counts = [f.count for f in built.vocabulary]
    assert counts == sorted(counts, reverse=True)
    shares = [built.coverage_at(n) for n in (1, 20, 72, 150, 10_000)]
    assert shares == sorted(shares)
    assert 0 < shares[2] < shares[-1] <= 1
    text = built.summary()
    assert f"{built.molecules} used" in text
    assert "72: " in text
    assert "150: " in text


def test_limits(drugs):
    pairs = list(zip(drugs.lines, drugs.molecules, strict=True))[:200]
    small = build_vocabulary(pairs, size=None, max_atoms=6, max_points=2, min_count=3)
    assert all(f.mol().GetNumAtoms() <= 6 and len(f.points) <= 2 and f.count >= 3 for f in small.vocabulary)
    assert any("more than 6 heavy atoms" in why for why in small.refused)
    assert any("fewer than 3" in why for why in small.refused)
    assert len(small.vocabulary) + sum(small.refused.values()) == small.found
    free = build_vocabulary(pairs, size=None)
    half = build_vocabulary(pairs, size=None, coverage=0.4)
    assert half.coverage >= 0.4
    assert free.coverage_at(len(half.vocabulary) - 1) < 0.4


def test_coverage_out_of_reach_keeps_everything(drugs):
    pairs = list(zip(drugs.lines, drugs.molecules, strict=True))[:100]
    free = build_vocabulary(pairs, size=None)
    assert free.coverage < 1
    assert len(build_vocabulary(pairs, size=None, coverage=1.0).vocabulary) == len(free.vocabulary)


def test_charged_fragments_on_request():
    smiles = ["C[N+](C)(C)Cc1ccccc1", "O=[N+]([O-])c1ccccc1OC"]
    neutral = build_vocabulary(numbered(smiles))
    assert sum(Chem.GetFormalCharge(f.mol()) for f in neutral.vocabulary) == 0
    assert neutral.refused == {"charged": 1}
    assert build_vocabulary(numbered(smiles), neutral=False).coverage == 1.0


def test_tautomeric_nitrogens_are_not_confused():
    """The cut atom of a pyrazole is [nH], never its mirror image n."""
    smiles = ["Cc1cn(C(C)=O)nc1C", "c1cnn(Cc2ccccc2)c1"]
    report = build_vocabulary(numbered(smiles))
    assert report.coverage == 1.0
    assert coverage(report.vocabulary, parse(smiles)).missing == []


def test_stereo_is_left_out_and_bad_molecules_are_reported_by_line():
    molecules = [(3, Molecule.from_smiles("C[C@H](N)C(=O)Nc1ccccc1")), (7, Molecule.from_smiles("XX"))]
    molecules.append((9, Molecule.from_smiles("CC.Cl")))
    report = build_vocabulary(molecules)
    assert not any("@" in f.smiles for f in report.vocabulary)
    assert {why: out.lines for why, out in report.left_out.items()} == {
        "not a SMILES": [7],
        "several components (a salt?)": [9],
    }
    assert report.molecules == 1
    assert coverage(report.vocabulary, [molecules[0][1]]).share == 1.0


def test_nothing_to_build_from():
    with pytest.raises(DataError, match="no molecule"):
        build_vocabulary([(1, Molecule.from_smiles("XX"))])
    with pytest.raises(DataError, match="no fragment with an attachment point"):
        build_vocabulary(numbered(["CC", "CCC"]))


def test_progress():
    seen = []
    build_vocabulary(numbered(["COc1ccccc1"] * 250), progress=seen.append)
    assert seen == [100, 200]
    seen.clear()
    coverage(Vocabulary.load([["C", [0]]]), parse(["CC"] * 250), progress=seen.append)
    assert seen == [100, 200]


def test_cuts_are_acyclic_single_bonds_between_heavy_atoms(drugs):
    cut = Counter()
    for molecule in drugs.molecules[:100]:
        for index in brics_bonds(molecule.mol):
            bond = molecule.mol.GetBondWithIdx(index)
            cut[bond.GetBondType(), bond.IsInRing()] += 1
    assert set(cut) == {(Chem.BondType.SINGLE, False)}
    # BRICS rule L7 cuts C=C double bonds: not here
    assert brics_bonds(Chem.MolFromSmiles("CCC=CCC")) == {}


def test_the_shipped_vocabulary_is_what_the_builder_makes(shipped):
    """The file says 43.5 % within 9 fragments of all 10,000: every 20th of them agrees within sampling error."""
    molecules = parse([smiles for _, smiles in iter_smiles(WEHI)][::20])
    share = coverage(shipped, molecules, max_fragments=9).share
    assert abs(share - 0.435) < 4 * (0.435 * 0.565 / len(molecules)) ** 0.5


def test_flat_smiles_leaves_the_molecule_as_it_is():
    mol = Chem.MolFromSmiles("C[C@H](N)O")
    assert flat_smiles(mol) == "CC(N)O"
    assert "@" in Chem.MolToSmiles(mol)
