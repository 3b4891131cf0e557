"""The front of several objectives: clouds of objects by pairs of objectives, and the molecules that lie on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from molgfn.evaluation.by_condition.measured import GOAL
from molgfn.evaluation.by_condition.readings import PREFERENCE, TARGET
from molgfn.evaluation.metrics.several_objectives.fronts import pareto_front
from molgfn.evaluation.report.galleries import Gallery, Picture
from molgfn.evaluation.report.scatters import cloud_svg
from molgfn.evaluation.report.tables import numbers
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasPictures

#: clouds of objects, one for each pair of objectives, the first ones
MOST_CLOUDS = 6
#: beginnings of the columns of a condition, and the words for them
ASKED = {PREFERENCE: "weight of ", GOAL: "direction of ", TARGET: "target of "}


def clouds(
    points: dict[str, np.ndarray],
    colour: Callable[[str, str], tuple[np.ndarray, str]],
    measured: pd.DataFrame,
) -> list[dict[str, str]]:
    """A chart of the objects for each pair of objectives.

    Args:
        points: desirabilities of the rows, by objective.
        colour: of two objectives, the rows' numbers and their words.
        measured: the rows with what was measured: an axis says that it shows another number than this.
    """

    def axis(name: str) -> str:
        raw = numbers(measured, name) if name in measured else points[name]
        same = np.array_equal(raw, points[name], equal_nan=True)
        return words_of(name) if same else f"desirability of {words_of(name)}"

    charts = []
    for first, second in list(combinations(points, 2))[:MOST_CLOUDS]:
        shade, label = colour(first, second)
        title = f"{words_of(second)} against {words_of(first)}"
        both = np.stack([points[first], points[second]], 1)
        names = (axis(first), axis(second))
        charts.append(chart(title, cloud_svg(both, shade, title=title, labels=names, colour_label=label)))
    return charts


def front_pictures(
    table: pd.DataFrame, points: dict[str, np.ndarray], kind: ObjectKind, most: int
) -> tuple[list[Picture], int]:
    """Cards of different objects on the front, spread over it and in order of the first objective; and how many it has.

    None where they cannot be drawn, or there are fewer than two objectives.
    """
    if len(points) < 2:
        return [], 0
    first = ~table[kind.key_column].duplicated() & table[kind.key_column].notna()
    rows = np.flatnonzero(np.asarray(first))
    space = np.stack(list(points.values()), 1)[rows]
    front = pareto_front(space)
    if not isinstance(kind, HasPictures) or not len(front):
        return [], len(front)
    chosen = front[_spread(space[front], most)]
    chosen = chosen[np.argsort(-space[chosen, 0], kind="stable")]
    gallery = Gallery.of(table.iloc[rows[chosen]].reset_index(drop=True), kind)
    cards = gallery.pictures(list(range(len(gallery.objects))))
    described = [
        " · ".join(f"{words_of(name)} {x:.2f}" for name, x in zip(points, space[row], strict=True)) for row in chosen
    ]
    return [replace(card, value=text) for card, text in zip(cards, described, strict=True)], len(front)


def _spread(points: np.ndarray, most: int) -> list[int]:
    """Up to ``most`` rows of ``points`` [N, D] far from each other: the one best on average first."""
    picked = [int(points.mean(1).argmax())]
    distance = np.linalg.norm(points - points[picked[0]], axis=1)
    while len(picked) < min(most, len(points)):
        distance[picked] = -1.0
        picked.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[picked[-1]], axis=1))
    return picked


def chart(title: str, svg: str) -> dict[str, str]:
    """As the page's template takes it."""
    return {"title": title, "svg": svg}


def words_of(column: str) -> str:
    """``preference_qed`` as "weight of qed", ``mean_value`` as "mean value"."""
    for start, words in ASKED.items():
        if column.startswith(start):
            return words + column.removeprefix(start).replace("_", " ")
    return column.replace("log_z", "log Z").replace("_", " ")
