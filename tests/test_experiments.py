"""Every shipped experiment trains for one step, through the command line's own composition."""

from pathlib import Path

import pytest

from molgfn.cli.compose import checked
from molgfn.experiment import train

EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").rglob("*.yaml"))


def test_there_are_experiments():
    assert any(path.name == "quickstart.yaml" for path in EXPERIMENTS)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_one_step(path, tmp_path):
    overrides = [
        "trainer.iterations=1",
        "trainer.threads=1",
        "trainer.log_every=1",
        "trainer.progress=none",
        f"output={tmp_path}",
        "logger.wandb=off",
        "data.batch_size=4",
    ]
    run = train(checked(str(path), overrides))
    assert run.iteration == 1
    assert run.checkpoint.is_file()
    assert (run.folder / "metrics.csv").read_text().count("\n") == 2
