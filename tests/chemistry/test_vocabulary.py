import json

import pytest

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.errors import VocabularyError


def write(tmp_path, text, name="fragments.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_text_file(tmp_path):
    path = write(tmp_path, "# comment\n\nc1ccccc1\t0,3\t12\nC#N 0  # a nitrile, counts left out\nO - 3\n")
    assert list(Vocabulary.load(path)) == [
        Fragment("c1ccccc1", (0, 3), 12),
        Fragment("C#N", (0,), 0),
        Fragment("O", (), 3),
    ]
    assert Vocabulary.load(str(path)) == Vocabulary.load(path)


def test_save_and_plain_bring_everything_back(tmp_path, shipped):
    shipped.save(tmp_path / "copy.txt", "two\nlines")
    assert (tmp_path / "copy.txt").read_text().startswith("# two\n# lines\n")
    assert Vocabulary.load(tmp_path / "copy.txt") == shipped
    plain = shipped.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert Vocabulary.load(plain) == shipped
    assert Vocabulary.load(shipped) is shipped


def test_digest_is_of_fragments_and_points_only():
    one = Vocabulary.load([["C", [0], 5], ["CC", [0, 1]]])
    assert one.digest == Vocabulary.load([["C", [0], 9], ["CC", [0, 1]]]).digest
    assert one.digest != Vocabulary.load([["C", [0, 0]], ["CC", [0, 1]]]).digest
    assert len(one.digest) == 64


def test_shipped_vocabulary(shipped):
    assert len(shipped) == 200
    assert all(1 <= len(f.points) <= 4 and f.mol().GetNumAtoms() <= 14 and f.count > 0 for f in shipped)
    assert [f.count for f in shipped] == sorted((f.count for f in shipped), reverse=True)


def test_the_72_fragments_of_bengio_2021(optional_data):
    vocabulary = Vocabulary.load(optional_data("fragments_bengio2021_72.json"))
    assert len(vocabulary) == 72
    assert vocabulary[0] == Fragment("Br", (0,))
    # sulphur and phosphorus that take a bond by raising their valence get the hydrogen that the bond replaces
    sulfonyl = next(f for f in vocabulary if f.smiles == "O=S=O")
    assert sulfonyl.mol().GetAtomWithIdx(1).GetTotalNumHs() == 2


def test_json_list(tmp_path):
    path = write(tmp_path, '[{"smiles": "CC", "attachment_atoms": [0, 1]}]', "v.json")
    assert list(Vocabulary.load(path)) == [Fragment("CC", (0, 1))]


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        (Fragment("c1cccc1X", (0,)), ["not a valid SMILES"]),
        (Fragment("c1cccc1", (0,)), ["not a valid SMILES"]),
        (Fragment("", ()), ["not a valid SMILES"]),
        (Fragment("CC.[Cl-]", (0,)), ["several components"]),
        (Fragment("CC", (2,)), ["atom 2", "out of range", "0 to 1"]),
        (Fragment("CC", (-1,)), ["out of range"]),
        (Fragment("FC(F)(F)F", (1,)), ["atom 1 (C)", "0 hydrogen"]),
        (Fragment("CO", (1, 1)), ["atom 1 (O)", "listed 2x", "1 hydrogen"]),
        (Fragment("c1ccncc1", (3,)), ["atom 3 (N)"]),
        (Fragment("*C", (1,)), ["dummy atom"]),
        (Fragment("C[C@H](N)O", (0,)), ["stereo marks", "'C[CH](N)O'"]),
        (Fragment("[CH3:1]C", (0,)), ["'[CH3:1]C' has atom maps", "write it without them"]),
        (Fragment("F/C=C/F", (1,)), ["stereo marks", "'FC=CF'"]),
        (Fragment("[CH3]", (0,)), ["unpaired electrons"]),
        (Fragment("[H]C", (0,)), ["hydrogen as an atom"]),
    ],
)
def test_each_bad_fragment_is_named(fragment, words):
    problem = fragment.problem()
    assert problem is not None
    assert all(w in problem for w in words), problem
    with pytest.raises(VocabularyError, match="fragment 1:"):
        Vocabulary([Fragment("C", (0,)), fragment])


@pytest.mark.parametrize("smiles", ["c1cc[nH]c1", "C[NH3+]", "[O-][N+](=O)c1ccccc1", "O=[SH2]=O", "[2H]C"])
def test_unusual_but_right_fragments(smiles):
    fragment = Fragment(smiles, ())
    points = (
        [a.GetIdx() for a in Fragment(smiles, ()).mol().GetAtoms() if a.GetTotalNumHs()] if smiles != "[2H]C" else []
    )
    if smiles == "[2H]C":
        assert fragment.problem() is not None  # deuterium is a hydrogen of its own
    else:
        assert Fragment(smiles, tuple(points)).problem() is None


def test_all_problems_come_together_with_file_and_line(tmp_path):
    path = write(tmp_path, "CC 5\nC 0\n# fine\nXX 0\nC 0 7\nCO a\nOC 0 1 2 3\n")
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.load(path)
    text = str(caught.value)
    assert f"{path}, line 6" in text  # lines that cannot be read come first: nothing can be said of the rest yet
    assert f"{path}, line 7" in text
    path.write_text("CC 5\nC 0\n# fine\nXX 0\nC 0 7\n")
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.load(path)
    lines = str(caught.value).splitlines()
    assert [f"line {n}:" in line for n, line in zip((1, 4, 5), lines, strict=True)] == [True] * 3
    assert "line 2" in lines[2]  # the duplicate names its first


def test_long_lists_of_problems_are_cut_short():
    with pytest.raises(VocabularyError) as caught:
        Vocabulary([Fragment("XX", (0,))] * 25)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "... and 15 more"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (("c1ccccc1", (0,)), ("C1=CC=CC=C1", (3,)), True),
        (("CCO", (0,)), ("OCC", (2,)), True),
        (("CCO", (0,)), ("CCO", (1,)), False),
        (("CC", (0,)), ("CC", (0, 1)), False),
        (("CC", (0, 0)), ("CC", (1, 1)), True),
        (("CC", (0, 0)), ("CC", (0, 1)), False),
    ],
)
def test_duplicates_are_those_up_to_symmetry(first, second, same):
    fragments = [Fragment(*first), Fragment(*second)]
    if same:
        with pytest.raises(VocabularyError, match="same fragment as at fragment 0"):
            Vocabulary(fragments)
    else:
        assert len(Vocabulary(fragments)) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no fragment"),
        ("# only comments\n", "no fragment"),
        ("C -\nO -\n", "no fragment has an attachment point"),
    ],
)
def test_empty_files(tmp_path, content, words):
    with pytest.raises(VocabularyError, match=words):
        Vocabulary.load(write(tmp_path, content))


def test_bad_sources(tmp_path):
    with pytest.raises(VocabularyError, match=r"no such file.*rdkit"):
        Vocabulary.load("rdkitt")
    with pytest.raises(VocabularyError, match="no such file"):
        Vocabulary.load(tmp_path / "absent.txt")
    with pytest.raises(VocabularyError, match="line 1: no JSON"):
        Vocabulary.load(write(tmp_path, "{", "v.json"))
    with pytest.raises(VocabularyError, match="list of"):
        Vocabulary.load(write(tmp_path, "{}", "v.json"))
    with pytest.raises(VocabularyError, match="entry 0"):
        Vocabulary.load(write(tmp_path, '[{"smiles": "C"}]', "v.json"))
    with pytest.raises(VocabularyError, match=r"entry 1.*whole numbers"):
        Vocabulary.load([["C", [0]], ["CC", [0.5]]])
    with pytest.raises(VocabularyError, match="entry 0"):
        Vocabulary.load(["C"])
    with pytest.raises(VocabularyError, match="no fragment"):
        Vocabulary.load([])
    binary = tmp_path / "v.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VocabularyError, match="cannot be read"):
        Vocabulary.load(binary)
