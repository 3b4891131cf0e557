"""experiments/editing/README.md: its tables of strings are those of the kept results."""

import csv
import re
from pathlib import Path

import pytest
from scipy.stats import t

FOLDER = Path(__file__).parents[2] / "experiments" / "editing"
#: what stands in a line of the page, in order
COLUMNS = ("edited", "seeds", "PI", "PI_half", "PI_all", "PI_all_half", "PI_same", "PI_same_half", "EP", "Div")
#: the heading over a table, and the folder of its results
TABLES = {"## Strings": "strings", "### TFBind8": "tfbind8"}


def kept(folder):
    """What the page says of each editor: halves of 95 % t-intervals in place of standard errors."""
    with (FOLDER / "results" / folder / "comparison.csv").open(encoding="utf-8") as file:
        rows = {row.pop("editor"): {name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)}
    same = next(iter(rows.values()))["edited"]
    for row in rows.values():
        over = {"PI": row["edited"], "PI_all": row["seeds"], "PI_same": same}
        row |= {f"{name}_half": t.ppf(0.975, n - 1) * row[f"{name}_error"] for name, n in over.items()}
    return rows


def tables():
    """The lines under each heading, by folder and editor."""
    found = {folder: {} for folder in TABLES.values()}
    folder = None
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            folder = next((name for heading, name in TABLES.items() if line.startswith(heading)), None)
        elif folder and " of 200 |" in line:
            editor, *cells = line.strip("| ").split("|")
            found[folder][editor.strip()] = re.findall(r"-?\d*\.?\d+", " ".join(cells))
    return found


WRITTEN = tables()


@pytest.mark.parametrize("folder", WRITTEN)
def test_every_editor_has_a_line(folder):
    assert list(WRITTEN[folder]) == list(kept(folder))


def test_every_results_of_strings_has_a_table():
    assert set(WRITTEN) == {path.parent.name for path in FOLDER.glob("results/*/comparison.csv")}


@pytest.mark.parametrize(("folder", "editor"), [(folder, editor) for folder in WRITTEN for editor in WRITTEN[folder]])
def test_a_line_is_that_of_the_results(folder, editor):
    cells, row = WRITTEN[folder][editor], kept(folder)[editor]
    assert len(cells) == len(COLUMNS)
    for cell, name in zip(cells, COLUMNS, strict=True):
        last = 0.501 * 10 ** -len(cell.partition(".")[2]) if "." in cell else 0
        assert float(cell) == pytest.approx(row[name], abs=last), name
