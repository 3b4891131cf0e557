"""``molgfn evaluate``: measure a run or a file of SMILES and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.cli.files.own_files import FILE_HELP, given_files, own_files, own_reward
from molgfn.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from molgfn.checkpoint import Loaded
    from molgfn.evaluation.run import Evaluated


@click.command(short_help="Measure a run or a file of SMILES and write a report.")
@click.argument("what", type=click.Path(path_type=Path))
@click.option("-n", "--number", type=click.IntRange(1), help="Objects to sample; by default as the run's config says.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--reference", type=click.Path(path_type=Path), help="File of SMILES to measure novelty against.")
@click.option("--heldout", type=click.Path(path_type=Path), help="File of molecules to compare log P_T and log R on.")
@click.option("--score-as", type=click.Path(path_type=Path), help="For a SMILES file: the run whose reward scores it.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random streams.")
@click.option("--untrained/--no-untrained", default=True, help="Also sample the untrained policy, to compare with.")
@click.option("--device", default="cpu", show_default=True, help="Such as cpu or cuda.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that read a file.")
@click.option("--trust", multiple=True, metavar="CODE", help="Package, file.py or command of yours that the run names.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
def evaluate(
    what: Path,
    number: int | None,
    output: Path | None,
    reference: Path | None,
    heldout: Path | None,
    score_as: Path | None,
    seed: int,
    untrained: bool,
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

    \b
    Examples:
      molgfn evaluate runs/quickstart-20260102-030405
      molgfn evaluate runs/quickstart-20260102-030405 -n 5000 --reference train.smi
      molgfn evaluate runs/quickstart-20260102-030405 --heldout known_actives.smi
      molgfn evaluate runs/mine-20260102-030405 --trust my_oracle.py --file oracle.path=values.csv
      molgfn evaluate molecules.smi --reference train.smi
      molgfn evaluate molecules.smi --score-as runs/quickstart-20260102-030405

    \b
    Exit codes: 0 report written, 1 failed, 2 wrong usage, 3 unusable checkpoint or file.
    """
    if what.is_dir() or what.suffix == ".ckpt":
        if score_as is not None:
            raise click.UsageError("--score-as is for a file of SMILES; a run is scored by its own reward.")
        result = _run(what, number, output, reference, heldout, seed, untrained, device, trust, given_files(files))
    else:
        if number is not None:
            raise click.UsageError("-n is for a run; a file of SMILES is measured whole.")
        if heldout is not None:
            raise click.UsageError("--heldout is for a run: a file of SMILES has no log P_T.")
        result = _file(what, output, reference, score_as, jobs, trust, given_files(files))
    from molgfn.cli.main_numbers import evaluated_numbers

    for line in evaluated_numbers(result):
        click.echo(line, err=True)
    click.echo(f"report: {result.report}")


def _run(
    what: Path,
    number: int | None,
    output: Path | None,
    reference: Path | None,
    heldout: Path | None,
    seed: int,
    untrained: bool,
    device: str,
    trust: tuple[str, ...],
    given: dict[str, str],
) -> Evaluated:
    from molgfn.checkpoint import load
    from molgfn.cli.progress import shown
    from molgfn.cli.sample import usable_device
    from molgfn.evaluation.run import evaluate_run

    loaded = load(what, trust=trust, device=usable_device(device))
    run = loaded.run
    reward = own_reward(loaded, trust, given)
    settings = _settings(loaded, number, reference, heldout, trust, given)
    folder = _made(output or run / "evaluation", run)
    fresh = _untrained(loaded, trust).to(loaded.policy.device) if untrained else None
    with shown() as show:
        done = evaluate_run(
            run,
            environment=loaded.environment,
            policy=loaded.policy,
            reward=reward,
            settings=settings,
            untrained=fresh,
            seed=seed,
            output=folder,
            name=str(loaded.config.get("name", run.name)),
            progress=show,
        )
    _to_wandb(run, loaded, done, trust)
    return done


def _to_wandb(run: Path, loaded: Loaded, done: Evaluated, trust: tuple[str, ...]) -> None:
    """Into the run's own W&B run, where it has one."""
    from molgfn.config import build
    from molgfn.training.logs.loggers import Loggers

    if not (run / "wandb").is_dir():
        return
    from molgfn.training.logs.wandb_tables import add_evaluation

    node = {"_target_": "molgfn.training.logs.loggers.Loggers", **loaded.config.get("logger", {})}
    try:
        loggers = build(node, Loggers, "logger", untrusted=True, trust=trust)
    except ConfigError as error:  # the evaluation itself is done and written
        click.echo(f"the evaluation is not in the W&B run: {error}", err=True)
        return
    if (run_id := add_evaluation(run, done.evaluation, done.report, loggers)) is not None:
        click.echo(f"Weights & Biases: the evaluation is in run {run_id}", err=True)


def _file(
    what: Path,
    output: Path | None,
    reference: Path | None,
    score_as: Path | None,
    jobs: int,
    trust: tuple[str, ...],
    given: dict[str, str],
) -> Evaluated:
    from molgfn.checkpoint import load
    from molgfn.datasets.reading import unfit
    from molgfn.errors import DataError
    from molgfn.evaluation.run import evaluate_molecules
    from molgfn.evaluation.settings import EvaluationSettings

    if not what.is_file():
        raise DataError(f"{what}: no such file or folder")
    loaded = load(score_as, trust=trust) if score_as is not None else None
    if loaded is not None and (reason := unfit(loaded.environment.kind, "that run")):
        raise ConfigError(f"--score-as: the file {reason}")
    settings = (
        EvaluationSettings(reference=str(reference) if reference else None)
        if loaded is None
        else _settings(loaded, None, reference, None, trust, given)
    )
    reward = own_reward(loaded, trust, given) if loaded is not None else None
    folder = _made(output or _beside(what), what)
    return evaluate_molecules(what, folder, settings=settings, reward=reward, jobs=jobs)


def _beside(what: Path) -> Path:
    """``gen.T0.5.smi`` -> ``gen.T0.5-evaluation``; with the ending where ``gen.T0.5.csv`` has that one already."""
    from molgfn.paths import without_ending

    short = what.with_name(f"{without_ending(what.name)}-evaluation")
    return short if _other(short, what) is None else what.with_name(f"{what.name}-evaluation")


def _other(folder: Path, what: Path) -> str | None:
    """Of what the results in a folder are, where that is not ``what``."""
    import json

    try:
        source = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["source"]
        before = Path(source.get("path") or source["file"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    # results that moved together with what they are of name its old place
    same = before == what.resolve() or (before.name == what.name and not (before.is_absolute() and before.exists()))
    return None if same else str(before)


def _made(folder: Path, what: Path) -> Path:
    if (before := _other(folder, what)) is not None:
        click.echo(f"{folder}: the results of {before} there are replaced", err=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot make this folder for the results ({error.strerror}); use -o") from None
    from molgfn.cli.files.object_files import require_folder

    require_folder(folder, folder)
    return folder


def _settings(
    loaded: Loaded,
    number: int | None,
    reference: Path | None,
    heldout: Path | None,
    trust: tuple[str, ...],
    given: dict[str, str],
) -> Any:
    from molgfn.config import build
    from molgfn.evaluation.settings import EvaluationSettings

    mine = {"samples": number, "reference": reference, "heldout": heldout}
    changed = {k: str(v) if isinstance(v, Path) else v for k, v in mine.items() if v is not None}
    here = {k: v for k, v in loaded.config.get("evaluation", {}).items() if k not in changed}
    own = {k: v for k, v in given.items() if k.startswith("evaluation.")}
    node = own_files({"evaluation": here}, loaded.files, loaded.path, ("evaluation",), own)["evaluation"]
    node = {"_target_": "molgfn.evaluation.settings.EvaluationSettings", **node, **changed}
    try:
        return build(node, EvaluationSettings, "evaluation", untrusted=True, trust=trust)
    except ConfigError as error:
        raise CheckpointError(f"{loaded.path}: the config inside cannot be built\n  {error}") from error


def _untrained(loaded: Loaded, trust: tuple[str, ...]) -> Any:
    """The run's policy as it was before the first step."""
    import torch

    from molgfn.run_policies import PLAIN, run_policy

    torch.manual_seed(int(loaded.config.get("seed", 0)))
    own = {"learned_backward": loaded.policy.learned_backward, "backward_rule": loaded.policy.backward_rule}
    return run_policy(loaded.config, loaded.environment, {**PLAIN, **own}, untrusted=True, trust=trust).eval()
