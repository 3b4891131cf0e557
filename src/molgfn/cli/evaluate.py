"""``molgfn evaluate``: measure a run or a file of SMILES and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from molgfn.cli.files.given_condition import CONDITION_HELP, WORDS_METAVAR, is_word, not_asked, one_condition
from molgfn.cli.files.given_files import FILE_HELP, given_files
from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.conditions.base import Given
    from molgfn.evaluation.run import Evaluated


@click.command(short_help="Measure a run or a file of SMILES and write a report.")
@click.argument("what", type=click.Path(path_type=Path))
@click.argument("words", nargs=-1, metavar=WORDS_METAVAR)
@click.option("-n", "--number", type=click.IntRange(1), help="Objects to sample; by default as the run's config says.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--reference", type=click.Path(path_type=Path), help="File of SMILES to measure novelty against.")
@click.option("--heldout", type=click.Path(path_type=Path), help="File of molecules to compare log P_T and log R on.")
@click.option("--score-as", type=click.Path(path_type=Path), help="For a SMILES file: the run whose reward scores it.")
@click.option("--condition", "numbers", multiple=True, metavar="NAME=NUMBER", help=CONDITION_HELP)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random streams.")
@click.option("--untrained/--no-untrained", default=True, help="Also sample the untrained policy, to compare with.")
@click.option(
    "--over",
    type=click.IntRange(0),
    metavar="N",
    help="Of a run under a condition: measure N more, spread over what was trained; 0 for none.",
)
@click.option("--device", default="cpu", show_default=True, help="Such as cpu or cuda.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that read a file.")
@click.option("--trust", multiple=True, metavar="CODE", help="Package, file.py or command of yours that the run names.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
def evaluate(
    what: Path,
    words: tuple[str, ...],
    number: int | None,
    output: Path | None,
    reference: Path | None,
    heldout: Path | None,
    score_as: Path | None,
    numbers: tuple[str, ...],
    seed: int,
    untrained: bool,
    over: int | None,
    device: str,
    jobs: int,
    trust: tuple[str, ...],
    files: tuple[str, ...],
) -> None:
    """Measure WHAT (a run folder, a checkpoint, or a file of molecules); print the main numbers and the report's path.

    Metrics, samples and the report go to the folder `evaluation` of the run, or beside the SMILES file to a folder
    with its name and `-evaluation`. With --score-as `scored.csv` has the values of every entry of the file, in its
    order, beside its other columns. A run's own files (tables, proxies, scripts) are checked to be those it was trained
    with; --file says where one is now, or which other one to take. A run that was trained with a function, a class or a
    program of yours runs that code again: --trust names it.

    A run that was trained under a condition is measured under the one that the words name, such as
    condition.temperature=16 or condition.preference=.2,.8; what they do not name has its reference value.

    \b
    Examples:
      molgfn evaluate runs/quickstart-20260102-030405
      molgfn evaluate runs/quickstart-20260102-030405 -n 5000 --reference train.smi
      molgfn evaluate runs/quickstart-20260102-030405 --heldout known_actives.smi
      molgfn evaluate runs/temperature-20260102-030405 condition.temperature=16
      molgfn evaluate runs/mine-20260102-030405 --trust my_oracle.py --file oracle.path=values.csv
      molgfn evaluate molecules.smi --reference train.smi
      molgfn evaluate molecules.smi --score-as runs/quickstart-20260102-030405

    \b
    Exit codes: 0 report written, 1 failed, 2 wrong usage, 3 unusable checkpoint or file.
    """
    if wrong := [word for word in words if not is_word(word)]:
        raise click.UsageError(f"`{wrong[0]}`: after the run come words such as condition.temperature=16.")
    condition = one_condition(words, numbers)
    if what.is_dir() or what.suffix == ".ckpt":
        if score_as is not None:
            raise click.UsageError("--score-as is for a file of SMILES; a run is scored by its own reward.")
        from molgfn.api.evaluating import evaluate as evaluate_run
        from molgfn.cli.progress import shown

        with shown() as show:
            result = evaluate_run(
                what,
                samples=number,
                reference=reference,
                heldout=heldout,
                untrained=untrained,
                seed=seed,
                output=output,
                condition=condition,
                files=given_files(files),
                trust=trust,
                device=device,
                conditions=over,
                progress=show,
            )
    else:
        if over is not None:
            raise click.UsageError("--over is for a run; molecules of a file are looked at under one condition.")
        if number is not None:
            raise click.UsageError("-n is for a run; a file of SMILES is measured whole.")
        if condition and score_as is None:
            raise click.UsageError("a condition is for a run, or the run of --score-as.")
        if heldout is not None:
            raise click.UsageError("--heldout is for a run: a file of SMILES has no log P_T.")
        result = _file(what, output, reference, score_as, jobs, trust, given_files(files), condition)
    from molgfn.cli.main_numbers import evaluated_numbers

    if here := result.evaluation.source.get("condition"):
        from molgfn.environments.conditional import in_words

        values = in_words(here)  # type: ignore[arg-type]
        click.echo(f"condition: {values}" + ("" if condition else not_asked()), err=True)
    for line in evaluated_numbers(result):
        click.echo(line, err=True)
    click.echo(f"report: {result.report}")


def _file(
    what: Path,
    output: Path | None,
    reference: Path | None,
    score_as: Path | None,
    jobs: int,
    trust: tuple[str, ...],
    given: dict[str, str],
    condition: Given,
) -> Evaluated:
    from molgfn.api.evaluating import evaluation_settings, results_folder
    from molgfn.api.own_files import own_reward
    from molgfn.datasets.reading import unfit
    from molgfn.errors import DataError
    from molgfn.evaluation.run import evaluate_molecules
    from molgfn.evaluation.settings import EvaluationSettings
    from molgfn.rewards.under_condition import UnderCondition
    from molgfn.runs.checkpoint import load

    if not what.is_file():
        raise DataError(f"{what}: no such file or folder")
    loaded = load(score_as, trust=trust).under(condition) if score_as is not None else None
    if loaded is not None and (reason := unfit(loaded.environment.kind, "that run")):
        raise ConfigError(f"--score-as: the file {reason}")
    settings = (
        EvaluationSettings(reference=str(reference) if reference else None)
        if loaded is None
        else evaluation_settings(loaded, given, reference=reference)
    )
    reward = None
    if loaded is not None:
        reward = own_reward(loaded.path, loaded.config, loaded.files, trust=loaded.trust, given=given)
        if reward.reads:  # molecules of a file were made under no condition: they are looked at under this one
            here = loaded.environment.condition_values(loaded.environment.initial(1))
            reward = UnderCondition(reward, {name: float(value) for name, value in here.items()})
    folder = results_folder(output or _beside(what), what)
    return evaluate_molecules(what, folder, settings=settings, reward=reward, jobs=jobs)


def _beside(what: Path) -> Path:
    """``gen.T0.5.smi`` -> ``gen.T0.5-evaluation``; with the ending where ``gen.T0.5.csv`` has that one already."""
    from molgfn.api.evaluating import measured_there
    from molgfn.paths import without_ending

    short = what.with_name(f"{without_ending(what.name)}-evaluation")
    return short if measured_there(short, what) is None else what.with_name(f"{what.name}-evaluation")
