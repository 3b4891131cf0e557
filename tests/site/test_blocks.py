"""Every block of code on every page is run, or read by the very command that it shows, or says why it is not."""

import re
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner
from tests.site.blocks import BY_PAGE, REASONS, ROOT, command_lines

from molgfn.cli.main import cli
from molgfn.composing.compose import checked
from molgfn.config import OPTIMISE
from molgfn.study.plan import read_study

#: pages whose blocks have a test of their own
COVERED = {
    "docs/conditions.md": "tests/conditions/test_page.py",
    "docs/extending.md": "tests/test_extending.py",
    "docs/gymnasium.md": "tests/gym/test_page.py",
    "docs/oracles.md": "tests/test_docs.py",
    "docs/python.md": "tests/api/test_python_page.py",
    "docs/scoring.md": "tests/test_docs.py",
    "docs/sequences.md": "tests/environments/test_sequences_page.py",
    "docs/several_objectives.md": "tests/test_several_objectives_page.py",
}
#: files that the pages take for granted: those of a reader
GIVEN = {
    "my.yaml": "defaults: [quickstart, _self_]\nname: my\n",
    "my_oracle.py": "def ring_share(smiles):\n    return [0.5 for _ in smiles]\n",
    "my_callbacks.py": "from pytorch_lightning import Callback\n\n\nclass Weights(Callback):\n    pass\n",
    "lab/objective/mine.yaml": "defaults: [tb, _self_]\n",
    "raw.csv": "smiles,id\nCCO,1\nc1ccccc1,2\n",
    "measured.csv": "a,b\n1.0,2.0\n",
    "vocabulary.txt": "C 0,0\nc1ccccc1 0,3\n",
}
#: programs that are not ours
OTHERS = {"pip", "source", "sqlite3", "export"}
SHELL = [
    name for name, found in BY_PAGE.items() if any(b.language in ("sh", "bash") for b in found) and name not in COVERED
]
CODE = [
    name
    for name, found in BY_PAGE.items()
    if any(b.language in ("python", "py", "yaml") and not b.reason for b in found)
    and name not in COVERED
    and not name.startswith("docs/extending")  # tests/test_extending.py
    and name != "README.md"  # its example is that of docs/python.md, which a test compares
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a reader's files and the checkout's experiments; ``lab`` lies in it and beside it."""
    folder = tmp_path / "work"
    for name, text in GIVEN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("experiments", "examples", "configs"):
        (folder / name).symlink_to(ROOT / name)
    (tmp_path / "lab").symlink_to(folder / "lab")
    (tmp_path / "home" / "configs").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


def write_files(name: str, folder: Path) -> None:
    """The files that a page shows."""
    for block in BY_PAGE[name]:
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)


def first_of_each(word: str) -> str:
    """A grid's word with its first choice: ``seed=0,1`` is ``seed=0``."""
    key, sign, value = word.partition("=")
    return word if set(value) & set("[{\"'") else f"{key}{sign}{value.split(',')[0]}"


def read_by_the_command(words: list[str]) -> None:
    """Parse a command as the program does; a run is composed and checked, and nothing is started."""
    if not words or words[0].startswith("--"):
        assert CliRunner().invoke(cli, words).exit_code == 0
        return
    command, *rest = words
    if command == "describe":
        assert CliRunner().invoke(cli, words).exit_code == 0
        return
    parent = click.Context(cli)
    found = cli.get_command(parent, command)
    assert found is not None, command
    if isinstance(found, click.Group):
        parent = click.Context(found, parent=parent)
        command, *rest = rest
        found = found.get_command(parent, command)
        assert found is not None, words
    made = found.make_context(command, list(rest), parent=parent)
    plain = [word for word in rest if not word.startswith("-")]
    if command == "train":
        assert checked(plain[0], [first_of_each(w) if "-m" in rest else w for w in plain[1:]])
    if command == "optimise" and "--resume" not in rest:
        assert checked(plain[0], plain[1:], OPTIMISE)
    if command == "study":
        for file in made.params["files"]:
            assert read_study(file).rows


def test_pages_with_a_test_of_their_own_have_one():
    for page, test in COVERED.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(BY_PAGE))
def test_a_block_that_is_not_run_says_why(name):
    assert [b.reason for b in BY_PAGE[name] if b.reason and b.reason not in REASONS] == []
    known = {"", "text", "mermaid", "sh", "bash", "python", "py", "yaml", "sql"}
    assert {b.language for b in BY_PAGE[name]} <= known
    # what begins like a command is one
    assert [
        b.number for b in BY_PAGE[name] if not b.language and b.text.startswith(("molgfn ", "python ", "pip "))
    ] == []


@pytest.mark.parametrize("name", SHELL)
def test_commands_are_read_by_the_program(name, here, monkeypatch):
    monkeypatch.syspath_prepend(here)  # commands with PYTHONPATH=.
    write_files(name, here)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in BY_PAGE[name]:
        if block.language not in ("sh", "bash") or block.reason:
            continue
        for words in command_lines(block):
            if "molgfn" in words:
                read_by_the_command(words[words.index("molgfn") + 1 :])
            elif words[0] == "make":
                assert words[1] in targets, words
            elif words[0] in ("python", "bash"):
                assert (ROOT / words[1]).is_file(), words
            else:
                assert words[0] in OTHERS, words


@pytest.mark.parametrize("name", CODE)
def test_code_runs_and_files_compose(name, here, monkeypatch, capsys):
    monkeypatch.syspath_prepend(here)
    write_files(name, here)
    names: dict = {}
    for block in BY_PAGE[name]:
        if block.reason:
            continue
        if block.language in ("python", "py"):
            exec(compile(block.text, f"{name}, block {block.number}", "exec"), names)
        elif block.language == "yaml":
            node = yaml.safe_load(block.text)
            file = here / (block.file or f"block_{block.number}.yaml")
            whole = "defaults" in node or "rows" in node
            file.write_text(block.text if whole else f"defaults: [quickstart, _self_]\n{block.text}")
            if "rows" in node:
                assert read_study(file).seeds
                continue
            assert checked(str(file), (), OPTIMISE if "optimise" in node.get("defaults", ()) else None)


def test_the_scan_finds_blocks():
    assert sum(map(len, BY_PAGE.values())) > 120
    assert len(SHELL) > 15
    assert {"docs/atoms.md", "docs/get_started.md", "docs/experiments.md"} <= set(CODE)
