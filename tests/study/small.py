"""A study of two tasks that runs in seconds, for tests."""

from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from molgfn.cli.main import cli

BASE = (
    "defaults: [train, override environment: hypergrid, override oracle: hypergrid, override policy: tabular, _self_]\n"
)
SET = (
    "trainer.log_every=2 trainer.accelerator=cpu trainer.threads=1 trainer.progress=none logger.wandb=off "
    "data.batch_size=4 trainer.checkpoint_every=2"
)
PLAN: dict[str, Any] = {
    "question": "Does it run?",
    "tasks": [
        {"name": "small", "experiment": "base.yaml", "set": "environment.side=3"},
        {"name": "large", "experiment": "base.yaml", "set": "environment.side=4"},
    ],
    "set": SET,
    "budget": {"reward_calls": 20},
    "seeds": [0, 1],
    "rows": [{"name": "TB"}, {"name": "DB", "set": "objective=db"}],
    "measures": ["tv", "reward_calls", "gradient_steps"],
    "pictures": {"curves.svg": {"y": "reward/mean", "x": "oracle/calls"}},
}


def write(folder: Path, **changes: Any) -> Path:
    """The study file, ``changes`` to ``PLAN`` made; a key that is None is left out."""
    (folder / "base.yaml").write_text(BASE)
    path = folder / "small.study.yaml"
    plan = {key: value for key, value in {**PLAN, **changes}.items() if value is not None}
    path.write_text(yaml.safe_dump(plan))
    return path


def study(*arguments: object) -> Result:
    """``molgfn study`` with these words."""
    return CliRunner().invoke(cli, ["study", *map(str, arguments)])
