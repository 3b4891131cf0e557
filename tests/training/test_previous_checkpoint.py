"""The latest checkpoint and the one before it: at every moment one of them is whole, and that one is found."""

import logging
import os
import shutil

import pytest

from molgfn.errors import CheckpointError, ConfigError
from molgfn.experiment import train
from molgfn.runs.checkpoint import find, load, read, whole
from molgfn.training.callbacks import checkpointing

from .test_one_process import config as grid  # noqa: F401


@pytest.fixture
def run(grid):  # noqa: F811
    grid["trainer"] |= {"iterations": 5, "checkpoint_every": 2}
    return train(grid)


def iteration(path):
    return read(path)["molgfn"]["iteration"]


def damage(path, how):
    content = path.read_bytes()
    if how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    else:  # a few bytes of the weights
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes(64) + content[middle + 64 :])
        assert path.read_bytes() != content


def test_the_one_before_is_kept(run):
    folder = run.checkpoint.parent
    assert sorted(p.name for p in folder.iterdir()) == ["last.ckpt", "previous.ckpt"]
    assert (iteration(folder / "last.ckpt"), iteration(folder / "previous.ckpt")) == (5, 4)


def test_one_of_the_same_iteration_is_not_the_one_before(grid):  # noqa: F811
    grid["trainer"] |= {"iterations": 4, "checkpoint_every": 2}
    folder = train(grid).checkpoint.parent
    assert (iteration(folder / "last.ckpt"), iteration(folder / "previous.ckpt")) == (4, 2)


@pytest.mark.parametrize("how", ["cut off", "empty", "gone", "changed"])
def test_where_the_latest_is_damaged_the_one_before_is_taken(run, grid, how, caplog):  # noqa: F811
    last = run.checkpoint
    straight = read(last)["state_dict"]
    (last.parent / "last.ckpt.part").write_bytes(b"half")
    damage(last, how)
    with caplog.at_level(logging.WARNING, "molgfn"):
        found = find(run.folder)
    assert found.name == "previous.ckpt"
    assert f"{last} is {'not there' if how == 'gone' else 'damaged'}; taken: the one before it" in caplog.text
    assert load(run.folder).iteration == 4
    assert load(run.folder.parent).iteration == 4
    rest = train(grid, resume=found)
    assert rest.iteration == 5
    again = read(rest.checkpoint)["state_dict"]
    assert all((again[name] == straight[name]).all() for name in straight)
    # the damaged one did not become the one before
    assert (iteration(last), iteration(found)) == (5, 4)
    assert not list(last.parent.glob("*.part"))


def test_where_both_are_damaged_the_message_is_of_the_latest(run):
    for name in ("last.ckpt", "previous.ckpt"):
        damage(run.checkpoint.with_name(name), "cut off")
    with pytest.raises(CheckpointError, match=r"last\.ckpt: not a checkpoint, or one that was cut off"):
        load(run.folder)


def test_a_part_that_is_left_alone_is_no_checkpoint(run, tmp_path):
    folder = tmp_path / "only" / "checkpoints"
    folder.mkdir(parents=True)
    shutil.copy(run.checkpoint, folder / "last.ckpt.part")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        find(folder.parent)


@pytest.mark.parametrize("links", [True, False])
def test_at_every_moment_one_of_them_is_whole(grid, monkeypatch, links):  # noqa: F811
    """Looked at before and after each step of taking the place."""
    seen = []

    def watched(function):
        def look(source, target):
            folder = os.path.dirname(target)
            there = [name for name in ("last.ckpt", "previous.ckpt") if whole(checkpointing.Path(folder, name))]
            if os.path.basename(folder) == "checkpoints":
                seen.append(there)
            if function.__name__ == "link" and not links:
                raise OSError(95, "Operation not supported")
            return function(source, target)

        return look

    replace, link = watched(os.replace), watched(os.link)
    monkeypatch.setattr(checkpointing.os, "replace", replace)
    monkeypatch.setattr(checkpointing.os, "link", link)
    grid["trainer"] |= {"iterations": 6, "checkpoint_every": 2}
    run = train(grid)
    assert iteration(run.checkpoint.with_name("previous.ckpt")) == 4
    first, *later = seen
    assert first == []
    assert later
    assert all(later)
    assert all("last.ckpt" in there for there in later) == links


def test_a_run_folder_in_which_nothing_can_be_written_is_refused_before_work_starts(run, grid, monkeypatch):  # noqa: F811
    grid["trainer"] |= {"iterations": 9}
    write = checkpointing.Path.write_bytes

    def refused(self, content):
        if self.name == "trial.part":
            raise PermissionError(13, "Permission denied", str(self))
        return write(self, content)

    monkeypatch.setattr(checkpointing.Path, "write_bytes", refused)
    with pytest.raises(ConfigError, match=rf"{run.folder.name}: nothing can be written there \(Permission denied\)"):
        train(grid, resume=run.checkpoint)
    assert load(run.folder).iteration == 5
