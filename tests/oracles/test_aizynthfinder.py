"""The example that asks AiZynthFinder, with a stand-in of the part of its interface that is used."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from molgfn.chemistry.molecules import Molecule
from molgfn.oracles.own.command import Command, ProgramError

SCRIPT = Path(__file__).parents[2] / "examples" / "aizynthfinder" / "solved.py"
#: of aizynthfinder 4.4.1: collections with ``items`` and ``select``; a search that prints; routes with ``is_solved``
STAND_IN = """
from types import SimpleNamespace


class Collection:
    def __init__(self, *items):
        self.items, self.selected = list(items), []

    def select(self, names):
        self.selected = names


class AiZynthFinder:
    def __init__(self, configfile):
        assert open(configfile).read() == "stock: {}"
        self.stock, self.expansion_policy, self.filter_policy = Collection("zinc"), Collection("uspto"), Collection()

    def prepare_tree(self):
        print("a line that is no answer")
        if self.target_smiles == "[H][H]":
            raise ValueError("Target molecule unsanitizable")

    def tree_search(self):
        assert (self.stock.selected, self.expansion_policy.selected) == (["zinc"], ["uspto"])

    def build_routes(self):
        ends = [False, True] if "N" in self.target_smiles else [False]
        self.routes = SimpleNamespace(reaction_trees=[SimpleNamespace(is_solved=end) for end in ends])
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    place = tmp_path / "aizynthfinder"
    place.mkdir()
    (place / "__init__.py").touch()
    (place / "aizynthfinder.py").write_text(STAND_IN)
    (tmp_path / "config.yml").write_text("stock: {}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return [
        sys.executable,
        str(SCRIPT),
        "--config",
        str(tmp_path / "config.yml"),
        "--stock",
        "zinc",
        "--policy",
        "uspto",
    ]


def test_it_answers_as_a_program_that_keeps_running(command):
    oracle = Command(command=command, persistent=True)
    molecules = [Molecule.from_smiles(smiles) for smiles in ("CCN", "CCO", "[H][H]", "NCC")]
    for _ in range(2):
        np.testing.assert_array_equal(oracle.values(molecules), [1, 0, np.nan, 1])
    assert {path.name for path in oracle.files} >= {"solved.py", "config.yml"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("zinc", "emolecules", "has no stock emolecules; it has zinc"),
        ("uspto", "ringbreaker", "has no expansion_policy ringbreaker; it has uspto"),
        ("config.yml", "other.yml", "--config: there is no file"),
    ],
)
def test_what_is_not_there_is_named(command, old, new, words):
    command = [word.replace(old, new) for word in command]
    with pytest.raises(ProgramError, match="ended with exit code 2") as caught:
        Command(command=command).values([Molecule.from_smiles("C")])
    ended = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert words in ended.stderr
    assert ended.stderr.strip()[:40] in str(caught.value)


def test_without_the_package(command, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(ProgramError, match="has no aizynthfinder"):
        Command(command=command).values([Molecule.from_smiles("C")])
