"""What oracles were asked for in a run, counted."""

from __future__ import annotations

from dataclasses import dataclass, field

#: the problem of an object that the budget of oracle calls did not reach
BUDGET_SPENT = "the budget of oracle calls is spent"


@dataclass
class Counters:
    """Oracle accounting, cumulative over a run (restored on resume)."""

    raw: int = 0  #: objects that were asked for
    unique: int = 0  #: different objects (by key) among them
    cached: int = 0  #: answered from memory
    disk: int = 0  #: answered from the cache on disk
    failed: int = 0  #: went without a value (invalid object, oracle raised or returned NaN)
    seconds: float = 0.0  #: time that the run waited for oracles
    reasons: dict[str, int] = field(default_factory=dict)  #: named reason -> how often
