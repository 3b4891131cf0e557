"""Reading a file or a named set in standard form: what is kept, and what the report says of the rest."""

import gzip
import tarfile
import zipfile
from dataclasses import replace
from hashlib import sha256

import pandas as pd
import pooch
import pytest

from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets import reading, registry
from molgfn.datasets.reading import LeftOut, ReadingReport, iter_molecules, open_molecules
from molgfn.datasets.registry import Dataset
from molgfn.downloads import Download
from molgfn.errors import DataError

LINES = """CCO ethanol
OCC the same
XX
CC(=O)[O-].[Na+]
[Na+].[Cl-]
C(C)(C)(C)(C)C
c1ccccc1CCCCCC

CC(=O)O
[U]
"""
RULES = Standardisation(charges="neutralise", max_atoms=10, elements=["C", "N", "O"])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text(LINES)
    return path


def counted(report):
    return {reason: (out.count, out.lines) for reason, out in report.left_out.items()}


def test_report(file):
    content = open_molecules(file, standardise=RULES)
    assert [m.smiles for m in content.molecules] == ["CCO", "CC(=O)O"]
    assert content.lines == [1, 4]
    assert len(content) == 2
    assert (content.report.entries, content.report.kept) == (9, 2)
    assert counted(content.report) == {
        "duplicate": (2, [2, 9]),
        "not a SMILES": (1, [3]),
        "no organic part": (1, [5]),
        "valence": (1, [6]),
        "too large": (1, [7]),
        "element": (1, [10]),
    }
    assert content.report.left_out["duplicate"].example == "CCO is at line 1 already"
    text = content.report.summary()
    assert text.splitlines()[:2] == [
        f"{file}: 2 of 9 molecules kept",
        "  2 left out: duplicate, line 2, 9 (CCO is at line 1 already)",
    ]
    assert "  1 left out: element, line 10 ([U] (U))" in text.splitlines()


def test_worker_processes_give_the_same(file, monkeypatch):
    monkeypatch.setattr(reading, "_PORTION", 2)
    alone, together = (open_molecules(file, standardise=RULES, jobs=jobs) for jobs in (1, 2))
    assert together.report == alone.report
    assert together.lines == alone.lines
    assert [m.smiles for m in together.molecules] == [m.smiles for m in alone.molecules]
    assert [m.mol.GetNumAtoms() for m in together.molecules] == [3, 4]


def test_by_default_nothing_is_changed(file):
    content = open_molecules(file)
    assert [m.smiles for m in content.molecules][:4] == ["CCO", "CCO", "CC(=O)[O-].[Na+]", "[Cl-].[Na+]"]
    assert set(content.report.left_out) == {"not a SMILES", "valence"}


def test_limit_counts_entries(file):
    seen = []
    content = open_molecules(file, limit=3, progress=seen.append)
    assert (content.report.entries, content.lines, seen) == (3, [1, 2], [3])


def test_a_limit_that_cuts_is_said(file):
    whole = open_molecules(file).report
    assert not whole.cut
    assert not open_molecules(file, limit=whole.entries).report.cut
    part = open_molecules(file, limit=3).report
    assert part.cut
    assert part.summary().endswith("the others not read: limit=3")


def test_only_the_first_lines_are_kept():
    out = LeftOut("duplicate")
    for line in range(1, 9):
        out.add(line, f"of {line}")
    assert (out.count, out.lines, out.example) == (8, [1, 2, 3, 4, 5], "of 1")
    assert "line 1, 2, 3, 4, 5, ... (of 1)" in ReadingReport("x", 8, 0, {"duplicate": out}).summary()


def test_tables_name_their_column(tmp_path):
    frame = pd.DataFrame({"educt": ["C", "CC"], "product": ["CO", "XX"]})
    frame.to_parquet(tmp_path / "a.parquet")
    content = open_molecules(tmp_path / "a.parquet", column="product")
    assert content.lines == [1]
    assert counted(content.report) == {"not a SMILES": (1, [2])}


def test_nothing_left(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nXX\n")
    with pytest.raises(DataError, match=r"no valid molecule \(line 1: too small: CCO \(3 heavy atoms\); line 2: not a"):
        open_molecules(tmp_path / "a.smi", standardise=Standardisation(min_atoms=9))
    (tmp_path / "a.smi").write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        open_molecules(tmp_path / "a.smi")
    assert list(iter_molecules(tmp_path / "a.smi")) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gone.smi", "gone.smi: cannot be read .there is no such file"),
        ("folder/gone", "there is no such file"),
        ("zinc250", "no data set of that name; did you mean `zinc250k`"),
        ("bengio2021", "bengio2021: holds fragments, not molecules"),
    ],
)
def test_sources_that_are_not_there(source, words):
    with pytest.raises(DataError, match=words):
        open_molecules(source)


def named(monkeypatch, tmp_path, content: bytes, file: str, member=None) -> Dataset:
    """A set of the registry whose file is in the folder already."""
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path / "folder"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / file).write_bytes(content)
    download = Download(
        name=file,
        url="http://localhost:9/x",
        sha256=sha256(content).hexdigest(),
        size=len(content),
        what="a",
        source="b",
        licence="c",
    )
    found = Dataset("few", 2, download, member)
    monkeypatch.setitem(registry.DATASETS, "few", found)
    return found


def test_a_named_set(monkeypatch, tmp_path):
    named(monkeypatch, tmp_path, gzip.compress(b"smiles\nCCO\nCN\n"), "few.csv.gz")
    assert open_molecules("few").lines == [2, 3]
    other = tmp_path / "other.gz"
    other.write_bytes(gzip.compress(b"smiles\nCCC\n"))
    assert [m.smiles for m in open_molecules("few", path=other).molecules] == ["CCC"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_a_named_set_inside_an_archive(monkeypatch, tmp_path, kind):
    inside = tmp_path / "molecules.csv.gz"
    inside.write_bytes(gzip.compress(b"smiles\nCCO\nCN\n"))
    archive = tmp_path / "archive"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as whole:
            whole.write(inside, "data/molecules.csv.gz")
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as whole:
            whole.add(inside, "data/molecules.csv.gz")
    found = named(monkeypatch, tmp_path, archive.read_bytes(), "few.bin", "data/molecules.csv.gz")
    assert open_molecules("few").lines == [2, 3]
    monkeypatch.setitem(registry.DATASETS, "few", replace(found, member="data/gone.csv"))
    with pytest.raises(DataError, match=r"few.bin: has no file data/gone.csv inside"):
        open_molecules("few")


def test_a_broken_archive(monkeypatch, tmp_path):
    named(monkeypatch, tmp_path, b"no archive", "few.bin", "x.smi")
    with pytest.raises(DataError, match="cannot be read as an archive"):
        open_molecules("few")


def test_a_set_that_cannot_be_fetched(monkeypatch, tmp_path):
    found = named(monkeypatch, tmp_path, b"C\n", "few.smi")
    found.file.place.unlink()
    with pytest.raises(DataError, match=r"few.smi .*could not be fetched.*put it at .*folder.few.smi"):
        open_molecules("few")


def test_a_failed_download_says_what_lay_under_it(monkeypatch, tmp_path):
    found = named(monkeypatch, tmp_path, b"C\n", "few.smi")
    found.file.place.unlink()

    def unreachable(*_, **__):
        try:
            raise OSError("Name or service not known")
        except OSError as error:
            raise RuntimeError("HTTPSConnectionPool: max retries exceeded") from error

    monkeypatch.setattr(pooch, "retrieve", unreachable)
    with pytest.raises(DataError, match=rf"could not be fetched from {found.file.url}: Name or service not known\."):
        open_molecules("few")


def test_reference_molecules(optional_data):
    path = optional_data("zinc250k.smi.gz")
    content = open_molecules(path, limit=400, standardise=Standardisation(charges="neutralise", stereo="remove"))
    assert content.report.kept == 400
    assert not any(mark in m.smiles for m in content.molecules for mark in "@/\\.")
