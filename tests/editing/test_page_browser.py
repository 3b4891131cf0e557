"""The page of edited leads in a real browser: it asks nobody for anything, and fits a telephone and a sheet of paper.

Needs the extra ``browser`` and a Chromium or Chrome: that of the system, or ``playwright install chromium``.
"""

import pytest
from tests.evaluation.test_report_browser import PAPER, browser, looked_at  # noqa: F401

from molgfn.editing.page import edits_page
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.string import STRING

pytestmark = pytest.mark.extras

NUMBERS = {"value": 0.887, "qed": 0.9064, "qed_transformed": 0.9064, "sa": 2.187, "sa_transformed": 0.8681}
BEFORE = {f"parent_{name}": number / 2 for name, number in NUMBERS.items()}


def row(parent, child, **more):
    same = {"lead": 1, "given": parent, "parent": parent, "child": child, "rank": 1, "similarity": 0.5, "edits": 1}
    return {**same, "dropped": 1, "filled": 0, **NUMBERS, **BEFORE, **more}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    place = tmp_path_factory.mktemp("edits")
    molecules = [
        row("CCOc1ccc(NC(C)=O)cc1", "CC(=O)Nc1ccc(Oc2ccsc2)cc1"),
        {**row("CCO", None), "lead": 2, "problem": "no child within the limits, " + "of which there are many " * 8},
    ]
    strings = [row("AAAA" * 12, "ABAA" * 12)]
    command = "molgfn edit CCO --run " + "runs/a_very_long_name_of_a_run" * 4
    for name, kind, rows in (("molecules", MOLECULE, molecules), ("strings", STRING, strings)):
        text = edits_page(kind, rows, {"leads": "1 of 2", "method": "gfn"}, command)
        (place / f"{name}.html").write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize(("width", "printed"), [(390, False), (1280, False), (PAPER, True)])
@pytest.mark.parametrize("name", ["molecules", "strings"])
def test_nothing_is_wrong_with_the_page(browser, pages, name, width, printed):  # noqa: F811
    assert looked_at(browser, (pages / f"{name}.html").as_uri(), width=width, printed=printed) == ""


def test_a_child_has_its_value_and_what_says_more_than_another_number(browser, pages):  # noqa: F811
    page = browser.new_page()
    page.goto((pages / "molecules.html").as_uri())
    said = page.locator(".said").inner_text().splitlines()
    assert said[0] == "value 0.887"
    assert said[1] == "qed 0.906, sa 2.187, desirability of sa 0.868"
    assert said[2] == "similarity 0.50, 1 edit, 1 part dropped"
    page.close()
