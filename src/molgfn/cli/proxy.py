"""``molgfn proxy``: train a proxy from a table, show what one is, and judge it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from molgfn.cli.words.command_group import CommandGroup
from molgfn.cli.words.finite_range import FiniteRange
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

if TYPE_CHECKING:
    from molgfn.proxies.base import Card, FittedProxy, Uncertainty
    from molgfn.proxies.calibration import Calibration
    from molgfn.proxies.training import Epoch


@click.group(cls=CommandGroup, short_help="Train a proxy from a table, to use as an oracle.")
def proxy() -> None:
    """Proxies: graph networks, or a Gaussian process, that learn a property from a table of molecules.

    \b
    Examples:
      molgfn proxy fit data.csv --property pIC50 -o proxy.pt
      molgfn proxy fit data.csv --property pIC50 --uncertainty gflowout --split scaffold -o proxy.pt
      molgfn proxy info proxy.pt
      molgfn proxy evaluate proxy.pt data.csv
      molgfn score molecules.smi oracle=proxy oracle.weights=proxy.pt -o scores.csv
      molgfn train my.yaml oracle=proxy oracle.weights=proxy.pt oracle.acquisition=lcb
    """


@proxy.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--property", "--target", "name", required=True, help="Column of the numbers to learn.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File of the proxy to write.")
@click.option("--smiles", help="Column of the SMILES; by default one with such a name.")
@click.option(
    "--direction",
    type=click.Choice(["maximise", "minimise"]),
    default="maximise",
    show_default=True,
    help="Which way of the property is better.",
)
@click.option("--units", default="1", show_default=True, help="Of the property; 1 for none.")
@click.option(
    "--uncertainty",
    type=click.Choice(["ensemble", "mc_dropout", "gflowout", "gp"]),
    default="ensemble",
    show_default=True,
    help="What says how sure it is: networks that disagree, dropout, the posterior over dropout masks, a process.",
)
@click.option("--members", type=click.IntRange(2), default=5, show_default=True, help="Networks in the ensemble.")
@click.option("--epochs", type=click.IntRange(1), default=50, show_default=True, help="Passes over the data, at most.")
@click.option("--width", type=click.IntRange(1, 1024), default=64, show_default=True, help="Of atom and bond states.")
@click.option("--layers", type=click.IntRange(1, 32), default=4, show_default=True, help="Rounds of messages.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Molecules per step.")
@click.option(
    "--lr", type=FiniteRange(0, 1, min_open=True), default=1e-3, show_default=True, help="Largest learning rate."
)
@click.option(
    "--patience",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Epochs without a better validation error after which a member stops.",
)
@click.option(
    "--bootstrap/--no-bootstrap",
    default=False,
    show_default=True,
    help="Give each member its own sample of the molecules.",
)
@click.option(
    "--rate",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="mc_dropout, gflowout: probability that a unit of the last two layers is dropped.",
)
@click.option(
    "--samples",
    type=click.IntRange(2),
    default=64,
    show_default=True,
    help="mc_dropout, gflowout: masks of a prediction; gp: joint draws.",
)
@click.option(
    "--masks",
    type=click.Choice(["conditional", "unconditional"]),
    default="conditional",
    show_default=True,
    help="gflowout: masks that depend on the molecule, or the same for all.",
)
@click.option(
    "--beta",
    type=FiniteRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="gflowout: power of the likelihood; below 1 the posterior is broader.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=1000, show_default=True, help="gflowout: steps of trajectory balance."
)
@click.option("--radius", type=click.IntRange(0, 6), default=3, show_default=True, help="gp: of Morgan environments.")
@click.option(
    "--split",
    type=click.Choice(["random", "scaffold"]),
    default="random",
    show_default=True,
    help="How molecules are held out; scaffold is harder and more honest.",
)
@click.option(
    "--validation",
    type=FiniteRange(0, 0.5, min_open=True),
    default=0.1,
    show_default=True,
    help="Share for early stopping and calibration.",
)
@click.option("--test", type=FiniteRange(0, 0.5), default=0.1, show_default=True, help="Share for judging only.")
@click.option(
    "--fingerprints/--no-fingerprints",
    default=True,
    show_default=True,
    help="Keep fingerprints of the training molecules (not their structures), for nearest_similarity.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.pass_context
def fit(
    context: click.Context,
    table: Path,
    name: str,
    output: Path,
    smiles: str | None,
    direction: Literal["maximise", "minimise"],
    units: str,
    uncertainty: Uncertainty,
    masks: Literal["conditional", "unconditional"],
    split: Literal["random", "scaffold"],
    validation: float,
    test: float,
    fingerprints: bool,
    **settings: Any,
) -> None:
    """Train a proxy on TABLE (.csv, .tsv or .parquet, also .gz) and write it to one file.

    Rows without a molecule or a number are left out and counted, rows of one molecule are averaged. The table that is
    printed has the error on molecules that training saw, on those that stopped it, and on those that it never saw;
    and whether the stated standard deviations are right: `std` should be near RMSE, and about 68% and 95% of the
    truths should lie within one and two of them.

    \b
    Examples:
      molgfn proxy fit data.csv --property pIC50 -o proxy.pt
      molgfn proxy fit data.parquet --property affinity --direction minimise --units kcal/mol \\
        --split scaffold --members 10 -o affinity.pt
      molgfn proxy fit data.csv --property pIC50 --uncertainty gflowout --rate 0.2 -o masks.pt
      molgfn proxy fit data.csv --property pIC50 --uncertainty gp -o process.pt

    \b
    Exit codes: 0 written, 1 training failed, 2 wrong usage, 3 unusable table.
    """
    from molgfn.api.object_files import require_other, require_place

    require_place(output)
    require_other(output, table, "the proxy")
    _require_read(context, uncertainty)
    from molgfn.proxies.fitting import fit as fit_proxy
    from molgfn.proxies.kinds import ProcessSettings
    from molgfn.proxies.masks.settings import MaskSettings
    from molgfn.proxies.table import read_property
    from molgfn.proxies.training import FitSettings

    content = read_property(table, name, smiles=smiles)
    click.echo(content.summary())
    for line, why in content.first:
        click.echo(f"{table}, line {line}: {why}", err=True)
    own = {name: value for name, value in settings.items() if name not in {*OF_MASKS, *OF_PROCESS}}
    chosen = FitSettings(**own)
    with _progress(chosen.epochs) as show:
        fitted = fit_proxy(
            content,
            chosen,
            uncertainty=uncertainty,
            masks=MaskSettings(conditional=masks == "conditional", **{name: settings[name] for name in OF_MASKS}),
            process=ProcessSettings(seed=chosen.seed, **{name: settings[name] for name in OF_PROCESS}),
            kind=split,
            validation=validation,
            test=test,
            direction=direction,
            units=units,
            fingerprints=fingerprints,
            on_epoch=show,
        )
    fitted.save(output)
    _print(fitted)
    click.echo(f"proxy: {output}")
    click.echo(f"use it: molgfn train ... oracle=proxy oracle.weights={output}")


@proxy.command()
@click.argument("file", type=click.Path(path_type=Path))
def info(file: Path) -> None:
    """Show what the proxy in FILE predicts, how good it is, and what it was trained on.

    \b
    Examples:
      molgfn proxy info proxy.pt

    \b
    Exit codes: 0 fine, 3 not a proxy.
    """
    from molgfn.proxies.loading import load

    loaded = load(file)
    card = loaded.card
    _print(loaded)
    data, made = card.data, card.settings
    click.echo(
        f"data: {data.get('file')}, sha256 {str(data.get('sha256'))[:12]}, {data.get('rows'):,} rows, "
        f"{data.get('molecules'):,} molecules, {data.get('merged'):,} rows averaged into others"
    )
    for reason, count in data.get("left_out", {}).items():
        click.echo(f"left out: {count:,} x {reason}")
    kept = "none kept" if loaded.training is None else f"of {len(loaded.training):,} training molecules"
    click.echo(f"fingerprints: {kept}")
    click.echo(f"settings: {', '.join(f'{key} {value}' for key, value in made.items())}")
    click.echo(f"made by: molgfn {card.made_by}")


@proxy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--property", "name", help="Column of the numbers; by default the property of the proxy.")
@click.option("--smiles", help="Column of the SMILES; by default one with such a name.")
@click.option(
    "--outside",
    type=click.Path(path_type=Path),
    help="File of molecules unlike those of training: are their standard deviations larger?",
)
def evaluate(file: Path, table: Path, name: str | None, smiles: str | None, outside: Path | None) -> None:
    """Judge what the proxy in FILE says of how sure it is, on the molecules of TABLE.

    Where TABLE is the file that the proxy was fitted to, each part of its split has a row, of which `test` counts; so
    fit with `--split scaffold` to ask about chemistry that it has not seen. Of another file all molecules are judged.

    NLL is the mean negative log likelihood in nats; ECE the mean difference between the shares of truths in central
    intervals of 5% to 95% and these probabilities; the miscalibration area is that between the curve of these shares
    and the diagonal; OOD AUROC the probability that a molecule of --outside has the larger standard deviation.

    \b
    Examples:
      molgfn proxy evaluate proxy.pt data.csv
      molgfn proxy evaluate proxy.pt later.csv --property pIC50 --outside other_chemistry.smi

    \b
    Exit codes: 0 fine, 3 not a proxy or unusable table.
    """
    from molgfn.chemistry.files.reading import read_molecules
    from molgfn.proxies.evaluating import evaluate as evaluate_proxy
    from molgfn.proxies.loading import load
    from molgfn.proxies.table import read_property

    loaded = load(file)
    content = read_property(table, name or loaded.card.property, smiles=smiles)
    click.echo(content.summary())
    for line, why in content.first:
        click.echo(f"{table}, line {line}: {why}", err=True)
    away = None
    if outside is not None:
        found = read_molecules(outside)
        away = [molecule.mol for molecule in found.molecules if molecule.mol is not None]
        click.echo(f"{outside}: {len(away):,} molecules from outside, {len(found.problems):,} left out")
        for line, why in found.problems[:5]:
            click.echo(f"{outside}, line {line}: {why}", err=True)
    click.echo(loaded.describe())
    _show(_calibration_table(evaluate_proxy(loaded, content, away)))


def _require_read(context: click.Context, uncertainty: str) -> None:
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


def _show(table: Any) -> None:
    from rich.console import Console

    Console(highlight=False, width=None if Console().is_terminal else 120).print(table)


def _calibration_table(parts: dict[str, Calibration]) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("part")
    for name in ("molecules", "RMSE", "NLL", "ECE", "miscalibration area", "OOD AUROC"):
        table.add_column(name, justify="right")
    for part, c in parts.items():
        errors = [f"{x:.3f}" for x in (c.nll, c.ece, c.miscalibration_area)]
        table.add_row(part, f"{c.n:,}", f"{c.rmse:.4g}", *errors, _rank(c.ood_auroc))
    return table


def _print(fitted: FittedProxy) -> None:
    """What it predicts, and the table of its metrics."""
    card = fitted.card
    units = "" if card.units == "1" else f" {card.units}"
    click.echo(
        f"property: {card.property}, {card.direction}, from {card.low:.4g} to {card.high:.4g}{units} in the data\n"
        f"{fitted.describe()}"
    )
    _show(_table(card))
    of = {"ensemble": "of the members", "gp": "of the process and its noise"}.get(
        fitted.uncertainty, "of the masks and the noise"
    )
    click.echo(f"std: {of}, times {card.std_factor:.3g} (fitted on the validation part)")


def _table(card: Card) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("part")
    for name in ("molecules", "RMSE", "MAE", "R2", "Spearman", "std", "in 1 std", "in 2 std", "std ~ error"):
        table.add_column(name, justify="right")
    for part, m in card.metrics.items():
        sizes = [f"{x:.4g}" for x in (m.rmse, m.mae)]
        shares = [f"{x:.1%}" for x in (m.within_one, m.within_two)]
        ranks = [_rank(x) for x in (m.r2, m.spearman, m.std_spearman)]
        table.add_row(part, f"{m.n:,}", *sizes, *ranks[:2], f"{m.std:.4g}", *shares, ranks[2])
    return table


def _rank(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


@contextmanager
def _progress(epochs: int) -> Iterator[Callable[[Epoch], None]]:
    """A bar over the epochs, with the errors; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("epoch"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = TextColumn("{task.description}")
    with Progress(*columns, errors, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=epochs)

        def show(epoch: Epoch) -> None:
            text = f"error / spread: train {epoch.train.mean():.3f}, validation {epoch.validation.mean():.3f}"
            progress.update(task, completed=epoch.number, description=text)

        yield show
