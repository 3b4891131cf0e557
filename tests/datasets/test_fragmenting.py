"""Files cut into fragments and put together again in a stream, on one process and on several."""

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.build import build_vocabulary
from molgfn.chemistry.fragments.coverage import coverage
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.datasets import fragmenting
from molgfn.datasets.fragmenting import count_pieces, file_coverage
from molgfn.errors import DataError

SMILES = [
    "CC(=O)Nc1ccc(*)cc1",
    "CC(=O)Nc1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "not-a-molecule",
    "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]",
    "[Na+].[Cl-]",
    "C[C@H](N)C(=O)Nc1ccccc1",
    "c1ccccc1C(=O)NC1CC1",
    "CC(=O)Nc1ccccc1",
    "C[N+](C)(C)(C)C",
    "[R1]CC",
    "O=C(Nc1ccccc1)C(F)(F)C(F)(F)C(F)(F)F",
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join(SMILES) + "\n")
    return path


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_file_gives_does_not_depend_on_the_jobs(table, jobs, monkeypatch):
    monkeypatch.setattr(fragmenting, "_PORTION", 2)
    builder, cut_short = count_pieces(table, jobs=jobs)
    report = builder.finish()
    assert not cut_short
    assert (report.molecules, report.salts) == (7, 1)
    assert {why: out.lines for why, out in report.left_out.items()} == {
        "dummy atom": [1],
        "not a SMILES": [4, 11],
        "no organic part": [6],
        "valence": [10],
    }
    assert sum(out.count for out in report.left_out.values()) + report.molecules == len(SMILES)
    large = [s for s in SMILES if not any(mark in s for mark in ("*", ".", "not-a", "[R1]", "(C)(C)(C)C"))]
    salt = "CC(=O)Oc1ccccc1C(=O)[O-]"
    direct = build_vocabulary(enumerate(parse([*large[:2], salt, *large[2:]])))
    assert report.vocabulary == direct.vocabulary
    assert np.array_equal(report.ranks, direct.ranks)
    assert np.array_equal(report.typed, direct.typed)
    assert "1 left out: dummy atom, line 1" in report.summary()
    assert "2 left out: not a SMILES, line 4, 11" in report.summary()
    found = file_coverage(table, report.vocabulary, joins=[None, "any"], jobs=jobs)
    assert found.report.kept == 7
    mols = parse([*large[:2], salt, *large[2:]])
    for rule, joins in enumerate((None, "any")):
        assert found.rebuilt[rule] == coverage(report.vocabulary, mols, joins=joins).rebuilt
    assert found.rebuilt[1] >= found.rebuilt[0]
    assert found.report.left_out.keys() == report.left_out.keys()
    assert all(line in (3, 5) for line, _ in found.missing)


def test_limits_are_said(table):
    builder, cut_short = count_pieces(table, limit=3)
    assert cut_short
    report = builder.finish()
    assert report.molecules == 2
    assert not count_pieces(table, limit=len(SMILES))[1]
    found = file_coverage(table, report.vocabulary, limit=3)
    assert (found.report.entries, found.report.kept, found.report.cut) == (3, 2, True)


def test_nothing_to_count(tmp_path):
    path = tmp_path / "nothing.smi"
    path.write_text("*c1ccccc1\n[Na+].[Cl-]\n")
    with pytest.raises(DataError, match=r"no molecule to derive fragments from.*dummy atom, line 1"):
        count_pieces(path)[0].finish()
    with pytest.raises(DataError, match="no molecule to take apart"):
        file_coverage(path, Vocabulary.load([["C", [0]]]))


def test_dummy_atoms_that_no_reader_saw():
    """A molecule made by hand: neither a piece nor rebuilt."""
    mol = Chem.MolFromSmiles("CC(=O)Nc1ccc(*)cc1")
    made = Molecule(mol, Chem.MolToSmiles(mol))
    report = build_vocabulary([(3, made), (4, Molecule.from_smiles("CC(=O)Nc1ccccc1"))])
    assert report.left_out["dummy atom"].lines == [3]
    assert report.coverage == 1.0
    assert coverage(report.vocabulary, [made]).rebuilt == 0


def test_many_molecules_keep_little(table):
    """A few bytes a molecule: numbers of its cuts, of which the different ones are kept once."""
    builder = count_pieces(table)[0]
    before = builder.kept_bytes
    for line in range(1000):
        builder.add(line, ["CC(=O)[3*]", "[5*]Nc1ccccc1"])
    assert builder.kept_bytes - before < 1000 * 40
