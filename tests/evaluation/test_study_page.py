"""The page of a study: complete, self-contained, and made of its tidy tables alone."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from tests.evaluation.test_report import Page

from molgfn.errors import DataError
from molgfn.evaluation.report.study_page import interval, write_study_page

EVIL = "tb <script>"


def tidy():
    rng = np.random.default_rng(0)
    means = {"tb": 0.1, "db": 0.3, EVIL: 0.2}
    lines = [
        {"task": task, "row": row, "seed": seed, "metric": metric, "value": value, "units": units, "direction": way}
        for task in ("grid", "strings")
        for row, mean in means.items()
        for seed in range(3)
        for metric, value, units, way in (
            ("exact/tv", mean + 0.01 * rng.normal(), "1", "minimise"),
            ("top/value", 1 - mean, "kcal/mol", "maximise"),
            ("seconds", 3.0, "s", None),
        )
    ]
    return pd.DataFrame(lines)


def curves():
    return pd.DataFrame(
        [
            {"task": "grid", "row": row, "seed": seed, "x": "calls", "y": "tv", "at": at, "value": 1 / (at + seed + 1)}
            for row in ("tb", "db")
            for seed in (0, 1)
            for at in (0, 10, 20)
        ]
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("study") / "study.html"
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path id="a" d="M0 0"/><use href="#a"/></svg>'
    write_study_page(
        tidy(),
        place,
        name="three",
        curves=curves(),
        figures={"Profiles": svg, "Means": svg},
        commands=("molgfn study x",),
    )
    return place.read_text()


def test_the_table_has_means_and_intervals_the_best_first_in_each_task(page):
    data = json.loads(next(text for text in Page(page).scripts if text.startswith("{")))
    assert data["keys"] == ["tb", EVIL, "db"] * 2
    assert data["texts"][0]["values"] == ["grid"] * 3 + ["strings"] * 3
    columns = {column["name"]: column for column in data["columns"]}
    assert list(columns) == ["exact/tv", "top/value", "seconds"]
    assert columns["top/value"]["title"] == "top/value (kcal/mol)"
    grid = tidy().query("task == 'grid' and row == 'tb' and metric == 'exact/tv'")["value"]
    assert columns["exact/tv"]["values"][0] == pytest.approx(grid.mean(), rel=1e-3)
    half = 4.302653 * grid.std(ddof=1) / np.sqrt(3)  # the 97.5 % quantile of Student's t with two degrees of freedom
    assert columns["exact/tv"]["half"][0] == pytest.approx(half, rel=1e-3)
    assert "half" not in columns["seconds"]  # the same in every run


def test_each_task_has_a_panel_for_each_number_with_a_direction_and_its_curves(page):
    titles = re.findall(r"<figcaption>([^<]*)</figcaption>", page)
    each = ["exact/tv: less is better", "top/value (kcal/mol): more is better"]
    assert titles == ["Profiles", "Means", *each, "tv against calls", *each]
    assert "molgfn study x" in page


def test_numbers_that_are_the_same_in_every_run_are_said_and_not_drawn(tmp_path):
    lines = tidy().query("task == 'grid'")
    lines.loc[lines["metric"] == "seconds", "direction"] = "minimise"
    page = write_study_page(lines, tmp_path / "a.html", name="a").read_text()
    assert "The same in every run: seconds (s) 3." in page
    assert not re.search(r"<figcaption>seconds", page)


def test_curves_of_many_rows_are_in_charts_of_few_or_in_the_groups_that_are_given(tmp_path):
    lines = tidy().query("task == 'grid' and row == 'tb'")
    many = pd.concat([lines.assign(row=f"row {i}") for i in range(18)])
    followed = pd.DataFrame(
        [
            {"task": "grid", "row": f"row {i}", "seed": 0, "x": "calls", "y": "tv", "at": at, "value": 1 / (at + i + 1)}
            for i in range(18)
            for at in (0, 10)
        ]
    )
    page = write_study_page(many, tmp_path / "a.html", name="a", curves=followed).read_text()
    assert re.findall(r"<figcaption>(tv against[^<]*)<", page) == [f"tv against calls: {i} of 3" for i in (1, 2, 3)]
    groups = {("calls", "tv"): {"first": ["row 0", "row 1"], "gone": ["nobody"], "last": ["row 17"]}}
    page = write_study_page(many, tmp_path / "b.html", name="b", curves=followed, groups=groups).read_text()
    titles = re.findall(r"<figcaption>(tv against[^<]*)<", page)
    assert titles == ["tv against calls: first", "tv against calls: last", "tv against calls: others"]


def test_the_page_is_whole_escaped_and_loads_nothing(page):
    read = Page(page)
    assert read.open == []
    assert '<script>"' not in page
    assert "tb <script>" not in page
    assert "default-src 'none'" in page
    assert page.count('href="#figure-1-a"') == 1
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_one_task_without_curves_or_directions_has_its_table(tmp_path):
    lines = tidy().query("task == 'grid'").assign(task="", direction=None)
    page = write_study_page(lines, tmp_path / "a.html", name="a", curves=curves().head(0)).read_text()
    data = json.loads(next(text for text in Page(page).scripts if text.startswith("{")))
    assert data["texts"] == []
    assert data["keys"] == ["db", EVIL, "tb"]
    assert "<figcaption>" not in page


def test_intervals():
    assert interval(np.array([1.0, 3.0, np.nan])) == pytest.approx((2.0, 12.706205), rel=1e-6)
    mean, half = interval(np.array([5.0]))
    assert mean == 5.0
    assert np.isnan(half)
    assert np.isnan(interval(np.zeros(0))).all()


def test_tables_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="no column metric"):
        write_study_page(tidy().drop(columns="metric"), tmp_path / "a.html", name="a")
    with pytest.raises(DataError, match="without a number"):
        write_study_page(tidy().assign(value=np.nan), tmp_path / "a.html", name="a")
