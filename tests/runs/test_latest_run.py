"""Which of several runs in a folder is taken, and that it is said."""

import logging
import os

from molgfn.runs.checkpoint import find


def test_of_several_runs_the_latest_is_taken_and_named(tmp_path, caplog):
    for when, name in enumerate(("new", "old"), start=1):
        place = tmp_path / name / "checkpoints" / "some.ckpt"
        place.parent.mkdir(parents=True)
        place.write_bytes(b"")
        os.utime(place, (100 - when, 100 - when))
    with caplog.at_level(logging.INFO, logger="molgfn"):
        assert find(tmp_path) == tmp_path / "new" / "checkpoints" / "some.ckpt"
        assert f"{tmp_path} holds 2 runs; taken: the latest, {tmp_path / 'new'}" in caplog.text
        caplog.clear()
        find(tmp_path / "old")
    assert not caplog.text
