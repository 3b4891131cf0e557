"""What ``molgfn sample`` draws from: one run, or several that are combined at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from molgfn.cli.files.given_condition import not_asked

if TYPE_CHECKING:
    import torch

    from molgfn.api.composed import Composed
    from molgfn.api.conditions import Asked
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
    asked: Asked,
    *,
    trust: Sequence[str],
    device: torch.device | str,
) -> list[Loaded] | list[Composed]:
    """The run under each of the conditions that are asked for, or the one thing that ``--compose`` makes of several;
    what it is taken under or made by is said.

    Args:
        checkpoints: at least one.
        compose: such as "mean:.3,.7".
        flows: of ``combine``.
        asked: which conditions; of several runs each that has a condition is taken under the one that there is.
        trust: as of ``load``.
        device: as of ``load``.

    Raises:
        click.UsageError: several runs and nothing says how to combine them, or the other way round.
        ConfigError: they cannot be combined, or have no such condition.
    """
    from molgfn.api.composed import combine, conditions_in_words
    from molgfn.api.conditions import under_each
    from molgfn.api.runs import load
    from molgfn.environments.conditional import Conditional
    from molgfn.policies.composed import parse_rule

    if compose is None:
        if len(checkpoints) > 1:
            raise click.UsageError("Several runs are combined by --compose, such as --compose mean:.3,.7.")
        if flows is not None:
            raise click.UsageError("--flows is of --compose.")
        each = under_each(load(checkpoints[0], trust=trust, device=device), asked)
        if words := _condition_in_words(each, asked):
            click.echo(f"condition: {words}")
        return each
    if asked is not None and not isinstance(asked, Mapping):
        raise click.UsageError("runs are combined under one condition; give each word once, and not condition=drawn.")
    rule, weights = parse_rule(compose)
    runs = [load(checkpoint, trust=trust, device=device) for checkpoint in checkpoints]
    having = [isinstance(run.environment, Conditional) for run in runs]
    if asked:  # where none has one, each says so
        runs = [run.under(asked) if has or not any(having) else run for run, has in zip(runs, having, strict=True)]
    made = combine(runs, rule, weights, flows=flows)
    how = {"exact": ", exact flows over all states", "learned": ", learned flows", None: ""}[made.flows]
    click.echo(f"compose: {made.rule.in_words}{how}")
    for words in conditions_in_words(made):
        click.echo(f"condition: {words}")
    return [made]


def _condition_in_words(each: Sequence[Loaded], asked: Asked) -> str:
    """Under which conditions is drawn; "" without one."""
    from molgfn.api.conditions import DRAWN
    from molgfn.environments.conditional import Conditional, fixed_condition, in_words

    environment = each[0].environment
    if not isinstance(environment, Conditional):
        return ""
    if asked == DRAWN:
        return f"{environment.given.name}, drawn for each object as in training"
    if len(each) > 1:
        return f"{len(each)} of them, from {in_words(fixed_condition(environment))} on"
    here = in_words(fixed_condition(environment))
    return here if asked else here + not_asked(next(iter(environment.given.words)))


def own_rewards(loaded: Loaded | Composed, files: Mapping[str, str], instead: str) -> Reward | list[Reward]:
    """The reward of the run, or those of all that are combined; arguments as of ``columns.sampled_reward``."""
    from molgfn.api.columns import sampled_reward
    from molgfn.api.composed import Composed

    if isinstance(loaded, Composed):
        return loaded.rewards(files, instead)
    return sampled_reward(loaded, files, instead)
