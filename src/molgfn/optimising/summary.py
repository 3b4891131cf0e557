"""What came of an optimisation: how much with how many calls, how different, and whether a chemist would make it."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from molgfn.chemistry.motifs import unusual_motifs
from molgfn.evaluation.metrics.diversity.modes import greedy_modes
from molgfn.evaluation.thresholds import reached
from molgfn.evaluation.top_auc import efficiency, write_pmo
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints
from molgfn.objects.molecule import MOLECULE
from molgfn.optimising.assembling import Parts
from molgfn.optimising.loop import Loop
from molgfn.optimising.progress import of_the_best, optimum_of, sign_of
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.structure.alerts import Alerts
from molgfn.paths import sqlite_uri
from molgfn.training.whole_file import whole_file

#: the best whose chemistry is looked at
TOP = 100
#: two objects at least this similar lie in one circle: a distance of .7
CUT = 0.3
#: columns of the record under the names that people read
_NAMES = {"iteration": "round", "source": "proposer"}
_FIRST = ("call", "round", "proposer", "value", "log_reward", "acquisition", "why", "problem")


def calls_of(path: Path, kind: ObjectKind) -> pd.DataFrame:
    """Every call of a record in order: ``call``, ``round``, ``proposer``, the object, ``value``, ``log_reward``,
    ``acquisition``, ``why``, ``problem``, and the components.
    """
    if not path.is_file():
        return pd.DataFrame(columns=[*_FIRST[:3], kind.key_column, *_FIRST[3:]])
    with closing(sqlite3.connect(sqlite_uri(path), uri=True)) as connection:
        table = pd.read_sql("SELECT * FROM scored ORDER BY call", connection)
    table = table.rename(columns={**_NAMES, "key": kind.key_column})
    table["call"] = np.arange(1, len(table) + 1)
    first = [*_FIRST[:3], kind.key_column, *_FIRST[3:]]
    return table.loc[:, [*first, *(name for name in table.columns if name not in first)]]


def summary_of(loop: Loop, ended: str, calls: pd.DataFrame) -> dict[str, Any]:
    """Plain data."""
    parts = loop.parts
    scored, sign = parts.reward.scored, sign_of(parts)
    values = calls["value"].to_numpy(dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(-sign * values[known], kind="stable")]
    best = float(values[order[0]]) if len(order) else math.nan
    out: dict[str, Any] = {
        "oracle": scored.name,
        "units": scored.units,
        "direction": scored.direction,
        "track": "B" if loop.labels else "A",
        "labels_outside_the_budget": loop.labels,
        "budget": parts.budget,
        "calls": len(calls),
        "without_value": len(calls) - len(known),
        "rounds": loop.number,
        "ended": ended,
        "seed": parts.seed,
        "best": best,
        "simple_regret": sign * (optimum_of(parts) - best),
        **efficiency(values, budget=parts.budget, direction=scored.direction),
    }
    objects = parts.kind.parse(calls[parts.kind.key_column].tolist()) if len(order) else []
    if isinstance(parts.kind, HasFingerprints) and len(order):
        out |= _circles(parts, objects, values, order)
    if parts.kind is MOLECULE and len(order):
        out |= _chemistry([objects[row] for row in order[:TOP]])
    shares = calls["proposer"].value_counts()
    out["calls_by_proposer"] = {str(name): int(count) for name, count in shares.items()}
    return {name: _plain(value) for name, value in out.items()}


def _circles(parts: Parts, objects: Any, values: np.ndarray, order: np.ndarray) -> dict[str, int]:
    """#Circles at a distance of .7 among the best, and among the hits.

    Reference: Xie et al. 2023, arXiv 2112.12542.
    """
    kind = parts.kind
    assert isinstance(kind, HasFingerprints)
    bits = kind.fingerprints(kind.take(objects, order.tolist()))
    out = {f"circles_top{TOP}": len(greedy_modes(bits[:TOP], CUT))}
    if (hit := parts.rounds.hit) is not None:
        hits = np.flatnonzero(reached(values[order], hit, parts.reward.scored.direction))
        out |= {"hits": len(hits), "circles_hits": len(greedy_modes(bits[hits], CUT))}
    return out


def _chemistry(best: list[Any]) -> dict[str, float]:
    """Whether a score was bought with nonsense: of the best molecules the share with a structural alert (PAINS or
    BRENK) and with a group that chemists would not make, and the mean SA score (1 easy, 10 hard).
    """
    alerts = Alerts(catalogs=("PAINS", "BRENK")).values(best)
    unusual = [bool(unusual_motifs(molecule.mol)) for molecule in best]
    return {
        f"alerts_top{TOP}": float((alerts <= 0).mean()),
        f"unusual_motifs_top{TOP}": float(np.mean(unusual)),
        f"sa_top{TOP}": float(SA().values(best).mean()),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def write_tables(
    folder: Path, calls: pd.DataFrame, metrics: pd.DataFrame, summary: dict[str, Any], parts: Parts
) -> None:
    """``calls.csv``, ``metrics.csv``, ``summary.yaml``; of what is to be maximised also PMO's own files."""
    for name, table in (("calls.csv", calls), ("metrics.csv", metrics)):
        with whole_file(folder / name) as file:
            file.write(table.to_csv(index=False).encode())
    with whole_file(folder / "summary.yaml") as file:
        file.write(yaml.safe_dump(summary, sort_keys=False, allow_unicode=True).encode())
    if len(calls):
        write_pmo(folder, budget=parts.budget, direction=parts.reward.scored.direction)


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """What is printed at the end; the track first."""
    labels = summary["labels_outside_the_budget"]
    track = f"track {summary['track']}: " + (
        f"{_many(labels, 'label')} outside the budget" if summary["track"] == "B" else "no label outside the budget"
    )
    units = "" if summary["units"] == "1" else f" {summary['units']}"
    lines = [track, f"{_many(summary['calls'], 'call')} in {_many(summary['rounds'], 'round')}; {summary['ended']}"]

    def line(name: str, words: str, form: str = ".4g", end: str = "") -> None:
        if (value := summary.get(name)) is not None:
            lines.append(f"{words}: {value:{form}}{end}")

    scored = summary["calls"] - summary["without_value"]
    averaged = scored if summary["direction"] == "minimise" else summary["calls"]  # as ``efficiency`` counts them
    top = of_the_best(TOP, scored)
    line("best", f"best {summary['oracle']}", end=units)
    line("simple_regret", "simple regret", end=units)
    for n in (1, 10, 100):
        line(f"auc_top{n}", f"AUC top-{n}" + (f" (the mean of {of_the_best(n, averaged)})" if averaged < n else ""))
    line("avg_top10", f"mean of {of_the_best(10, averaged)}", end=units)
    line("hits", "hits", ",d")
    line("circles_hits", "#Circles of the hits (distance .7)", ",d")
    line(f"circles_top{TOP}", f"#Circles of {top} (distance .7)", ",d")
    line(f"alerts_top{TOP}", f"of {top} with an alert (PAINS, BRENK)", ".0%")
    line(f"unusual_motifs_top{TOP}", f"of {top} with an unusual group", ".0%")
    line(f"sa_top{TOP}", f"mean SA of {top}", ".3g")
    shares = ", ".join(f"{name} {count:,}" for name, count in summary["calls_by_proposer"].items())
    return [*lines, f"calls by proposer: {shares}"]


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
