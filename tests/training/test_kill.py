"""kill -9 at random moments, also while a checkpoint is written: resumed each time, a run comes to the same end.

pytest -m slow tests/training/test_kill.py -s      says how often it was killed where
"""

import csv
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from molgfn.api.training import FinishedError, resumed
from molgfn.experiment import train
from molgfn.runs.checkpoint import read

from .test_one_process import config as grid  # noqa: F401
from .test_one_process import shipped
from .test_resume import REPLAY, content

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs kill -9")]
KILLS = 20
CASES = {
    "tb, prioritised replay": {"data": REPLAY},
    "ent-ppo, tlm": {"objective": shipped("objective", "ent_ppo"), "backward": shipped("backward", "tlm")},
    "rl-g": {"backward": shipped("backward", "rl_g")},
    "sac, replay": {"objective": shipped("objective", "sac"), "data": REPLAY},
    "tb, replay, ema": {"data": REPLAY, "optimizer": shipped("optimizer", "adam", ema_decay=0.9)},
}
#: where a process may be killed while it keeps a checkpoint: half way through the file, and before each of these calls
PLACES = ("half", "fsync", "link", "replace")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_while_keeping(place: str, nth: int) -> None:
    """Have this process killed at the ``nth`` time that it comes to ``place`` with a checkpoint."""
    from molgfn.training import one_process

    left = [nth]

    def due():
        left[0] -= 1
        return left[0] == 0

    if place == "half":
        save = one_process.torch.save

        def half(checkpoint, file):
            save(checkpoint, file)
            if due():
                file.truncate(file.tell() // 2)
                file.flush()
                die()

        one_process.torch = SimpleNamespace(**{**vars(one_process.torch), "save": half})
        return
    function = getattr(os, place)

    def killed(*arguments):
        of = (
            str(arguments[-1])
            if isinstance(arguments[-1], (str, Path))
            else os.readlink(f"/proc/self/fd/{arguments[0]}")
        )
        if "checkpoints" in of and due():
            die()
        return function(*arguments)

    setattr(os, place, killed)


def live(config, folder, place, nth):
    """One life of a run: from its folder where there is one."""
    if place is not None:
        kill_while_keeping(place, nth)
    if folder is None:
        train(config)
        return
    try:
        settings, start = resumed(folder, [])
    except FinishedError:
        return
    train(settings, resume=start)


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if "second" not in k} for row in csv.DictReader(file)]


def scored(folder):
    with sqlite3.connect(folder / "scored.sqlite") as connection:
        return connection.execute(
            "SELECT iteration, source, key, value, log_reward FROM scored ORDER BY call"
        ).fetchall()


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_is_killed_again_and_again_comes_to_the_same_end(grid, case, tmp_path):  # noqa: F811
    config = {**grid, **CASES[case], "environment": {**grid["environment"], "side": 8}}
    config["oracle"] = {**grid["oracle"], "side": 8}
    config["trainer"] |= {"iterations": 60, "checkpoint_every": 3, "log_every": 2}
    straight = train(config)
    expected = content(straight), rows(straight.folder), scored(straight.folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["molgfn.experiment", "molgfn.api.training", "pytorch_lightning", "pytest"])
    chance, died, ends, number = random.Random(case), Counter(), 0, 0
    while sum(died.values()) < KILLS or number:
        output = tmp_path / f"run{ends}"
        folder = next(iter(output.glob("*")), None) if number else None
        place = chance.choice([None, *PLACES]) if sum(died.values()) < KILLS else None
        process = context.Process(
            target=live, args=({**config, "output": str(output)}, folder, place, chance.randint(1, 4))
        )
        process.start()
        if place is None and sum(died.values()) < KILLS:
            begun = time.monotonic()
            while time.monotonic() < begun + chance.uniform(0.5, 6.0) and process.is_alive():
                time.sleep(0.01)
            if process.is_alive():
                process.kill()
        process.join()
        number += 1
        if process.exitcode == -signal.SIGKILL:
            died[place or "any moment"] += 1
            if not list(output.glob("*/config.yaml")):  # before there was a run
                number = 0
                for rest in output.glob("*"):
                    rest.rename(tmp_path / f"nothing{sum(died.values())}")
            continue
        assert process.exitcode == 0
        (folder,) = output.iterdir()
        assert read(folder / "checkpoints" / "last.ckpt")["molgfn"]["iteration"] == 60
        assert content(SimpleNamespace(checkpoint=folder / "checkpoints" / "last.ckpt")) == expected[0]
        assert rows(folder) == expected[1]
        assert scored(folder) == expected[2]
        ends, number = ends + 1, 0
    print(f"\n{case}: killed {sum(died.values())} times ({dict(died)}), {ends} runs came to the same end")
    assert ends >= 1
