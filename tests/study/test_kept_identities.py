"""Kept results are recognised by what their runs were called when they were made, whatever has been renamed since."""

import json
from pathlib import Path

import pytest

from molgfn.composing.compose import checked_as_written
from molgfn.study.plan import read_study
from molgfn.study.running.jobs import jobs_of

ROOT = Path(__file__).parents[2]
#: study -> row -> identity of its first seed, written before class paths and config keys changed for the first time
KEPT = json.loads((ROOT / "tests" / "data" / "study_identities.json").read_text())


def identity(file: str, row_name: str) -> str:
    path = ROOT / file
    plan = read_study(path)
    seed = plan.seeds[0]
    (row,) = [row for row in plan.rows if row.name == row_name]
    own = [f"seed={seed}", "name=x", "output=runs"]
    config, written = checked_as_written(
        str(path.parent / plan.experiment), [*plan.set.split(), *row.set.split(), *own]
    )
    plan = plan.model_copy(update={"seeds": [seed], "rows": [row]})
    (job,) = jobs_of(plan, {("", row.name, seed): config}, {("", row.name, seed): written})
    return job.identity


def all_rows() -> list[tuple[str, str]]:
    return [(file, row) for file, rows in KEPT.items() for row in rows]


def ends() -> list[tuple[str, str]]:
    """The first and the last row of each study."""
    return [(file, row) for file, rows in KEPT.items() for row in dict.fromkeys([min(rows), max(rows)])]


@pytest.mark.parametrize(("file", "row"), ends())
def test_results_of_a_study_are_recognised(file, row):
    assert identity(file, row) == KEPT[file][row]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "row"), sorted(set(all_rows()) - set(ends())))
def test_results_of_all_other_rows_are_recognised(file, row):
    assert identity(file, row) == KEPT[file][row]
