"""Which options of ``molgfn proxy`` belong together, and those that were given in vain."""

from __future__ import annotations

from typing import Any

import click

from molgfn.errors import ConfigError

#: options of ``fit`` -> the kinds of uncertainty that read them; all others are read by every kind
READ_BY = {
    **dict.fromkeys(("members", "bootstrap"), ("ensemble",)),
    **dict.fromkeys(("epochs", "width", "layers", "batch", "lr", "patience"), ("ensemble", "mc_dropout", "gflowout")),
    "rate": ("mc_dropout", "gflowout"),
    "samples": ("mc_dropout", "gflowout", "gp"),
    **dict.fromkeys(("masks", "beta", "steps"), ("gflowout",)),
    "radius": ("gp",),
}
#: options that are not of the training of networks
OF_MASKS, OF_PROCESS = ("rate", "samples", "beta", "steps"), ("samples", "radius")
#: options that are read with --pairs alone, and those that are not read with it
OF_PAIRS, OF_NUMBERS = (
    ("chosen", "rejected", "answer", "weight", "ties", "contradictory"),
    ("smiles", "direction", "units", "task"),
)


def of_pairs(command: Any) -> Any:
    """The options of --pairs."""
    options = (
        click.option("--chosen", default="chosen", show_default=True, help="--pairs: column of the preferred."),
        click.option("--rejected", default="rejected", show_default=True, help="--pairs: column of the others."),
        click.option(
            "--answer",
            default="answer",
            show_default=True,
            help="--pairs: column of answers where there is one: chosen, tie, skip, or a number from 0 to 1.",
        ),
        click.option("--weight", help="--pairs: column of weights, numbers above 0; by default each row weighs 1."),
        click.option(
            "--ties",
            type=click.Choice(["half", "drop"]),
            default="half",
            show_default=True,
            help="--pairs: a tie is half a judgement for each, or is left out.",
        ),
        click.option(
            "--contradictory",
            type=click.Choice(["keep", "drop"]),
            default="keep",
            show_default=True,
            help="--pairs: what was judged both ways has votes for both, or is left out.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def require_pairs(context: click.Context, pairs: bool) -> None:
    """Refuse options of the other kind of table, and a table of numbers without their column."""
    given = click.core.ParameterSource.COMMANDLINE
    others = (*OF_NUMBERS, "outside") if pairs else OF_PAIRS
    wrong = [name for name in others if context.get_parameter_source(name) == given]
    if wrong:
        which = "not read with" if pairs else "read only with"
        raise ConfigError("; ".join(f"--{name} is {which} --pairs" for name in wrong))
    if not pairs and context.info_name == "fit" and not context.params["name"]:
        raise ConfigError(
            "give --property, the column of the numbers or labels to learn, or --pairs for a table of judgements"
        )


def require_read(context: click.Context, uncertainty: str) -> None:
    """Refuse options that were given although this kind of uncertainty does not read them."""
    given = click.core.ParameterSource.COMMANDLINE
    wrong = [
        name
        for name, kinds in READ_BY.items()
        if uncertainty not in kinds and context.get_parameter_source(name) == given
    ]
    if wrong:
        raise ConfigError(
            "; ".join(
                f"--{name} is for {', '.join(READ_BY[name])}, not for --uncertainty {uncertainty}" for name in wrong
            )
        )
