"""Answers are on the disk at once and are what ``data=preferences`` reads; a file of other pairs is refused."""

import os

import pytest

from molgfn.chemistry.files.pairs import read_pairs
from molgfn.comparing.answer_file import COLUMNS, Answer, AnswerFile
from molgfn.errors import DataError

PAIRS = [("CCO", "CCN"), ("CCC", "CCO"), ("CCN", "CCC")]
SOURCE = "file=0123 seed=0 similar=no"
TIME = "2026-11-30T07:00:00+00:00"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.csv"


def opened(path, source=SOURCE, pairs=PAIRS):
    return AnswerFile(path, source, pairs)


def answered(path):
    answers = opened(path)
    answers.append(Answer(1, "CCN", "CCO", "chosen", 1.5, TIME))
    answers.append(Answer(2, "CCC", "CCO", "tie", 2, TIME))
    answers.append(Answer(3, "CCN", "CCC", "skip", 3, TIME))
    return answers


def test_the_file_is_read_by_the_source_of_pairs(path):
    opened(path)
    assert not path.exists()
    answers = answered(path)
    assert path.read_text().splitlines()[:2] == [",".join(COLUMNS), f"CCN,CCO,chosen,1.50,{TIME},1,{SOURCE}"]
    table = read_pairs(path)
    assert [(p.chosen.smiles, p.rejected.smiles, p.label) for p in table.pairs] == [
        ("CCN", "CCO", 1),
        ("CCC", "CCO", 0.5),
    ]
    assert {reason: left.count for reason, left in table.left_out.items()} == {"skipped": 1}
    assert opened(path).answers == answers.answers


def test_the_last_answer_is_taken_back_also_the_next_day(path):
    answered(path)
    first = path.read_bytes().splitlines(keepends=True)
    answers = opened(path)
    for left in (3, 2, 1):
        assert answers.undo().pair == left
        assert path.read_bytes() == b"".join(first[:left])
    answers.append(Answer(1, "CCN", "CCO", "chosen", 1.5, TIME))
    assert path.read_bytes() == b"".join(first[:2])


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_that_is_cut_off_is_said_and_taken_out(path, cut):
    answered(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    answers = opened(path)
    assert [answer.pair for answer in answers.answers] == [1, 2]
    assert "line 4 is cut off" in answers.cut_off
    answers.append(Answer(3, "CCN", "CCC", "skip", 3, TIME))
    assert path.read_bytes() == whole


def test_a_disk_that_is_full_leaves_the_file_as_it_was(path, monkeypatch):
    answers = answered(path)
    answers.undo()
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        answers.append(Answer(3, "CCN", "CCC", "skip", 3, TIME))
    assert path.read_bytes() == before
    assert len(answers.answers) == 2


@pytest.mark.parametrize(
    ("source", "pairs", "says"),
    [
        ("file=0123 seed=1 similar=no", PAIRS, "line 2: answers other pairs: it says seed=0, and this is seed=1"),
        ("file=9999 seed=0 similar=no", PAIRS, "it says file=0123, and this is file=9999"),
        (SOURCE, PAIRS[:1], "line 3: answers pair 2 of 1; ask for more by --pairs"),
        (SOURCE, PAIRS[::-1], "line 2: judges CCN and CCO, but pair 1 is CCN and CCC"),
    ],
)
def test_answers_to_other_pairs_are_refused_with_the_reason(path, source, pairs, says):
    answered(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=says):
        opened(path, source, pairs)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"CCN,CCO,perhaps,1,{TIME},2,{SOURCE}", "line 5: is no answer of this command"),
        (f"CCN,CCO,tie,1,{TIME},x,{SOURCE}", "line 5: is no answer of this command"),
        ("", "line 5: is no answer of this command"),
        (f"CCN,CCO,tie,1,{TIME},1,{SOURCE}", "line 5: pair 1 was answered before"),
    ],
)
def test_a_damaged_file_is_refused(path, line, says):
    answered(path)
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(DataError, match=says):
        opened(path)


@pytest.mark.parametrize("text", ["chosen,rejected\nC,CC\n", "smiles\nC\n", "no newline"])
def test_a_foreign_file_is_left_alone(path, text):
    path.write_text(text)
    with pytest.raises(DataError, match="was not written by this command"):
        opened(path)
    assert path.read_text() == text


def test_a_table_that_went_through_a_spreadsheet_goes_on(path):
    answered(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    answers = opened(path)
    answers.undo()
    assert [answer.pair for answer in opened(path).answers] == [1, 2]
