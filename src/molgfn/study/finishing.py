"""What a study leaves behind: tables, comparisons and figures, made from its results alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from molgfn.evaluation.report.study_page import write_study_page
from molgfn.paths import file_name_from
from molgfn.study.columns import has_curve
from molgfn.study.comparison import Comparison, comparisons
from molgfn.study.comparison_tables import comparison_frame, comparison_markdown
from molgfn.study.pictures.aggregates import draw_aggregates, draw_profiles
from molgfn.study.pictures.curves import draw
from molgfn.study.plan import Study
from molgfn.study.tables import markdown, write_csv
from molgfn.study.tidy import CURVES, TIDY, records_of, tidy_curves, write_tidy

#: in a study's folder
PAGE = "study.html"


def finish(name: str, study: Study, records: list[dict[str, Any]], frame: pd.DataFrame, folder: Path) -> str:
    """Write everything into ``folder``; returns the tables as Markdown.

    ``results.parquet`` and ``curves.parquet`` hold all that the rest is made of: ``table.md``, ``results.csv``,
    ``comparison.md``, ``comparison.csv``, the pictures and the page ``study.html``.

    Args:
        name: of the study.
        study: its plan.
        records: of its runs.
        frame: the same, as of ``tidy``.
        folder: where to; it is there.
    """
    write_tidy(study, frame, folder / TIDY)
    write_tidy(study, tidy_curves(name, study, records), folder / CURVES)
    write_csv(study, records, folder / "results.csv")
    table = markdown(study, records)
    (folder / "table.md").write_text(f"{study.question.strip()}\n\n{table}", encoding="utf-8")
    found = comparisons(study, frame)
    compared = "\n".join(comparison_markdown(c) for c in found)
    if found:
        (folder / "comparison.md").write_text(f"{study.question.strip()}\n\n{compared}", encoding="utf-8")
        comparison_frame(found).to_csv(folder / "comparison.csv", index=False)
    for c in found:
        if c.aggregates:
            draw_aggregates(c, folder / _picture("aggregates", c, found))
            draw_profiles(c, folder / _picture("profiles", c, found))
    for file, picture in study.pictures.items():
        if has_curve(picture, records):
            draw(study, picture, records, folder / file)
    _write_page(name, study, frame, folder)
    return f"{table}\n{compared}" if found else table


def _write_page(name: str, study: Study, frame: pd.DataFrame, folder: Path) -> None:
    """``study.html`` of what lies in the folder; none while no run has a number."""
    measured = set(frame.loc[frame["value"].notna(), "metric"])
    first = next((measure for measure in study.measures if measure in measured), None)
    if not measured:
        return
    pictures = [*sorted(folder.glob("aggregates*.svg")), *sorted(folder.glob("profiles*.svg"))]
    write_study_page(
        frame,
        folder / PAGE,
        name=name,
        curves=pd.read_parquet(folder / CURVES),
        figures={path.stem: path.read_text(encoding="utf-8") for path in pictures},
        commands=(f"molgfn study {TIDY} -o again",),
        first=first,
        groups={(p.x, p.y): p.groups for p in study.pictures.values()},
    )


def finish_again(name: str, study: Study, frame: pd.DataFrame, curves: pd.DataFrame, folder: Path) -> str:
    """The same from what ``results.parquet`` and ``curves.parquet`` hold."""
    folder.mkdir(parents=True, exist_ok=True)
    return finish(name, study, records_of(frame, curves), frame, folder)


def _picture(kind: str, c: Comparison, all_of_them: list[Comparison]) -> str:
    """The first measure's picture has no measure in its name."""
    return f"{kind}.svg" if c is all_of_them[0] else f"{kind}-{file_name_from(c.measure)}.svg"
