"""docs/sequences.md: its code runs, its commands are composed and assembled, its numbers are those of the code."""

import re
import shlex
from pathlib import Path

import pytest
from tests.optional_data import or_skip

from molgfn.composing.compose import checked
from molgfn.environments.tokens import Selfies, Smiles
from molgfn.environments.tokens.spellings import MOST_SPELLED
from molgfn.experiment import assemble, train
from molgfn.policies.sequence import SequencePolicy

PAGE = (Path(__file__).parents[2] / "docs" / "sequences.md").read_text(encoding="utf-8")
COMMANDS = [
    words
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if (words := shlex.split(line, comments=True))
]
SMALL = ["policy.width=16", "policy.layers=1", "trainer.accelerator=cpu", "logger.wandb=off"]


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    """A prior of three molecules in the space of the page."""
    folder = tmp_path_factory.mktemp("prior")
    (folder / "given.smi").write_text("CCO\nc1ccccc1O\nCC(=O)N\n")
    short = ["trainer.iterations=1", "data.batch_size=2", "trainer.progress=none", f"output={folder}"]
    own = [f"data.sources.offline.molecules={folder / 'given.smi'}"]
    return str(train(checked("experiments/sequences/prior.yaml", [*SMALL, *short, *own])).checkpoint)


def test_the_code_runs(capsys):
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/sequences.md", "exec"), {})
    assert "tensor([2.0000]" in capsys.readouterr().out.replace("tensor([2.]", "tensor([2.0000]")


@pytest.mark.parametrize("words", COMMANDS, ids=[" ".join(words[2:]) for words in COMMANDS])
def test_commands_are_runs(words, prior):
    assert words[:2] == ["molgfn", "train"]
    overrides = [word.replace("runs/prior-1", prior) for word in words[3:]]
    if "policy=transformer" in overrides:
        overrides.append("policy.heads=2")
    with or_skip():
        experiment = assemble(checked(words[2], [*overrides, *SMALL]))
    assert isinstance(experiment.policy, SequencePolicy)


def test_numbers_are_those_of_the_code():
    assert f"`druglike` ({len(Smiles().tokens)} tokens)" in PAGE
    assert f"`druglike` ({len(Selfies().tokens)})" in PAGE
    assert f"at most {MOST_SPELLED:,} of them" in PAGE
    assert f"all {Smiles(alphabet=['C', 'N', 'O', '=', '(', ')'], max_length=4).n_states:,} strings" in PAGE
