"""``molgfn train quickstart trainer=ddp_cpu trainer.devices=2``: a run of two processes from the command line."""

import subprocess
import sys

from molgfn.runs.checkpoint import read


def molgfn(*arguments):
    return subprocess.run([sys.executable, "-m", "molgfn", *arguments], capture_output=True, text=True, check=False)


def test_quickstart_on_two_processes(tmp_path):
    small = ["trainer.iterations=3", "trainer.log_every=1", "data.batch_size=8", "policy.width=16", "policy.layers=1"]
    place = [f"output={tmp_path}", "logger.wandb=off"]
    done = molgfn("train", "quickstart", "trainer=ddp_cpu", "trainer.devices=2", *small, *place)
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.iterdir()
    assert done.stdout == f"run folder: {folder}\n"
    assert "log Z" in done.stderr
    record = read(folder / "checkpoints" / "last.ckpt")["molgfn"]
    assert (record["iteration"], record["processes"]) == (3, 2)
    refused = molgfn("train", "quickstart", "trainer=ddp_cpu", "trainer.devices=3", *small, *place)
    assert refused.returncode == 2
    assert refused.stderr.count("cannot be shared out equally among 3 processes") == 1
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
