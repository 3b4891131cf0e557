"""Answers on disk: shared, kept apart by oracle, and never a reason to stop."""

import contextlib
import logging
import multiprocessing
import os
import sqlite3

import numpy as np
import pytest
from tests.serving.faulty_oracles import Faulty

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.serving.disk_cache import DiskCache
from molgfn.serving.panel import panel_of
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring, identity


def chains(lengths):
    molecules = parse(["C" * n for n in lengths])
    return molecules, [m.smiles for m in molecules]


def service(folder, log=None, recipe="a", **arguments):
    scoring = Scoring(disk_cache=str(folder), recipe=recipe)
    return Service(oracle=Faulty(log=log and str(log), **arguments), scoring=scoring)


def test_another_run_asks_for_nothing_that_is_known(tmp_path):
    log = tmp_path / "log"
    first = service(tmp_path / "c", log, fault="nan")
    first(*chains([1, 2, 10]))
    second = service(tmp_path / "c", log, fault="nan")
    answers = second(*chains([1, 2, 2, 3, 10]))
    np.testing.assert_array_equal(answers.values["faulty"], [0.0001, 0.0002, 0.0002, 0.0003, np.nan])
    counters = second.counters
    assert (counters.raw, counters.unique, counters.disk, counters.cached, counters.failed) == (5, 4, 2, 1, 1)
    assert log.read_text().split() == ["1", "2", "10", "3", "10"]  # failures are not kept
    np.testing.assert_array_equal(answers.values["faulty"], answers.values["faulty"])


def test_answers_from_disk_show_that_the_oracle_lives(tmp_path):
    def engine():
        made = service(tmp_path / "c", fault="nan", every=2)
        made.scoring.give_up = 3
        return made

    lengths = list(range(1, 9))  # each second one has no value
    engine()(*chains(lengths))
    again = engine()
    for _ in range(2):
        for n in range(0, 8, 2):
            again(*chains(lengths[n : n + 2]))
    assert again.counters.disk == 4


def test_what_was_answered_before_an_interrupt_is_kept_without_workers_too(tmp_path):
    class Interrupted(Faulty):
        asked = 0

        def values(self, objects):
            Interrupted.asked += len(objects)
            if Interrupted.asked > 40:
                raise KeyboardInterrupt
            return super().values(objects)

    first = service(tmp_path / "c")
    first.panel = panel_of(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        first(*chains(range(1, 65)))
    second = service(tmp_path / "c", every=1000)
    second(*chains(range(1, 65)))
    assert second.counters.disk == 16  # the first piece


def test_a_cache_that_another_process_has_replaced_is_not_set_aside(tmp_path, caplog):
    a, b = (DiskCache(tmp_path / "c", width=1) for _ in "ab")
    for i in range(500):
        a.put(f"k{i}", (float(i),))
    for cache in (a, b):
        cache.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "c" / "cache.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b.get(["k5"]) == a.get(["k5"]) == {"k5": (5.0,)}  # both have it open again
    with (tmp_path / "c" / "cache.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 40_000)
    a.put("y", (2.0,))
    b.put("z", (3.0,))
    assert a.on
    assert b.on
    assert len(list(tmp_path.glob("c.damaged-*"))) == 1
    assert DiskCache(tmp_path / "c", width=1).get(["y", "z"]) == {"y": (2.0,), "z": (3.0,)}
    a.put("later", (4.0,))
    assert b.get(["later"]) == {"later": (4.0,)}


def test_another_recipe_or_data_file_is_another_cache(tmp_path):
    service(tmp_path, recipe={"a": 1})(*chains([1]))
    service(tmp_path, recipe={"a": 2})(*chains([1]))
    assert len(list(tmp_path.iterdir())) == 2

    class WithFile(Faulty):
        @property
        def files(self):
            return (tmp_path / "weights",)

    (tmp_path / "weights").write_text("1")
    before = identity(WithFile(), "a")
    (tmp_path / "weights").write_text("2")
    assert identity(WithFile(), "a") != before != identity(Faulty(), "a")


def test_without_a_recipe_nothing_is_kept_on_disk(tmp_path):
    with pytest.raises(ConfigError, match="recipe"):
        Service(oracle=Faulty(), scoring=Scoring(disk_cache=str(tmp_path)))


def test_a_damaged_file_is_set_aside_with_a_warning(tmp_path, caplog):
    service(tmp_path)(*chains([1]))
    (place,) = tmp_path.iterdir()
    for file in place.glob("cache.db*"):
        file.write_bytes(b"not a database at all" * 500)
    with caplog.at_level(logging.WARNING, logger="molgfn.rewards"):
        again = service(tmp_path)
        assert again(*chains([1])).values["faulty"].tolist() == [0.0001]
    assert again.counters.disk == 0
    assert len([r for r in caplog.records if "set aside" in r.message]) == 1
    assert sorted(p.name.partition(".")[2][:7] for p in tmp_path.iterdir()) == ["", "damaged"]
    assert service(tmp_path)(*chains([1])).values["faulty"].tolist() == [0.0001]


def test_a_damaged_entry_is_asked_for_again(tmp_path):
    cache = DiskCache(tmp_path / "c", width=2)
    cache.put("good", (1.0, 2.0))
    cache.put("short", (1.0,))
    assert cache.get(["good", "short", "none"]) == {"good": (1.0, 2.0)}


@pytest.mark.skipif(os.name != "posix", reason="a folder without permissions is made the POSIX way")
def test_a_place_that_cannot_be_written_costs_the_cache_and_not_the_run(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, logger="molgfn.rewards"):
        engine = service(tmp_path / "file")
        assert engine(*chains([1, 2])).values["faulty"].tolist() == [0.0001, 0.0002]
        engine(*chains([3]))
    assert len([r for r in caplog.records if "goes on without it" in r.message]) == 1


def _fill(folder, start):
    engine = service(folder)
    for n in range(40):
        engine(*chains([1 + (start + 3 * n) % 60]))


def test_two_processes_share_one_cache(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(tmp_path, start)) for start in (0, 30)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    expected = {1 + (start + 3 * n) % 60 for start in (0, 30) for n in range(40)}
    after = service(tmp_path)
    answers = after(*chains(sorted(expected)))
    assert after.counters.disk == len(expected)
    np.testing.assert_array_equal(answers.values["faulty"], np.array(sorted(expected)) / 10_000)
