"""Where a run's numbers come from: what its oracles were asked, what it was made with, and how it is made again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from molgfn.evaluation.report.summary import number
from molgfn.evaluation.report.tables import numbers

#: settings of an evaluation -> the option that says so
OPTIONS = {"samples": "-n", "reference": "--reference", "heldout": "--heldout"}
#: columns of the table of oracle calls: heading, name in an evaluation, name among logged metrics
CALLS = (
    ("objects asked for", "raw", "oracle/calls"),
    ("different", "unique", "oracle/unique"),
    ("from memory", "cached", "oracle/cached"),
    ("from disk", "disk", "oracle/disk"),
    ("without a value", "failed", "oracle/failed"),
    ("seconds", "seconds", "oracle/seconds"),
)
#: above that table
CALLS_TEXT = (
    "What the oracles were asked for, and how they answered. Each different object is measured once; asked for again, "
    "it is answered from memory or from a cache on disk. The samples of the untrained policy are not counted."
)


def oracle_calls(evaluation: dict[str, Any], metrics: Path) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the accounting: of training (the last logged row of ``metrics.csv``) and of the evaluation.

    A last column has the milliseconds for each object that was measured anew. No rows where nothing was scored.
    """
    rows = []
    if metrics.is_file():
        table = pd.read_csv(metrics)
        last = {column: numbers(table, column) for _, _, column in CALLS if column in table}
        found = {column: values[values == values] for column, values in last.items()}
        if any(map(len, found.values())):
            rows.append(("training", {name: float(found[c][-1]) for _, name, c in CALLS if len(found.get(c, ()))}))
    if evaluation.get("oracle"):
        rows.append(("this evaluation", evaluation["oracle"]))
    head = ["", *(title for title, _, _ in CALLS), "ms each"]
    return head, [
        [what, *(number(counted.get(name)) for _, name, _ in CALLS), _each(counted)] for what, counted in rows
    ]


def _each(counted: dict[str, float]) -> str:
    new = counted.get("unique", 0) - counted.get("disk", 0)
    return number(1000 * counted["seconds"] / new) if new > 0 and "seconds" in counted else "–"


def commands(evaluation: dict[str, Any], run: Path, trained: bool) -> list[str]:
    """What to type to get the run and this evaluation again."""
    source, settings = evaluation.get("source", {}), evaluation.get("settings", {})
    what = str(source.get("path") or source.get("file") or run)
    words = ["molgfn", "evaluate", what]
    if source.get("kind") == "policy":
        words += [f"condition.{name}={value:g}" for name, value in (source.get("condition") or {}).items()]
        words += [*_options(settings, ("samples", "reference", "heldout")), "--seed", str(source.get("seed", 0))]
    else:
        words += _options(settings, ("reference",))
    train = [shlex.join(["molgfn", "train", str(Path(what) / "config.yaml")])] if trained else []
    return [*train, shlex.join(words)]


def _options(settings: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [word for name in names if settings.get(name) is not None for word in (OPTIONS[name], str(settings[name]))]


def versions(evaluation: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and version of what the evaluation ran with, as far as it says."""
    known = {"molgfn": evaluation.get("molgfn"), **(evaluation.get("versions") or {})}
    return [(name, str(version)) for name, version in known.items() if version]
