"""How an object was built, step by step, for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasPictures


@dataclass(frozen=True)
class BuildStep:
    """What one action did.

    Attributes:
        words: one line of plain text, such as ``adds c1ccncc1``; "" for nothing said.
        svg: what stands there afterwards, an SVG document; "" where it is not drawn.
    """

    words: str
    svg: str = ""


def steps_of(kind: ObjectKind, objects: Any, shown: Sequence[bool]) -> list[BuildStep]:
    """The steps of a trajectory by the objects that its states stand for; the last step is the exit.

    Args:
        kind: of the objects.
        objects: one for each state after an action, of those that stand for one; in order.
        shown: for each of T - 1 actions whether the state after it stands for an object.
    """
    problems = kind.problems(objects)
    good = [row for row, problem in enumerate(problems) if problem is None]
    keys = kind.keys(objects)
    known = {row: BuildStep(keys[row]) for row in good}
    if isinstance(kind, HasPictures) and good:
        drawn = kind.growth(kind.take(objects, good))
        known = {row: BuildStep(words, svg) for row, (svg, words) in zip(good, drawn, strict=True)}
    steps, row = [], 0
    for there in shown:
        steps.append(known.get(row, BuildStep("")) if there else BuildStep(""))
        row += there
    return [*steps, BuildStep("stops")]
