"""docs/conditions.md: every run on it is composed and assembled, and its words mean what the run beside them knows."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from molgfn.api.conditions import under_each
from molgfn.cli.files.given_condition import apart, conditions_of, given_conditions
from molgfn.composing.compose import checked
from molgfn.environments.conditional import Conditional
from molgfn.experiment import assemble
from molgfn.runs.checkpoint import Loaded

PAGE = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text(encoding="utf-8")
FILES = {
    m[1]: body for body in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if (m := re.match(r"# (\S+)\n", body))
}
COMMANDS = [
    tuple(words)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if (words := shlex.split(line, comments=True))
]
SMALL = ["data.batch_size=16", "policy.width=16", "policy.layers=1", "trainer.accelerator=cpu"]
SMALL += ["environment.vocabulary=[[c1ccccc1,[0,3],1],[CO,[0],1],[C,[0],1]]"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    (listed,) = re.findall(r"```\n(target\n.*?)```", PAGE, re.DOTALL)
    (tmp_path / "conditions.csv").write_text(listed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs():
    """Each command that trains, with those behind it that ask for conditions."""
    found = []
    for words in COMMANDS:
        if words[1] == "train":
            found.append((words, []))
        else:
            found[-1][1].append(words)
    return found


@pytest.mark.parametrize(("train", "others"), runs(), ids=[" ".join(train[2:4]) for train, _ in runs()])
def test_a_run_knows_the_words_behind_it(here, train, others):
    experiment = assemble(checked(train[2], [*train[3:], *SMALL]))
    assert isinstance(experiment.environment, Conditional)
    loaded = Loaded(experiment.environment, experiment.policy, experiment.config, 0, here / "last.ckpt")
    for words in others:
        arguments = words[2:]
        options = {name: value for name, value in itertools.pairwise(arguments) if name[:1] == "-"}
        plain = [a for i, a in enumerate(arguments) if a[:1] != "-" and (not i or arguments[i - 1][:1] != "-")]
        _, said = apart(plain)
        numbers = [options["--condition"]] if "--condition" in options else []
        table = Path(options["--conditions"]) if "--conditions" in options else None
        assert under_each(loaded, given_conditions(said, numbers, table))


def test_there_is_something_to_look_at(here):
    assert len(runs()) >= 8
    assert sum(len(others) for _, others in runs()) >= 10
    assert conditions_of(here / "conditions.csv") == [{"target": [-0.5]}, {"target": [1.5]}]
