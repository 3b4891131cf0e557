"""docs/gymnasium.md: every block runs, in order, and its tables name all that there is."""

import csv
import re
from pathlib import Path

import pytest
from tests.extras import extra

gymnasium = extra("gymnasium", "gymnasium")
extra("stable-baselines", "sb3_contrib")
pytestmark = pytest.mark.extras

import molgfn.gym  # noqa: E402
from molgfn.gym.observations import KINDS  # noqa: E402
from molgfn.gym.returns import RETURNS  # noqa: E402

PAGE = (Path(__file__).parents[2] / "docs" / "gymnasium.md").read_text(encoding="utf-8")


def test_every_block_of_the_page_runs(capsys):
    names: dict = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(block, f"docs/gymnasium.md, block {number}", "exec"), names)
    assert names["picture"].shape == (190, 260, 3)
    assert capsys.readouterr().out.rstrip().endswith("True")
    assert names["agent"].num_timesteps == 1024


def test_its_tables_name_all_there_is():
    named = set(re.findall(r"`(molgfn/\w+-v0)`", PAGE))
    assert named <= set(molgfn.gym.ids())
    (observations,) = re.findall(r"\| `observation` \|(.*?)\|\n", PAGE)
    assert set(KINDS) == set(re.findall(r"`(\w+)`:", observations))
    (returns,) = re.findall(r"\| `returns` \|(.*?)\|\n", PAGE)
    assert set(RETURNS) == set(re.findall(r"`(\w+)`:", returns))


def test_its_numbers_are_those_that_are_kept():
    """Every row of the kept table: mean return, and the gain with its interval, as the page rounds them."""
    folder = Path(__file__).parents[2] / "experiments" / "gymnasium" / "results"
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10

    def short(text, sign=""):
        value = f"{float(text):{sign}.3f}"
        return value.replace("0.", ".", 1)

    for row in rows:
        want = short(row["mean return"])
        if row["gain"]:
            want += f", {short(row['gain'], '+')} [{short(row['gain low'])}, {short(row['gain high'])}]"
        assert want in PAGE, row["arm"]
