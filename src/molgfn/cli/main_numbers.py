"""The few numbers that a person wants to see when a command is done; the rest is in the files that it wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from molgfn.evaluation.files import plain_evaluation
from molgfn.evaluation.report.summary import mean_of, number, summary_cards

if TYPE_CHECKING:
    from molgfn.evaluation.run import Evaluated
    from molgfn.rewards.base import ScoredProperty


def main_numbers(metrics: Mapping[str, float], scored: ScoredProperty) -> list[str]:
    """Lines about a run that has trained, out of the latest value of each column of ``metrics.csv``."""

    def of(name: str, *, share: bool = False) -> str | None:
        value = metrics.get(name, math.nan)
        return number(value, share=share) if math.isfinite(value) else None

    what = (scored.title or scored.name).split(", filtered by")[0]
    units = "" if scored.units == "1" else f" {scored.units}"
    losses = {name.split("/")[-1]: of(name) for name in metrics if name.startswith("train/loss/")}
    shown = {
        f"{mean_of(what)} of what was drawn last": (of("value/mean") or "-") + units,
        "different among these": of("found/different", share=True),
        "different objects in all": of("found/unique"),
        **{f"loss {name}": value for name, value in losses.items()},
        "log Z": of("train/log_z"),
        "exact total variation": of("exact/tv"),
        "seconds": of("time/elapsed_seconds"),
    }
    return [f"{label}: {text}" for label, text in shown.items() if text is not None]


def evaluated_numbers(evaluated: Evaluated) -> list[str]:
    """Lines about an evaluation: what the cards of its report say."""
    fresh = evaluated.report.with_name("untrained.csv")
    untrained = pd.read_csv(fresh) if fresh.is_file() else None
    cards = summary_cards(plain_evaluation(evaluated.evaluation), untrained)
    return [f"{c['label']}: {c['number']}" + (f" ({c['sub']})" if c["sub"] else "") for c in cards]
