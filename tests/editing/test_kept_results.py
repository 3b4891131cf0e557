"""experiments/editing/README.md: its table of strings is that of the kept results."""

import csv
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "editing"
with (FOLDER / "results" / "strings" / "comparison.csv").open(encoding="utf-8") as file:
    KEPT = {row["editor"]: row for row in csv.DictReader(file)}
#: what a cell of the page has, in order
COLUMNS = ("edited", "seeds", "PI", "PI_error", "PI_all", "PI_all_error", "PI_same", "PI_same_error", "EP", "Div")
TABLE = {
    cells[0].strip(): re.findall(r"-?\d*\.?\d+", " ".join(cells[1:]))
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    if " of 200 |" in line and (cells := line.strip("| ").split("|"))
}


def test_every_editor_has_a_line():
    assert list(TABLE) == list(KEPT)


@pytest.mark.parametrize("editor", TABLE)
def test_a_line_is_that_of_the_results(editor):
    assert len(TABLE[editor]) == len(COLUMNS)
    for cell, name in zip(TABLE[editor], COLUMNS, strict=True):
        last = 0.501 * 10 ** -len(cell.partition(".")[2]) if "." in cell else 0
        assert float(cell) == pytest.approx(float(KEPT[editor][name]), abs=last), name
