"""``molgfn fragments``: derive and check a vocabulary."""

from molgfn.chemistry.fragments.vocabulary import Vocabulary

SMILES = "CC(=O)Oc1ccccc1C(=O)O\nCC(=O)Nc1ccc(O)cc1\nnot-a-molecule\nc1ccccc1C(=O)NC1CC1\n"


def test_build_and_check(call, tmp_path):
    (tmp_path / "molecules.smi").write_text(SMILES)
    out = tmp_path / "vocabulary.txt"
    result = call("fragments", "build", tmp_path / "molecules.smi", "-o", out, "--size", 50)
    assert result.exit_code == 0, result.stderr
    assert "molecules: 3 used" in result.stdout
    assert "1 left out: not a SMILES, line 3 (not-a-molecule)" in result.stdout
    built = Vocabulary.load(out)
    checked = call("fragments", "check", out, "--molecules", tmp_path / "molecules.smi")
    assert checked.exit_code == 0
    assert f"{len(built)} fragments" in checked.stdout
    assert "3 of 3 molecules can be rebuilt (100.0%)" in checked.stdout
    assert "with any join: 3 of 3 (100.0%)" in checked.stdout
    assert "types of points" in checked.stdout
    small = call("fragments", "build", tmp_path / "molecules.smi", "-o", out, "--size", 1)
    assert small.exit_code == 3
    assert "nothing to fill them" in small.stderr
    small = call("fragments", "build", tmp_path / "molecules.smi", "-o", out, "--size", 1, "--no-labels")
    assert small.exit_code == 0
    assert len(Vocabulary.load(out)) == 1
    checked = call("fragments", "check", out, "--molecules", tmp_path / "molecules.smi")
    assert "0 of 3 molecules" in checked.stdout
    assert "not: line 1: " in checked.stdout


def test_the_shipped_vocabulary_by_name(call):
    checked = call("fragments", "check", "rdkit")
    assert checked.exit_code == 0
    assert "points must not stay open" in checked.stdout
    assert "any point with any other" in call("fragments", "check", "rdkit", "--joins", "any").stdout
    assert "the points have no labels" in call("fragments", "check", "rdkit_untyped").stdout


def test_refusals(call, tmp_path):
    gone = call("fragments", "build", tmp_path / "gone.smi", "-o", tmp_path / "v.txt")
    assert gone.exit_code == 3
    assert "gone.smi" in gone.stderr
    (tmp_path / "molecules.smi").write_text(SMILES)
    nowhere = call("fragments", "build", tmp_path / "molecules.smi", "-o", tmp_path / "no" / "v.txt")
    assert nowhere.exit_code == 2
    (tmp_path / "bad.txt").write_text("c1ccccc1\t0,3\t1\nc1cccc\t0\t1\n")
    bad = call("fragments", "check", tmp_path / "bad.txt")
    assert bad.exit_code == 3
    assert "bad.txt, line 2" in bad.stderr
    assert (
        call("fragments", "build", tmp_path / "molecules.smi", "-o", tmp_path / "v.txt", "--coverage", 2).exit_code == 2
    )
