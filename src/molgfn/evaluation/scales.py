"""How a measured number is read: which way it is better, in what units, and between which bounds it lies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from molgfn.rewards.base import ScoredProperty

#: "property": as the property that R is made of
BetterWhere = Literal["maximise", "minimise", "property"]


@dataclass(frozen=True)
class Scale:
    """What there is to know about a number before it is measured.

    Attributes:
        direction: which way is better; None where neither is, or nobody says.
        units: of the number; "1" for none, "property" for those of the property that R is made of.
        worst: the bound of its range at which it is worst; None where it has none.
        best: the bound at which it is best; None where it has none.
    """

    direction: BetterWhere | None = None
    units: str = "1"
    worst: float | None = None
    best: float | None = None

    def of(self, scored: ScoredProperty) -> Scale:
        """The same with direction and units of the property in place of "property"."""
        direction = scored.direction if self.direction == "property" else self.direction
        return replace(self, direction=direction, units=scored.units if self.units == "property" else self.units)


#: pattern of keys (``*`` for any text) -> scale; the first that fits
Scales = Mapping[str, Scale]

SHARE = Scale("maximise", worst=0.0, best=1.0)
COUNT = Scale("maximise", worst=0.0)
CORRELATION = Scale("maximise", worst=-1.0, best=1.0)
NATS = Scale(None, "nats")
PROPERTY = Scale("property", "property")
UNKNOWN = Scale()

#: of the exact comparison of P_T with R / Z
EXACT: Scales = {
    "tv": Scale("minimise", worst=1.0, best=0.0),
    "jsd": Scale("minimise", "nats", worst=math.log(2), best=0.0),
    "kl": Scale("minimise", "nats", best=0.0),
    "reverse_kl": Scale("minimise", "nats", best=0.0),
    "mean_l1": Scale("minimise", best=0.0),
    "elbo": Scale("maximise", "nats"),
    "eubo": Scale("minimise", "nats"),
    "log_z_error": NATS,
    "log_z": NATS,
    "log_z_true": NATS,
    "hidden/tv": Scale("minimise", worst=1.0, best=0.0),
    "hidden/jsd": Scale("minimise", "nats", worst=math.log(2), best=0.0),
    "visible/tv": Scale("minimise", worst=1.0, best=0.0),
    "hidden/pearson": CORRELATION,
    "hidden/spearman": CORRELATION,
    "hidden/log_l1": Scale("minimise", "nats", best=0.0),
    "log_l1/*": Scale("minimise", "nats", best=0.0),
    "hidden/mass": Scale(None, worst=None, best=None),
    "hidden/target_mass": Scale(None, worst=None, best=None),
    "density/jsd*": Scale("minimise", "nats", worst=math.log(2), best=0.0),
    "density/*": NATS,
}
#: of what is measured under several conditions; ``by_condition/all/KEY`` is read as KEY
BY_CONDITION: Scales = {
    "by_condition/*/tv": EXACT["tv"],
    "by_condition/*/log_z_error": Scale("minimise", "nats", best=0.0),
    "by_condition/each/mean_value": PROPERTY,
    "by_condition/each/mean_log_reward": Scale("maximise", "nats"),
    "by_condition/each/internal_diversity": SHARE,
    "by_condition/each/spearman": CORRELATION,
    "by_condition/each/elbo": Scale("maximise", "nats"),
    "by_condition/each/in_focus/*": SHARE,
    "by_condition/each/focus_diversity/*": SHARE,
    "by_condition/each/angle": Scale("minimise", "degrees", best=0.0),
    "by_condition/each/mean_*": SHARE,  # desirabilities of the objectives
    "by_condition/follows/*": CORRELATION,
}


def scale_of(key: str, tables: Iterable[Scales], scored: ScoredProperty | None = None) -> Scale:
    """The scale of the number that is called ``key``; one that says nothing where no table has it.

    Args:
        key: as in ``metrics.json`` or a study's table.
        tables: ``Metric.scales`` of the metrics that may have measured it, and those of other numbers.
        scored: the property that R is made of.
    """
    for name in (key, key.removeprefix("by_condition/all/"), key.removeprefix("exact/")):
        for table in tables:
            for pattern, scale in table.items():
                if name == pattern or fnmatchcase(name, pattern.replace("[", "[[]")):
                    return scale.of(scored or ScoredProperty())
    return UNKNOWN
