"""docs/get_started.md, walked from top to bottom in an empty folder: every command runs, at the size of a test."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.site.blocks import BY_PAGE, command_lines
from tests.small_runs import SMALL

from molgfn.cli.main import cli

PAGE = BY_PAGE["docs/get_started.md"]
#: a reader's own molecules
MINE = """\
CC(=O)Nc1ccc(O)cc1
CC(C)Cc1ccc(C(C)C(=O)O)cc1
COc1ccc2cc(C(C)C(=O)O)ccc2c1
CC(=O)Oc1ccccc1C(=O)O
CCN(CC)CCNC(=O)c1ccc(N)cc1
COc1ccc(CCNC(C)=O)cc1OC
CCOc1ccc(NC(C)=O)cc1
CN1CCN(C(=O)c2ccccc2)CC1
"""


def at_the_size_of_a_test(words: list[str]) -> list[str]:
    """The words of a command with few iterations, few samples."""
    few = [word if before != "-n" else "12" for before, word in zip(["", *words], words, strict=False)]
    if words[0] == "train" and "--check" not in words:
        return [*few, *SMALL]
    if words[0] == "evaluate":
        return [*few, "-n", "12", "--no-untrained"]
    return few


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.smi").write_text(MINE)
    for block in PAGE:
        if block.file:
            text = block.text.replace("trainer.iterations=100", " ".join(o for o in SMALL if o != "logger.wandb=off"))
            (tmp_path / block.file).write_text(text.replace("seeds: [0, 1, 2]", "seeds: [0]").replace("500", "8"))
    return tmp_path


def test_the_path_of_a_newcomer(folder):
    ran = []
    for block in PAGE:
        for words in command_lines(block) if block.language == "sh" and not block.reason else []:
            assert words[0] == "molgfn"
            result = CliRunner().invoke(cli, at_the_size_of_a_test(words[1:]), catch_exceptions=False)
            assert result.exit_code == 0, f"{' '.join(words)}: {result.output}"
            ran.append(words[1])
    assert ran.count("train") > 5
    assert {"sample", "evaluate", "score", "fragments", "describe", "study"} <= set(ran)
    with Path("rings.csv").open() as file:
        assert all(0 <= float(row["ring_share"]) <= 1 for row in csv.DictReader(file) if row.get("ring_share"))
    assert len(list(folder.glob("runs/*/evaluation/report.html"))) >= 2
    table = (folder / "comparison" / "compare" / "table.md").read_text()
    assert "| TB |" in table
    assert "| Ent-PPO |" in table
    assert (folder / "comparison" / "compare" / "compare.svg").is_file()
