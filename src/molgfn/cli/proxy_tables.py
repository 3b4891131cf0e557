"""What ``molgfn proxy`` shows: tables of how good a proxy is, and how far its training has come."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from molgfn.proxies.base import Card, FittedProxy
    from molgfn.proxies.calibration import Calibration
    from molgfn.proxies.classes.metrics import ClassCalibration, ClassMetrics
    from molgfn.proxies.pairs.metrics import PairMetrics
    from molgfn.proxies.training import Epoch


def show(table: Any) -> None:
    """Print a table of rich, at most 120 columns wide where nobody looks."""
    from rich.console import Console

    Console(highlight=False, width=None if Console().is_terminal else 120).print(table)


def calibration_table(parts: dict[str, Calibration]) -> Any:
    """A row for each part."""
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


def print_proxy(fitted: FittedProxy, epochs: int | None = None) -> None:
    """What it predicts, and the table of its metrics; of one just fitted whether more than ``epochs`` may help."""
    card = fitted.card
    units = "" if card.units == "1" else f" {card.units}"
    what = f"from {card.low:.4g} to {card.high:.4g}{units} in the data"
    if card.classes:
        positives, count = (sum(getattr(m, name) for m in card.classes.values()) for name in ("positives", "n"))
        what = f"the probability of label 1, which {positives:,} of {count:,} molecules have"
    click.echo(f"property: {card.property}, {card.direction}, {what}\n{fitted.describe()}")
    show(class_table(card.classes) if card.classes else _numbers(card) if card.metrics else pair_table(card.pairs))
    best = card.settings.get("best_epochs", [])
    if epochs is not None and epochs in best:
        who = f" for {best.count(epochs)} of {len(best)} members" if len(best) > 1 else ""
        click.echo(f"the last epoch was the best{who}: more may help, such as --epochs {2 * epochs}")
    if card.pairs:
        click.echo("std: how far the members are apart, in nats; nothing to calibrate it on")
        return
    if card.classes:
        of = "members" if fitted.uncertainty == "ensemble" else "masks"
        click.echo(f"std: of the probability over the {of}; probabilities are as they were learned, not scaled")
        return
    of = {"ensemble": "of the members", "gp": "of the process and its noise"}.get(
        fitted.uncertainty, "of the masks and the noise"
    )
    click.echo(f"std: {of}, times {card.std_factor:.3g} (fitted on the validation part)")


def _numbers(card: Card) -> Any:
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


def class_table(parts: Mapping[str, ClassMetrics]) -> Any:
    """A row for each part of labels."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("part")
    for name in ("molecules", "label 1", "NLL", "Brier", "ECE", "accuracy", "balanced", "MCC", "AUROC", "AUPRC"):
        table.add_column(name, justify="right")
    for part, m in parts.items():
        numbers = (m.nll, m.brier, m.ece, m.accuracy, m.balanced_accuracy, m.mcc, m.auroc, m.auprc)
        table.add_row(part, f"{m.n:,}", f"{m.positives:,}", *map(_rank, numbers))
    return table


def outside_table(parts: Mapping[str, ClassCalibration]) -> Any:
    """A row for each part of labels: how molecules from outside are told from it."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("OOD AUROC against")
    for name in ("by entropy", "by mutual information"):
        table.add_column(name, justify="right")
    for part, m in parts.items():
        table.add_row(part, _rank(m.ood_auroc_entropy), _rank(m.ood_auroc_information))
    return table


def pair_table(parts: dict[str, PairMetrics]) -> Any:
    """A row for each part of judgements, beside the baselines of size and of a coin."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    table.add_column("part")
    for name in ("judgements", "ties", "accuracy", "by size", "log likelihood", "by size", "of a coin"):
        table.add_column(name, justify="right")
    for part, m in parts.items():
        right = ["-" if math.isnan(x) else f"{x:.1%}" for x in (m.accuracy, m.size_accuracy)]
        likely = [f"{x:.4f}" for x in (m.log_likelihood, m.size_log_likelihood, -math.log(2))]
        table.add_row(part, f"{m.n:,}", f"{m.ties:,}", *right, *likely)
    return table


def _rank(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


@contextmanager
def progress(epochs: int, what: str) -> Iterator[Callable[[Epoch], None]]:
    """A bar over the epochs, with the errors, which are of ``what``; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("epoch"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = TextColumn("{task.description}")
    with Progress(*columns, errors, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=epochs)

        def shown(epoch: Epoch) -> None:
            text = f"{what}: train {epoch.train.mean():.3f}, validation {epoch.validation.mean():.3f}"
            bar.update(task, completed=epoch.number, description=text)

        yield shown
