"""Comparisons out of tidy results: scores, pairs, what is left out, files."""

import math

import pandas as pd
import pytest
from scipy import stats

from molgfn.errors import DataError
from molgfn.evaluation.scales import EXACT
from molgfn.rewards.base import ScoredProperty
from molgfn.study.comparison import comparison, comparisons
from molgfn.study.comparison_tables import comparison_frame, comparison_markdown
from molgfn.study.finishing import finish, finish_again
from molgfn.study.plan import Bounds, Compare, Picture, Row, Study, Task
from molgfn.study.scales import OF_RUNS, Known
from molgfn.study.tidy import CURVES, TIDY, read_tidy, records_of, tidy

TASKS = [
    Task(name="easy", experiment="x"),
    Task(name="hard", experiment="x", scales={"log_z": Bounds(worst=0.0, best=10.0)}),
]
PLAN = Study(
    question="Which?",
    tasks=TASKS,
    seeds=[0, 1, 2],
    rows=[Row(name="TB"), Row(name="DB"), Row(name="new")],
    measures=["tv", "log_z"],
    pictures={"curves.svg": Picture(y="exact/tv", x="oracle/calls")},
)
TV = {
    ("easy", "TB"): [0.10, 0.20, 0.15],
    ("easy", "DB"): [0.12, 0.22, 0.17],
    ("easy", "new"): [0.05, 0.15, 0.10],
    ("hard", "TB"): [0.50, 0.70, 0.60],
    ("hard", "DB"): [0.55, 0.72, 0.66],
    ("hard", "new"): [0.30, 0.50, 0.40],
}


def records(tv=None):
    return [
        {
            "identity": f"{task}{row}{seed}",
            "task": task,
            "row": row,
            "seed": seed,
            "values": {"tv": value, "log_z": 4.0 + value, "seconds": 1.5},
            "curves": {"exact/tv over oracle/calls": [[16.0, 32.0], [0.9, value]]},
        }
        for (task, row), values in (tv or TV).items()
        for seed, value in enumerate(values)
    ]


def frame(plan=PLAN, tv=None):
    known = {task.name: Known(task, [EXACT, OF_RUNS], ScoredProperty()) for task in plan.all_tasks}
    return tidy("s", plan, records(tv), known)


def test_tidy_results_have_a_line_for_each_run_and_metric():
    found = frame()
    assert len(found) == 18 * 3
    assert found["task"].drop_duplicates().tolist() == ["easy", "hard"]  # in the plan's order
    tv = found[(found["metric"] == "tv") & (found["row"] == "DB") & (found["task"] == "easy")]
    assert tv["value"].tolist() == [0.12, 0.22, 0.17]
    assert (tv["direction"].iloc[0], tv["units"].iloc[0], tv["worst"].iloc[0], tv["best"].iloc[0]) == (
        "minimise",
        "1",
        1.0,
        0.0,
    )
    log_z = found[found["metric"] == "log_z"].groupby("task").first()
    assert math.isnan(log_z.loc["easy", "worst"])
    assert pd.isna(log_z.loc["easy", "direction"])
    assert (log_z.loc["hard", "direction"], log_z.loc["hard", "best"]) == ("maximise", 10.0)  # as the study says


def test_scores_pairs_and_ranks_by_hand():
    (found,) = comparisons(PLAN, frame())
    assert (found.measure, found.baseline) == ("tv", "TB")
    assert found.scores["easy", "TB", 1] == pytest.approx(0.8)
    assert found.aggregates["TB"]["mean"].value == pytest.approx((0.85 + 0.40) / 2)
    assert found.ranks.average.tolist() == [2.0, 3.0, 1.0]  # of TB, DB, new in each of six blocks
    blocks = [
        [1 - TV[task, row][seed] for task in ("easy", "hard") for seed in range(3)] for row in ("TB", "DB", "new")
    ]
    assert found.ranks.p == stats.friedmanchisquare(*blocks).pvalue
    db, new = found.pairs
    assert (db.row, db.pairs) == ("DB", 6)
    assert db.differences["easy"].value == pytest.approx(0.02)
    assert (db.differences["easy"].low, db.differences["easy"].high) == pytest.approx((0.02, 0.02))
    assert db.score.value == pytest.approx(-(0.02 + (0.05 + 0.02 + 0.06) / 3) / 2)
    assert new.score.value == pytest.approx((0.05 + 0.2) / 2)
    assert new.p == pytest.approx(2 / 2**6)
    assert new.p_holm == pytest.approx(2 * 2 / 2**6)
    assert 0.5 < new.improvement.value <= 1


def test_bounds_that_nobody_gives_are_those_of_the_runs_and_it_is_said():
    plan = PLAN.model_copy(update={"compare": Compare(measures=["seconds"], baseline="DB")})
    (found,) = comparisons(plan, frame(plan))
    assert found.bounds["easy"].observed == ("worst",)
    assert "1.5 to 0 (worst of the runs here)" in comparison_markdown(found)
    assert found.baseline == "DB"


def test_a_measure_without_a_better_side_is_not_compared():
    assert comparison(PLAN, frame(), "log_z") is None


def test_rows_and_runs_that_are_missing_are_said():
    tv = {place: values for place, values in TV.items() if place != ("hard", "new")}
    tv["easy", "TB"] = [0.1, math.nan, 0.15]
    (found,) = comparisons(PLAN, frame(tv=tv))
    assert found.left_out == ["1 of 15 runs have no tv.", "Left out, without runs on some tasks: new."]
    assert found.ranked == ["TB", "DB"]
    assert [pair.pairs for pair in found.pairs] == [5]


def test_one_task_is_compared_in_its_own_units():
    plan = Study(question="Which?", experiment="x", seeds=[0, 1, 2], rows=PLAN.rows, measures=["tv"], compare=Compare())
    lines = [{k: v for k, v in r.items() if k != "task"} for r in records() if r["task"] == "easy"]
    known = {"": Known(plan.all_tasks[0], [EXACT], ScoredProperty())}
    (found,) = comparisons(plan, tidy("s", plan, lines, known))
    assert found.aggregates == {}
    text = comparison_markdown(found)
    assert "| DB | 0.0200 [0.0200, 0.0200] |" in text
    assert "cannot be below 0.25 with 3 pairs" in text
    assert "Less is better." in text
    assert comparisons(plan.model_copy(update={"compare": None}), tidy("s", plan, lines, known)) == []


def test_a_table_for_programs_has_every_number():
    found = comparison_frame(comparisons(PLAN, frame()))
    assert found["statistic"].value_counts().to_dict() == {
        "IQM": 3,
        "median": 3,
        "mean": 3,
        "optimality gap": 3,
        "average rank": 3,
        "Friedman chi squared": 1,
        "difference": 4,
        "difference of the score": 2,
        "signed-rank test": 2,
        "probability of improvement": 2,
    }


def test_everything_is_made_again_from_the_parquet_files(tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    first.mkdir()
    told = finish("s", PLAN, records(), frame(), first)
    plan, tidied, curves = read_tidy(first / TIDY)
    assert plan == PLAN
    assert records_of(tidied, curves) == records_of(frame(), pd.read_parquet(first / CURVES))
    assert finish_again("s", plan, tidied, curves, again) == told
    names = sorted(path.name for path in first.iterdir())
    assert names == [
        *("aggregates.svg", "comparison.csv", "comparison.md", "curves.parquet", "curves.svg"),
        *("profiles.svg", "results.csv", "results.parquet", "study.html", "table.md"),
    ]
    page = (first / "study.html").read_text()
    assert "<figcaption>aggregates</figcaption>" in page
    assert "default-src 'none'" in page
    assert [name for name in names if (first / name).read_bytes() != (again / name).read_bytes()] == []


def test_a_file_that_no_study_wrote_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    for name in ("a.parquet", "none.parquet"):
        with pytest.raises(DataError, match="not the results of a study"):
            read_tidy(tmp_path / name)
