"""``molgfn proxy``: train a proxy from a table, and show what one is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.proxies.ensemble import ProxyCard, ProxyEnsemble
    from molgfn.proxies.training import Epoch


@click.group(short_help="Train a proxy from a table, to use as an oracle.")
def proxy() -> None:
    """Proxies: ensembles of graph networks that learn a property from a table of molecules.

    \b
    Examples:
      molgfn proxy fit data.csv --property pIC50 -o proxy.pt
      molgfn proxy info proxy.pt
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
@click.option("--members", type=click.IntRange(2), default=5, show_default=True, help="Networks in the ensemble.")
@click.option("--epochs", type=click.IntRange(1), default=50, show_default=True, help="Passes over the data, at most.")
@click.option("--width", type=click.IntRange(1, 1024), default=64, show_default=True, help="Of atom and bond states.")
@click.option("--layers", type=click.IntRange(1, 32), default=4, show_default=True, help="Rounds of messages.")
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Molecules per step.")
@click.option(
    "--lr", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True, help="Largest learning rate."
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
    "--split",
    type=click.Choice(["random", "scaffold"]),
    default="random",
    show_default=True,
    help="How molecules are held out; scaffold is harder and more honest.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.1,
    show_default=True,
    help="Share for early stopping and calibration.",
)
@click.option("--test", type=click.FloatRange(0, 0.5), default=0.1, show_default=True, help="Share for judging only.")
@click.option(
    "--fingerprints/--no-fingerprints",
    default=True,
    show_default=True,
    help="Keep fingerprints of the training molecules (not their structures), for nearest_similarity.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
def fit(
    table: Path,
    name: str,
    output: Path,
    smiles: str | None,
    direction: Literal["maximise", "minimise"],
    units: str,
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

    \b
    Exit codes: 0 written, 1 training failed, 2 wrong usage, 3 unusable table.
    """
    from molgfn.api.object_files import require_folder

    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; give the name of a file")
    require_folder(output.parent, output)
    from molgfn.proxies.fitting import fit as fit_proxy
    from molgfn.proxies.table import read_property
    from molgfn.proxies.training import FitSettings

    content = read_property(table, name, smiles=smiles)
    click.echo(content.summary())
    for line, why in content.first:
        click.echo(f"{table}, line {line}: {why}", err=True)
    chosen = FitSettings(**settings)
    with _progress(chosen.epochs) as show:
        fitted = fit_proxy(
            content,
            chosen,
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
    from molgfn.proxies.ensemble import ProxyEnsemble

    loaded = ProxyEnsemble.load(file)
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


def _print(fitted: ProxyEnsemble) -> None:
    """What it predicts, and the table of its metrics."""
    from rich.console import Console

    card = fitted.card
    weights = sum(p.numel() for p in fitted.network.parameters())
    units = "" if card.units == "1" else f" {card.units}"
    click.echo(
        f"property: {card.property}, {card.direction}, from {card.low:.4g} to {card.high:.4g}{units} in the data\n"
        f"ensemble: {card.members} members, width {card.width}, {card.layers} layers, {weights:,} weights; "
        f"best epochs {', '.join(map(str, card.settings.get('best_epochs', [])))}"
    )
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    console.print(_table(card))
    click.echo(f"std: of the members, times {card.std_factor:.3g} (fitted on the validation part)")


def _table(card: ProxyCard) -> Any:
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
