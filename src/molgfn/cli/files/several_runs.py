"""What ``molgfn sample`` draws from: one run, or several that are combined at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    import torch

    from molgfn.api.composed import Composed
    from molgfn.rewards.base import Reward
    from molgfn.runs.checkpoint import Loaded

COMPOSE_HELP = (
    "Several runs as one: mean (of the rewards), mixture (of the distributions), product, harmonic or contrast, with a "
    "weight for each."
)
FLOWS_HELP = "Of --compose: exact lists all states; learned reads log F. Default: exact up to 50,000 states."


def run_or_composition(
    checkpoints: Sequence[Path],
    compose: str | None,
    flows: Literal["exact", "learned"] | None,
    condition: Mapping[str, float],
    *,
    trust: Sequence[str],
    device: torch.device | str,
) -> Loaded | Composed:
    """The run, or what ``--compose`` makes of several; what it is taken under or made by is said.

    Args:
        checkpoints: at least one.
        compose: such as "mean:.3,.7".
        flows: of ``combine``.
        condition: by name; of several runs each that has a condition is taken under it.
        trust: as of ``load``.
        device: as of ``load``.

    Raises:
        click.UsageError: several runs and nothing says how to combine them, or the other way round.
        ConfigError: they cannot be combined, or have no such condition.
    """
    from molgfn.api.composed import combine, conditions_in_words
    from molgfn.api.runs import load
    from molgfn.environments.conditional import Conditional, fixed_condition, in_words
    from molgfn.policies.composed import parse_rule

    if compose is None:
        if len(checkpoints) > 1:
            raise click.UsageError("Several runs are combined by --compose, such as --compose mean:.3,.7.")
        if flows is not None:
            raise click.UsageError("--flows is of --compose.")
        loaded = load(checkpoints[0], trust=trust, device=device).under(condition)
        if words := in_words(fixed_condition(loaded.environment)):
            click.echo(f"condition: {words}" + ("" if condition else " (the reference; --condition takes another)"))
        return loaded
    rule, weights = parse_rule(compose)
    runs = [load(checkpoint, trust=trust, device=device) for checkpoint in checkpoints]
    having = [isinstance(run.environment, Conditional) for run in runs]
    if condition:  # where none has one, each says so
        runs = [run.under(condition) if has or not any(having) else run for run, has in zip(runs, having, strict=True)]
    made = combine(runs, rule, weights, flows=flows)
    how = {"exact": ", exact flows over all states", "learned": ", learned flows", None: ""}[made.flows]
    click.echo(f"compose: {made.rule.in_words}{how}")
    for words in conditions_in_words(made):
        click.echo(f"condition: {words}")
    return made


def own_rewards(loaded: Loaded | Composed, files: Mapping[str, str], instead: str) -> Reward | list[Reward]:
    """The reward of the run, or those of all that are combined; arguments as of ``columns.sampled_reward``."""
    from molgfn.api.columns import sampled_reward
    from molgfn.api.composed import Composed

    if isinstance(loaded, Composed):
        return loaded.rewards(files, instead)
    return sampled_reward(loaded, files, instead)
