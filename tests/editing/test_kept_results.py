"""experiments/editing/README.md: its table of strings is that of the kept results."""

import csv
import re
from pathlib import Path

import pytest
from scipy.stats import t

FOLDER = Path(__file__).parents[2] / "experiments" / "editing"
with (FOLDER / "results" / "strings" / "comparison.csv").open(encoding="utf-8") as file:
    KEPT = {row["editor"]: row for row in csv.DictReader(file)}
#: what stands in a line of the page, in order
COLUMNS = ("edited", "seeds", "PI", "PI_half", "PI_all", "PI_all_half", "PI_same", "PI_same_half", "EP", "Div")
TABLE = {
    cells[0].strip(): re.findall(r"-?\d*\.?\d+", " ".join(cells[1:]))
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    if " of 200 |" in line and (cells := line.strip("| ").split("|"))
}


def kept(editor):
    """What the page says of it: the results, with halves of 95 % t-intervals in place of standard errors."""
    row = {name: float(cell) for name, cell in KEPT[editor].items() if name != "editor"}
    over = {"PI": row["edited"], "PI_all": row["seeds"], "PI_same": float(next(iter(KEPT.values()))["edited"])}
    return row | {f"{name}_half": t.ppf(0.975, n - 1) * row[f"{name}_error"] for name, n in over.items()}


def test_every_editor_has_a_line():
    assert list(TABLE) == list(KEPT)


@pytest.mark.parametrize("editor", TABLE)
def test_a_line_is_that_of_the_results(editor):
    assert len(TABLE[editor]) == len(COLUMNS)
    for cell, name in zip(TABLE[editor], COLUMNS, strict=True):
        last = 0.501 * 10 ** -len(cell.partition(".")[2]) if "." in cell else 0
        assert float(cell) == pytest.approx(kept(editor)[name], abs=last), name
