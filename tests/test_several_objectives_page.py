"""docs/several_objectives.md: its experiment trains, its commands compose, its table is what the code does."""

import re
import shlex
from pathlib import Path

import pytest

from molgfn.composing.compose import checked
from molgfn.composing.places import shipped
from molgfn.experiment import assemble, train

PAGE = (Path(__file__).parents[1] / "docs" / "several_objectives.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[2:]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
SMALL = [
    "environment.vocabulary=[[c1ccccc1,[0,3]],[C,[0]],[C1CCNCC1,[0,3]]]",
    *("environment.max_fragments=3", "policy.width=8", "policy.layers=1", "policy.heads=2", "data.batch_size=8"),
    *("trainer.iterations=2", "trainer.threads=1", "trainer.progress=none", "logger.wandb=off"),
]


@pytest.fixture
def leads(tmp_path, monkeypatch):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "leads.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)


def test_there_are_commands():
    assert len(COMMANDS) > 5
    assert any(words[0] == "leads.yaml" for words in COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_compose(leads, words):
    assert checked(words[0], words[1:])


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[0] == "leads.yaml"], ids=" ".join)
def test_the_experiment_of_the_page_trains(leads, words):
    run = train(checked(words[0], [*words[1:], *SMALL]))
    assert run.iteration == 2


def test_the_experiment_has_the_objectives_that_it_announces(leads):
    experiment = assemble(checked("leads.yaml", SMALL))
    oracle = experiment.reward.oracle
    assert oracle.objective_names == ("like", "logp", "sa")
    assert oracle.filter_names == ("light",)
    assert experiment.reward.reads == {"preference_like", "preference_logp", "preference_sa"}


def test_every_shipped_scalarisation_has_a_row():
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## Which scalarisation")[1].split("\n## ")[0], re.MULTILINE))
    rows.discard("scalarisation")  # the head
    assert rows == {path.stem for path in (shipped("configs") / "scalarisation").glob("*.yaml")}
