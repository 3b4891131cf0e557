"""One place knows where optional data lie, and what is kept in the repository stays small."""

from pathlib import Path

TESTS = Path(__file__).parent
KNOWS = {TESTS / "optional_data.py", Path(__file__)}


def test_no_other_place_knows_the_folder():
    signs = ('"shared"', "'shared'", "shared/data", "MOLGFN_TEST_DATA")
    found = [p.name for p in TESTS.rglob("*.py") if p not in KNOWS and any(sign in p.read_text() for sign in signs)]
    assert found == []


def test_kept_values_are_small():
    assert sum(p.stat().st_size for p in (TESTS / "data").iterdir()) < 200_000


def test_a_file_that_is_there_is_given_and_the_test_is_marked(optional_data, request, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.optional_data.FOLDER", tmp_path)
    (tmp_path / "here.csv").write_text("")
    assert optional_data("here.csv") == tmp_path / "here.csv"
    assert request.node.get_closest_marker("optional_data")
