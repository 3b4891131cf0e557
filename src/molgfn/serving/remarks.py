"""What oracles say of objects in words, beside their numbers."""

from __future__ import annotations

import logging
from typing import Any

from molgfn.serving.panel import Entry, Panel

logger = logging.getLogger("molgfn.rewards")


def remarks_of(panel: Panel, objects: Any) -> dict[str, list[str]]:
    """``panel.remark_names`` -> texts of the objects [B], "" where there is nothing.

    The oracles are asked in this process; invalid molecules get "". Where one raises, its remarks are left out: words
    are not worth losing values for.
    """
    columns = {name: [""] * len(objects) for name in panel.remark_names}
    if not columns:
        return columns
    rows = [row for row, problem in enumerate(panel.kind.problems(objects)) if problem is None]
    for entry in panel.entries:
        for name, texts in _said(entry, panel.kind.take(objects, rows)).items():
            for row, text in zip(rows, texts, strict=True):
                columns[name][row] = text
    return columns


def _said(entry: Entry, objects: Any) -> dict[str, list[str]]:
    if not entry.remarks:
        return {}
    oracle = entry.oracle
    try:
        said = oracle.remarks(objects)
    except Exception as error:
        logger.warning("oracle %s: its remarks are left out (%s: %s)", oracle.name, type(error).__name__, error)
        return {}
    return {column: said[name] for column, name in zip(entry.remarks, oracle.remark_names, strict=True)}
