"""Which block fits which slot, kept on disk: the same as found anew, also after the file was damaged."""

import numpy as np
import pytest

from molgfn.chemistry.reactions import kept_fits
from molgfn.chemistry.reactions.library import ReactionLibrary


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path))
    monkeypatch.setattr(kept_fits, "FEWEST", 5)
    return tmp_path / "reactions"


def again(small):
    return ReactionLibrary(small.blocks, small.reactions, small.about).block_fits


def test_it_is_found_once(small, place, monkeypatch):
    assert np.array_equal(again(small), small.block_fits)
    assert len(list(place.iterdir())) == 1
    monkeypatch.setattr(kept_fits.Queries, "of", None)  # would fail if it was asked
    assert np.array_equal(again(small), small.block_fits)


def test_another_library_has_another_file(small, place):
    again(small)
    part = small.part(range(6), range(4))
    assert np.array_equal(part.block_fits, small.block_fits[:, :6])
    assert len(list(place.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_file_is_written_again(small, place, content):
    again(small)
    (file,) = place.iterdir()
    if content is None:
        np.save(file, np.zeros((2, 1), dtype=np.uint8))
    else:
        file.write_bytes(content)
    assert np.array_equal(again(small), small.block_fits)
    assert np.array_equal(np.unpackbits(np.load(file), axis=1, count=7).astype(bool), small.block_fits)


def test_a_place_that_cannot_be_written_is_no_error(small, place, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path / "file"))
    assert np.array_equal(again(small), small.block_fits)
