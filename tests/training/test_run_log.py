"""What a run keeps of what was said."""

import logging
from pathlib import Path

import pytest

from molgfn.experiment import train
from molgfn.training.logs.run_log import NAME, RunLog

logger = logging.getLogger("molgfn")


def said(folder) -> list[str]:
    """Messages with their level, without the time."""
    return [line.split(" ", 2)[2] for line in (folder / NAME).read_text().splitlines()]


def test_what_is_said_before_there_is_a_folder_is_kept(tmp_path):
    with RunLog() as log:
        logger.info("first")
        logger.debug("not this")
        log.into(tmp_path)
        logger.warning("second")
    logger.warning("after it")
    assert said(tmp_path) == ["INFO first", "WARNING second"]


def test_an_error_is_kept_with_its_place(tmp_path):
    log = RunLog()

    def fail():
        log.into(tmp_path)
        return 1 / 0

    with pytest.raises(ZeroDivisionError), log:
        fail()
    text = (tmp_path / NAME).read_text()
    assert "ERROR the run ended with ZeroDivisionError: division by zero" in text
    assert "return 1 / 0" in text


def test_nothing_is_left_behind(tmp_path):
    handlers, level = list(logger.handlers), logger.level
    with RunLog() as log:
        log.into(tmp_path)
    with pytest.raises(ZeroDivisionError), RunLog():
        print(1 / 0)
    assert (logger.handlers, logger.level) == (handlers, level)


def test_a_script_without_handlers_still_sees_warnings_only(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
    with RunLog() as log:
        log.into(tmp_path)
        logger.info("quiet")
        logger.warning("loud")
    assert capsys.readouterr().err == "loud\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_in_one_line(tmp_path, capsys):
    (tmp_path / NAME).symlink_to("/dev/full")

    def fail(log):
        log.into(tmp_path)
        for _ in range(5):
            logger.warning("again")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), RunLog() as log:
        fail(log)
    shown = capsys.readouterr().err
    assert shown.count(f"{NAME}: nothing more is written here (No space left on device)") == 1
    assert "Traceback" not in shown
    assert "Logging error" not in shown


def test_a_resumed_run_writes_on(config):
    settings = config()
    run = train(settings)
    train(settings | {"trainer": settings["trainer"] | {"iterations": 8}}, resume=run.checkpoint)
    assert said(run.folder) == [f"INFO run folder: {run.folder}"] * 2
