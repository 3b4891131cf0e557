"""docs/claims.md: its paired differences are those of the kept results."""

import csv
import math
import re
from collections import defaultdict
from statistics import mean, stdev

import pytest
from scipy.stats import t
from tests.site.blocks import ROOT

PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
FAMILIES = ("balance", "policy_gradients", "soft_q", "divergences", "backward")
TABLE = PAGE.split("## Paired differences")[1].split("\n## ")[0]
ROWS = re.findall(
    r"^\| (\w+) \| `([^`]+)` \| ([^|]+) \| ([^|]+) \| (-?[\d.]+) ± ([\d.]+) \| (\d+) \|$", TABLE, re.MULTILINE
)


def difference(study: str, measure: str, first: str, second: str) -> tuple[float, float, int]:
    """Mean of first - second over common seeds, half of its 95 % t-interval, and the number of seeds."""
    (path,) = (ROOT / "experiments").glob(f"*/results/{study}/results.csv")
    values: dict = defaultdict(dict)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row[measure]:
                values[row["row"]][row["seed"]] = float(row[measure])  # of several rounds the last
    found = [values[first][seed] - values[second][seed] for seed in values[first].keys() & values[second].keys()]
    return mean(found), t.ppf(0.975, len(found) - 1) * stdev(found) / math.sqrt(len(found)), len(found)


def test_every_line_of_the_table_is_read():
    assert len(ROWS) == TABLE.count("\n| ") - 2
    assert len(ROWS) > 40


@pytest.mark.parametrize(
    ("study", "measure", "first", "second", "value", "half", "seeds"), ROWS, ids=[" ".join(r[:4]) for r in ROWS]
)
def test_the_difference_is_that_of_the_results(study, measure, first, second, value, half, seeds):
    found, interval, number = difference(study, measure, first, second)
    last = 0.51 * 10 ** -len(value.partition(".")[2])  # half of the last digit, and a little for rounding
    assert found == pytest.approx(float(value), abs=last)
    assert interval == pytest.approx(float(half), abs=last)
    assert number == int(seeds)


QUOTING = ["claims.md", "which_objective.md", "papers.md", *(f"objectives/{n}.md" for n in FAMILIES)]
QUOTE = re.compile(r"(-?\d*\.?\d+) ± (\d*\.?\d+)")


def agree(quoted: str, exact: str) -> bool:
    """Whether one number is the other, rounded to its own decimals."""
    decimals = len(quoted.partition(".")[2])
    return abs(float(quoted) - float(exact)) <= 0.501 * 10**-decimals


@pytest.mark.parametrize("name", QUOTING)
def test_every_quoted_number_is_a_kept_result_or_a_listed_difference(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8").replace(",", "")
    kept = [QUOTE.findall(p.read_text(encoding="utf-8").replace(",", "")) for p in (ROOT / "experiments").rglob("*.md")]
    known = [pair for page in kept for pair in page] + [(value, half) for *_, value, half, _ in ROWS]
    quotes = QUOTE.findall(re.sub(r"([(\s])-(?=\.)", r"\1-0", text))
    unknown = [f"{v} ± {h}" for v, h in quotes if not any(agree(v, a) and agree(h, b) for a, b in known)]
    assert unknown == []
    assert len(quotes) > 2
