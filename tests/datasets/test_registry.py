"""The list of sets: every entry is complete, and a file is only taken where its digest is right."""

import json
import re
from hashlib import md5, sha256
from pathlib import Path

import pytest

from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.datasets.fragments import published_vocabulary
from molgfn.datasets.registry import DATASETS, ByHand, Dataset, dataset
from molgfn.downloads import Download
from molgfn.errors import DataError


@pytest.mark.parametrize("name", DATASETS)
def test_entries_are_complete(name):
    found = DATASETS[name]
    file = found.file
    assert found.name == name
    assert found.entries > 0
    assert file.size > 0
    assert all((found.what, file.source, file.licence))
    if isinstance(file, ByHand):
        assert re.fullmatch("[0-9a-f]{32}", file.md5)
        assert file.url.startswith("https://")
    else:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        # a place whose content cannot change: a commit, or a released file
        assert re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", file.url) or re.match(
            "https://files.pythonhosted.org/packages/", file.url
        )


def test_the_page_lists_them_all():
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    listed = {}
    for names, entries in rows[: next(i for i, (names, _) in enumerate(rows) if "`.smi`" in names)]:
        listed |= dict(zip(re.findall(r"`(\w+)`", names), entries.strip().split(", "), strict=True))
    assert listed == {name: f"{found.entries:,}" for name, found in DATASETS.items()}


def test_one_name_is_one_file():
    files = {}
    for found in DATASETS.values():
        assert files.setdefault(found.file.name, found.file) == found.file
    assert len({(d.file.name, d.member) for d in DATASETS.values()}) == len(DATASETS)


def test_qm9_is_the_reference_file(optional_data):
    content = optional_data("qm9_smiles.csv").read_bytes()
    assert sha256(content).hexdigest() == DATASETS["qm9"].file.sha256
    assert len(content) == DATASETS["qm9"].file.size
    assert content.count(b"\n") - 1 + (not content.endswith(b"\n")) == DATASETS["qm9"].entries


def test_names():
    assert dataset("qm9").entries == 132_040
    assert dataset("bengio2021", "fragments").kind == "fragments"
    with pytest.raises(DataError, match="did you mean `guacamol`"):
        dataset("guacamole")
    with pytest.raises(DataError, match="qm9: holds molecules, not fragments; there is bengio2021"):
        dataset("qm9", "fragments")


@pytest.fixture
def by_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path / "folder"))
    file = ByHand(
        name="few.smi",
        url="https://x/y",
        md5=md5(b"C\n").hexdigest(),
        size=2,
        what="few molecules",
        source="b",
        licence="c",
    )
    return Dataset("few", 1, file)


def test_what_is_put_there_by_hand(by_hand, tmp_path):
    assert not by_hand.file.here
    with pytest.raises(DataError, match=r"few: .*download https://x/y .*md5 [0-9a-f]{32}\) and put it at .*few.smi"):
        by_hand.get()
    given = tmp_path / "given.smi"
    given.write_text("N\n")
    with pytest.raises(DataError, match=r"has md5 .*, but https://x/y has"):
        by_hand.get(given)
    with pytest.raises(DataError, match="has md5"):
        by_hand.adopt(given)
    assert not by_hand.file.here
    given.write_text("C\n")
    assert by_hand.get(given) == given
    assert by_hand.adopt(given) == by_hand.file.place == by_hand.get()
    assert by_hand.file.here
    by_hand.file.place.write_text("CCC\n")
    assert not by_hand.file.here
    assert [p.name for p in by_hand.file.place.parent.iterdir()] == ["few.smi"]


def test_adopting_a_file_that_could_be_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path / "folder"))
    file = Download(
        name="few.smi",
        url="http://localhost:9/x",
        sha256=sha256(b"C\n").hexdigest(),
        size=2,
        what="few molecules",
        source="b",
        licence="c",
    )
    few = Dataset("few", 1, file)
    with pytest.raises(DataError, match="cannot be read"):
        few.adopt(tmp_path / "gone.smi")
    (tmp_path / "given.smi").write_text("C\n")
    few.adopt(tmp_path / "given.smi")
    assert few.get() == tmp_path / "folder" / "few.smi"


def test_a_published_vocabulary(tmp_path):
    blocks = {"block_smi": {"0": "CCO", "1": "c1ccccc1", "2": "CCO"}, "block_r": {"0": [2, 0], "1": [0, 3], "2": [0]}}
    path = tmp_path / "blocks.json"
    path.write_text(json.dumps(blocks))
    assert published_vocabulary("bengio2021", path=path) == Vocabulary.load([["CCO", [0, 2]], ["c1ccccc1", [0, 3]]])
    path.write_text(json.dumps({"block_smi": {"0": "CCO"}, "block_r": {}}))
    with pytest.raises(DataError, match="should be JSON with `block_smi`"):
        published_vocabulary("bengio2021", path=path)
