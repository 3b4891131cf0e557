"""The words and numbers of a report: facts, cards, the table of metrics, and what the run cannot say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from molgfn.code_references import split
from molgfn.evaluation.metrics.elbo import UNCORRECTED
from molgfn.evaluation.report.bibliography import Bibliography
from molgfn.evaluation.report.curves import Panel
from molgfn.evaluation.report.fronts import words_of
from molgfn.evaluation.report.sections.labels import label_of
from molgfn.evaluation.report.tables import numbers
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasDescriptors

#: first part of the keys of shares, which are shown in percent
SHARES = (
    *("validity", "uniqueness", "novelty", "log_z/effective_share", "unusual_motifs", "alerts"),
    *("by_condition/each/in_focus", "by_condition/all/uniqueness"),
)
#: definitions of what no metric class computes
EXACT = (
    "Over all objects of a space that can be listed: P_T by dynamic programming over every edge, against R/Z. tv is "
    "half the sum of |P_T - R/Z|; jsd and kl (of R/Z from P_T) are in nats."
)

DENSITY = (
    "Of objects with real coordinates: log Z by quadrature, or as the oracle knows it; samples and R/Z as shares of "
    "equal bins. jsd_exact is what noise alone makes of jsd, for as many exact samples."
)

#: first part of keys -> definition
DEFINED = {"exact": EXACT, "density": DENSITY}


def number(value: Any, *, share: bool = False) -> str:
    """A number for reading: three significant digits, whole numbers whole, shares in percent; a dash for none."""
    x = math.nan if value is None else float(value)
    if math.isnan(x):
        return "–"
    if x < 0:
        return "−" + number(-x, share=share)
    if not math.isfinite(x):
        return str(x)
    if share:
        return f"{100 * x:.1f} %"
    if x == round(x) and abs(x) < 1e6:
        return f"{round(x):,}"
    if abs(x) >= 1000:
        return f"{x:,.0f}" if abs(x) < 1e6 else f"{x:.2e}"
    return f"{x:.3f}" if 0.01 <= x < 10 else f"{x:#.3g}".rstrip(".") if x >= 10 else f"{x:.3g}"


def facts(evaluation: dict[str, Any], config: dict[str, Any], panels: list[Panel]) -> list[tuple[str, str]]:
    """What a reader must know first: how it was made."""
    out = []
    for part in ("environment", "policy", "objective", "backward", "reward", "oracle"):
        path = (config.get(part) or {}).get("_target_") if isinstance(config.get(part), dict) else None
        if isinstance(path, str):
            scored = part == "oracle" and evaluation.get("property")
            out.append((part, property_name(evaluation) if scored else split(path)[1]))
    steps = [float(curve.x.max()) for panel in panels for curve in panel.curves]
    if steps:
        out.append(("last logged step", number(max(steps))))
    if "seed" in config:
        out.append(("seed", str(config["seed"])))
    source = evaluation.get("source", {})
    if condition := source.get("condition"):
        out.append(("condition", ", ".join(f"{words_of(name)} = {number(value)}" for name, value in condition.items())))
    out.append(("samples", number(source.get("samples"))))
    if source.get("file"):
        out.append(("file", str(source["file"])))
    return out


def summary_cards(evaluation: dict[str, Any], untrained: pd.DataFrame | None) -> list[dict[str, str]]:
    """The few numbers that matter most, as far as they were measured."""
    metrics = evaluation["metrics"]
    before = _mean(untrained, "value")
    what = property_name(evaluation).split(", filtered by")[0]  # a card has little room
    mean = f"M{mean_of(what)[1:]}"
    wanted = [
        ("mean/value", mean),
        ("top_k/k=10/value", f"{mean}, of the 10 best"),
        *[(key, _readable(f"Modes: {', '.join(key.split('/')[1:])}")) for key in _last(metrics, "modes/")],
        *[(key, f"Different among {key.split('=')[-1]} samples") for key in _last(metrics, "uniqueness/")],
        ("validity", "Valid molecules"),
        ("novelty", "Not in the reference"),
        ("snn", "Similarity to the nearest of the reference"),
        ("fcd", "Fréchet ChemNet distance from the reference"),
        ("kl_score", "KL score (GuacaMol) against the reference"),
        ("internal_diversity", "Internal diversity (IntDiv1)"),
        ("unusual_motifs", "With a motif that chemists avoid"),
        ("exact/tv", "Exact total variation from R/Z"),
        ("exact/hidden/tv", "The same among objects that were hidden in training"),
        ("exact/hidden/mass", "Their probability"),
        ("exact/hidden/target_mass", "What it should be"),
        ("density/log_z", "log Z of R"),
        ("density/log_z_error", "Error of the policy's log Z"),
        ("density/jsd", "Jensen-Shannon divergence from R/Z, over bins"),
        ("elbo", "ELBO (at most log Z)" if bounds_log_z(metrics) else "ELBO (may lie above log Z)"),
        *[(key, "Spearman correlation of log P_T and log R") for key in _last(metrics, "correlation/spearman/")],
        *[(key, "Hypervolume of the samples") for key in _last(metrics, "objectives/hypervolume/")],
        ("by_condition/each/tv", "Exact total variation, mean over conditions"),
        ("by_condition/each/log_z_error", "Error of the policy's log Z(c), mean over conditions"),
        *[
            (key, "Hypervolume over all conditions")
            for key in _last(metrics, "by_condition/all/objectives/hypervolume/")
        ],
        *[(key, "In focus of their goal") for key in _last(metrics, "by_condition/each/in_focus/")],
    ]
    cards = []
    for key, label in wanted:
        reading = metrics.get(key, {})
        if reading.get("value") is None:
            continue
        share = key.startswith(SHARES)
        sub = []
        if "low" in reading:
            sub.append(f"95 %: {number(reading['low'], share=share)} to {number(reading['high'], share=share)}")
        if key == "mean/value" and before is not None:
            sub.append(f"untrained {number(before)}")
        if key == "exact/tv" and "exact/log_z" in metrics:
            count = reading.get("count")
            sub.append(f"over {number(count)} object{'' if count == 1 else 's'}")
        cards.append({"label": label, "number": number(reading["value"], share=share), "sub": " · ".join(sub)})
    return cards


def bounds_log_z(metrics: dict[str, Any]) -> bool:
    """The ELBO is a bound on log Z: the symmetry term that was trained with is whole."""
    return UNCORRECTED not in metrics.get("elbo", {}).get("note", "")


def property_name(evaluation: dict[str, Any]) -> str:
    """What the samples were scored with, as ``vina (kcal/mol)``; "property" where nothing says so."""
    found = evaluation.get("property") or {}
    name = str(found.get("title") or found.get("name") or "property").replace("_", " ")
    units = found.get("units", "1")
    return name if units == "1" else f"{name} ({units})"


def mean_of(what: str) -> str:
    """The mean of a property in words; a property may be a mean itself."""
    return f"mean of the {what}" if " mean of " in what else f"mean {what}"


def groups(evaluation: dict[str, Any], bibliography: Bibliography, kind: ObjectKind) -> list[dict[str, Any]]:
    """Rows of the table of metrics under the definition that they share."""
    what = property_name(evaluation)
    definitions, beside = evaluation["definitions"], evaluation.get("reference") or {}
    out: dict[str, dict[str, Any]] = {}
    for name, entry in definitions.items():
        reference = bibliography.add(entry.get("reference", ""), name)
        numbers = [reference] if reference else []
        out[name] = {"name": name, "definition": entry.get("definition", ""), "numbers": numbers, "rows": []}
    owner: dict[str, str] = {"quantile": "mean", "log_z": "elbo", "log_p_terminal": "correlation"}
    for key, reading in evaluation["metrics"].items():
        first = key.split("/")[0]
        name = owner.get(first) or first
        group = out.setdefault(name, {"name": name, "definition": DEFINED.get(name, ""), "numbers": [], "rows": []})
        share = key.startswith(SHARES)
        interval = ""
        if "low" in reading and "high" in reading:
            interval = f"{number(reading['low'], share=share)} … {number(reading['high'], share=share)}"
        group["rows"].append(
            {
                "key": key,
                "label": label_of(
                    key, what, mean_of(what), kind.descriptors if isinstance(kind, HasDescriptors) else {}
                ),
                "value": number(reading.get("value"), share=share),
                "interval": interval,
                "count": number(reading["count"]) if "count" in reading else "",
                "reference": number(beside[key], share=share) if key in beside else "",
                "note": reading.get("note", ""),
            }
        )
    return [group for group in out.values() if group["rows"]]


def limits(evaluation: dict[str, Any], config: dict[str, Any], kind: ObjectKind) -> list[str]:
    """What the numbers above do not show, the reasons included."""
    metrics = evaluation["metrics"]
    out = []
    exact = metrics.get("exact/tv")
    if exact is not None and exact.get("value") is None:
        given = any(k.startswith("heldout/") and reading.get("value") is not None for k, reading in metrics.items())
        held = " and the held-out ones" if given else ""
        out.append(
            f"How far the sampler is from R/Z over the whole space: {exact.get('note', 'not measured')}. The ELBO is "
            f"{'only a lower' if bounds_log_z(metrics) else 'no'} bound on log Z, and the correlation covers only "
            f"objects that the sampler drew{held}."
        )
    elif exact is None and evaluation.get("source", {}).get("kind") == "file":
        out.append("How likely each molecule was: a file has no policy, so nothing here is about P_T or log Z.")
    absent: dict[str, list[str]] = {}
    for key, reading in metrics.items():
        if reading.get("value") is None and key != "exact/tv":
            absent.setdefault(reading.get("note") or "not measured", []).append(key)
    out += [f"{', '.join(keys)}: {why}." for why, keys in absent.items()]
    share = metrics.get("log_z/effective_share", {})
    if isinstance(share.get("value"), float) and share["value"] < 0.1:
        out.append(
            f"log Z by importance sampling is not to be relied on: the effective sample size is "
            f"{number(share['value'] * share.get('count', 0))} of {number(share.get('count'))} trajectories."
        )
    error = next((r for k, r in metrics.items() if k.startswith("log_p_terminal/standard_error")), {})
    if isinstance(error.get("value"), (int, float)) and error["value"] > 0.5:
        out.append(
            f"Single values of log P_T(x): their median standard error is {number(error['value'])} nats, which also "
            "pulls the correlation towards 0."
        )
    if evaluation.get("source", {}).get("kind") == "policy":
        out.append("How much another training seed would change this: intervals are over samples of this one policy.")
    scored = config.get("oracle") or "mean/value" in metrics
    if scored and kind.caveat:
        out.append(kind.caveat)
    return out


def _readable(text: str) -> str:
    """Keys as words: ``value>=0.8`` becomes "value ≥ 0.8"."""
    return text.replace(">=", " ≥ ").replace("<=", " ≤ ").replace("<", " < ")


def _last(metrics: dict[str, Any], prefix: str) -> list[str]:
    """The last key with ``prefix`` that has a value other than 0 (else the first with a value), as a list."""
    keys = [key for key, reading in metrics.items() if key.startswith(prefix) and reading.get("value") is not None]
    above = [key for key in keys if metrics[key]["value"] != 0]
    return above[-1:] or keys[:1]


def _mean(table: pd.DataFrame | None, column: str) -> float | None:
    """Mean over samples, each row as often as it was drawn."""
    if table is None or column not in table:
        return None
    values, counts = numbers(table, column), numbers(table, "count")
    known = np.isfinite(values)
    return float(np.average(values[known], weights=counts[known])) if known.any() else None
