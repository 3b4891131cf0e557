"""How a budget becomes the end of a run, and when it cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from molgfn.composing.compose import checked_as_written
from molgfn.environments.conditional import drawn_condition
from molgfn.errors import ConfigError
from molgfn.experiment import Experiment, assemble
from molgfn.objectives.declarations import read_quantities
from molgfn.study.plan import Budget
from molgfn.trajectories.sources.base import Kind

#: iterations of a run that ends by time alone
ENDLESS = 1_000_000_000
#: what says when a run ends, and is the budget's to say
ENDS = ("trainer.iterations", "trainer.reward_calls", "trainer.gradient_steps", "trainer.seconds")


def end_of(budget: Budget, experiment: str, overrides: Sequence[str]) -> list[str]:
    """The overrides that end a run when its budget is spent.

    Where each batch costs equally many reward calls the iterations are known, too, and what follows them (a learning
    rate along ``cosine=${trainer.iterations}``) has its whole course.

    Args:
        budget: of the run.
        experiment: file or shipped name.
        overrides: of the run.

    Raises:
        ConfigError: the run cannot keep the budget, or its config cannot be composed.
    """
    if own := [o for o in overrides if o.partition("=")[0].lstrip("+") in ENDS]:
        raise ConfigError(f"{own[0]}: the study's budget says when a run ends; leave it out")
    name, amount = budget.spent
    limit = f"trainer.{name}={amount}"
    config, _ = checked_as_written(experiment, overrides)
    built = assemble(config)
    calls = calls_of_batch(built)
    if name == "reward_calls" and calls is not None:
        iterations = math.ceil(amount / calls)
        if amount % calls:
            raise ConfigError(
                f"budget.reward_calls: {amount:,} is no multiple of the {calls:,} of a batch (data.batch_size); "
                f"rows would not spend the same: {iterations * calls:,} is one"
            )
        return [limit, f"trainer.iterations={iterations}"]
    iterations = ENDLESS if name == "seconds" else int(amount)  # each has a call and a step at least
    condition = drawn_condition(built.environment)
    if condition is not None and condition.learns:
        raise ConfigError(
            f"budget.{name}: the condition learns by the share of its iterations that a run has behind it"
        )
    if followers := _following(config, experiment, overrides):
        raise ConfigError(
            f"budget.{name}: leaves open how many iterations there are, which {', '.join(followers)} follows; give it "
            "a number"
        )
    return [limit, f"trainer.iterations={iterations}"]


def calls_of_batch(e: Experiment) -> int | None:
    """Reward calls of each iteration; None where they differ (replay, local search) or are not known before."""
    if any(q.reads_state_rewards for q in read_quantities(e.objective)):
        return None
    return e.sources.batch_size if all(s.kind is Kind.NEW for s in e.sources.by_name.values()) else None


def _following(config: dict[str, Any], experiment: str, overrides: Sequence[str]) -> list[str]:
    """Keys that change with ``trainer.iterations``."""
    more = config["trainer"]["iterations"] + 1
    other, _ = checked_as_written(experiment, [*overrides, f"trainer.iterations={more}"])
    return [key for key in _different(config, other) if key != "trainer.iterations"]


def _different(one: Any, other: Any, place: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys([*one, *other])
        return [p for key in keys for p in _different(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))]
    return [] if one == other else [place]
