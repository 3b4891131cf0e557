"""How the best objects were built, as the page shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from molgfn.errors import DataError
from molgfn.evaluation.report.figures import drawing
from molgfn.evaluation.report.galleries import Gallery
from molgfn.evaluation.report.summary import number

NAME = "trajectories.json"


def read_builds(folder: Path) -> list[dict[str, Any]]:
    """What the evaluation wrote; empty where there is none.

    Raises:
        DataError: the file is not what an evaluation writes.
    """
    path = folder / NAME
    if not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for shown in found for name in ("key", "log_pf", "drawn", "steps") if name not in shown]
        if missing:
            raise KeyError(missing[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); evaluate again") from error
    return found


def builds(found: list[dict[str, Any]], gallery: Gallery) -> list[dict[str, Any]]:
    """What the template takes: each object with its value and its steps, drawn or in words."""
    rows = {str(key): row for row, key in enumerate(gallery.table[gallery.kind.key_column])}
    values = gallery.table["value"].to_numpy(dtype=np.float64) if "value" in gallery.table else None
    out = []
    for shown in found:
        row = rows.get(shown["key"])
        value = None if values is None or row is None or np.isnan(values[row]) else float(values[row])
        steps = [_step(i, step) for i, step in enumerate(shown["steps"], start=1)]
        out.append(
            {
                "key": shown["key"],
                "rank": "" if row is None else row + 1,
                "value": "" if value is None else f"{value:.3f}".replace("-", "−"),
                "log_pf": number(shown["log_pf"]),
                "steps": steps,
                "drawn": sum(bool(step["svg"]) for step in steps) > 1,
            }
        )
    return out


def builds_text(found: list[dict[str, Any]]) -> str:
    """A sentence or two above them."""
    drawn = max((shown["drawn"] for shown in found), default=0)
    which = f"the most probable of {drawn} trajectories" if drawn > 1 else "a trajectory"
    return (
        f"For each {which} that {'were' if drawn > 1 else 'was'} drawn backwards from it. p is the probability "
        "P_F of the step, with the number of legal choices where it is known; log P_F of a whole trajectory is the sum "
        "of their logarithms, and other trajectories lead to the same object."
    )


def _step(place: int, step: dict[str, Any]) -> dict[str, Any]:
    p = float(step["probability"])
    choices = step.get("choices")
    svg = drawing(step["svg"]) if step.get("svg") else ""
    return {
        "place": place,
        "words": step.get("words") or "",
        "svg": svg,
        "own_width": _own_width(svg),
        "p": probability(p),
        "share": round(100 * min(max(p, 0.0), 1.0), 1),
        "choices": f"{choices:,}" if isinstance(choices, int) and choices > 1 else "",
        "only": choices == 1,
    }


def _own_width(svg: str) -> str:
    """Pixels of a picture more than twice as wide as high, such as a reaction: it gets more room; "" for others."""
    box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg)
    return box[1] if box is not None and float(box[1]) > 2 * float(box[2]) else ""


def probability(p: float) -> str:
    """For reading: 0.73, 0.0040, 2e-5."""
    if p >= 0.9995:
        return "1"
    return f"{p:#.2g}" if p >= 0.001 else f"{p:.0e}".replace("e-0", "e-")
