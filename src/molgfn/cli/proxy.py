"""``molgfn proxy``: train a proxy from a table, show what one is, and judge it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from molgfn.cli.proxy_options import OF_MASKS, OF_PAIRS, OF_PROCESS, of_pairs, require_pairs, require_read
from molgfn.cli.proxy_tables import (
    calibration_table,
    class_table,
    outside_table,
    pair_table,
    print_proxy,
    progress,
    show,
)
from molgfn.cli.words.command_group import CommandGroup
from molgfn.cli.words.finite_range import FiniteRange

if TYPE_CHECKING:
    from molgfn.proxies.base import Uncertainty
    from molgfn.proxies.classes.labels import Task


@click.group(cls=CommandGroup, short_help="Train a proxy from a table, to use as an oracle.")
def proxy() -> None:
    """Proxies: graph networks, or a Gaussian process, that learn a property from a table of molecules.

    \b
    Examples:
      molgfn proxy fit data.csv --property pIC50 -o proxy.pt
      molgfn proxy fit data.csv --property pIC50 --uncertainty gflowout --split scaffold -o proxy.pt
      molgfn proxy fit assay.csv --property active --task classification -o classifier.pt
      molgfn proxy fit --pairs answers.csv -o preference.pt
      molgfn proxy info proxy.pt
      molgfn proxy evaluate proxy.pt data.csv
      molgfn score molecules.smi oracle=proxy oracle.weights=proxy.pt -o scores.csv
      molgfn train my.yaml oracle=proxy oracle.weights=proxy.pt oracle.acquisition=lcb
    """


@proxy.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "--property", "--target", "name", help="Column of the numbers or labels to learn; with --pairs the score's name."
)
@click.option(
    "--task",
    type=click.Choice(["regression", "classification"]),
    default="regression",
    show_default=True,
    help="classification: the column holds labels, 0 and 1, false and true, or inactive and active.",
)
@click.option("--pairs", is_flag=True, help="TABLE holds judgements: which of two molecules is preferred.")
@of_pairs
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File of the proxy to write.")
@click.option("--smiles", help="Column of the SMILES; by default one with such a name.")
@click.option(
    "--direction",
    type=click.Choice(["maximise", "minimise"]),
    default="maximise",
    show_default=True,
    help="Which way of the property, or probability, is better.",
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
    name: str | None,
    task: Task,
    pairs: bool,
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

    With --task classification the column holds labels, and what is fitted is the probability of label 1 (as the
    logarithm of its odds, by maximum likelihood). A cell that is neither a label nor empty is an error, and molecules
    whose rows have both labels are left out. A random split gives each label its share of every part. The table that
    is printed has NLL, Brier score, ECE (ten bins of the probability), accuracies at one half and areas under curves.

    With --pairs each row of TABLE is a judgement of two molecules, as `molgfn compare-molecules` writes them, and what
    is fitted is a score: its differences are the log odds that one is preferred (Bradley and Terry). The table that is
    printed has the share of judgements that it gets right and their mean log likelihood.

    \b
    Examples:
      molgfn proxy fit data.csv --property pIC50 -o proxy.pt
      molgfn proxy fit assay.csv --property active --task classification --split scaffold -o classifier.pt
      molgfn proxy fit --pairs answers.csv --ties drop -o preference.pt
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
    require_read(context, uncertainty)
    require_pairs(context, pairs)
    from molgfn.proxies.fitting import fit as fit_proxy
    from molgfn.proxies.fitting import require_fits
    from molgfn.proxies.kinds import ProcessSettings
    from molgfn.proxies.masks.settings import MaskSettings
    from molgfn.proxies.table import read_property
    from molgfn.proxies.training import FitSettings

    require_fits(task, uncertainty, units)
    own = {key: value for key, value in settings.items() if key not in {*OF_MASKS, *OF_PROCESS, *OF_PAIRS}}
    training = FitSettings(**own)
    of_masks = MaskSettings(conditional=masks == "conditional", **{key: settings[key] for key in OF_MASKS})
    alike: dict[str, Any] = {
        **{"uncertainty": uncertainty, "masks": of_masks, "kind": split, "validation": validation, "test": test},
        **{"fingerprints": fingerprints},
    }
    if pairs:
        from molgfn.proxies.pairs.fitting import fit_pairs
        from molgfn.proxies.pairs.judgements import read_judgements

        judgements = read_judgements(table, **{key: settings[key] for key in OF_PAIRS})
        click.echo(judgements.summary())
        with progress(training.epochs, "nats a pair") as on_epoch:
            fitted = fit_pairs(judgements, training, name=name or "preference", on_epoch=on_epoch, **alike)
    else:
        content = read_property(table, str(name), smiles=smiles, task=task)
        click.echo(content.summary())
        for line, why in content.first:
            click.echo(f"{table}, line {line}: {why}", err=True)
        process = ProcessSettings(seed=training.seed, **{key: settings[key] for key in OF_PROCESS})
        with progress(training.epochs, "error / spread" if task == "regression" else "nats a label") as on_epoch:
            fitted = fit_proxy(
                content, training, process=process, direction=direction, units=units, on_epoch=on_epoch, **alike
            )
    fitted.save(output)
    print_proxy(fitted, training.epochs)
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
    print_proxy(loaded)
    data, made = card.data, card.settings
    what = (
        f"{data.get('pairs'):,} judgements, {data.get('ties'):,} of them ties, "
        f"{data.get('contradicted'):,} contradictory"
        if card.pairs
        else f"{data.get('merged'):,} rows {'averaged into' if card.metrics else 'that say the same as'} others"
    )
    click.echo(
        f"data: {data.get('file')}, sha256 {str(data.get('sha256'))[:12]}, {data.get('rows'):,} rows, "
        f"{data.get('molecules'):,} molecules, {what}"
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
@click.option("--property", "name", help="Column of the numbers or labels; by default the property of the proxy.")
@click.option("--smiles", help="Column of the SMILES; by default one with such a name.")
@click.option(
    "--outside",
    type=click.Path(path_type=Path),
    help="File of molecules unlike those of training: is the proxy less sure of them?",
)
@click.option("--pairs", is_flag=True, help="TABLE holds judgements: which of two molecules is preferred.")
@of_pairs
@click.pass_context
def evaluate(
    context: click.Context,
    file: Path,
    table: Path,
    name: str | None,
    smiles: str | None,
    outside: Path | None,
    pairs: bool,
    **settings: Any,
) -> None:
    """Judge what the proxy in FILE says of how sure it is, on the molecules of TABLE.

    Where TABLE is the file that the proxy was fitted to, each part of its split has a row, of which `test` counts; so
    fit with `--split scaffold` to ask about chemistry that it has not seen. Of another file all molecules are judged.

    NLL is the mean negative log likelihood in nats; ECE the mean difference between the shares of truths in central
    intervals of 5% to 95% and these probabilities; the miscalibration area is that between the curve of these shares
    and the diagonal; OOD AUROC the probability that a molecule of --outside has the larger standard deviation.

    Of a proxy of labels (fit --task classification) ECE is over ten bins of the probability of label 1, and there are
    two OOD AUROC: by the entropy of the label, and by its mutual information with the posterior members.

    With --pairs TABLE is of judgements, and the table is that of `fit --pairs`.

    \b
    Examples:
      molgfn proxy evaluate preference.pt later.csv --pairs
      molgfn proxy evaluate proxy.pt data.csv
      molgfn proxy evaluate proxy.pt later.csv --property pIC50 --outside other_chemistry.smi

    \b
    Exit codes: 0 fine, 3 not a proxy or unusable table.
    """
    from molgfn.chemistry.files.reading import read_molecules
    from molgfn.proxies.classes.evaluating import evaluate_classes
    from molgfn.proxies.evaluating import evaluate as evaluate_proxy
    from molgfn.proxies.loading import load
    from molgfn.proxies.table import read_property

    require_pairs(context, pairs)
    loaded = load(file)
    if pairs:
        from molgfn.proxies.pairs.evaluating import evaluate_pairs
        from molgfn.proxies.pairs.judgements import read_judgements

        judgements = read_judgements(table, **settings)
        click.echo(judgements.summary())
        click.echo(loaded.describe())
        show(pair_table(evaluate_pairs(loaded, judgements)))
        return
    card = loaded.card
    content = read_property(table, name or card.property, smiles=smiles, task=card.task)
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
    if card.task == "classification":
        judged = evaluate_classes(loaded, content, away)
        show(class_table(judged))
        if away is not None:
            show(outside_table(judged))
    else:
        show(calibration_table(evaluate_proxy(loaded, content, away)))
