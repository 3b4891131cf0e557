"""``molgfn train``: compose, check, train; grids run one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from molgfn.cli.files.given_files import FILE_HELP, given_files


@click.command(short_help="Train a GFlowNet from an experiment file.")
@click.argument("experiment", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-m", "--multirun", is_flag=True, help="Run a grid (seed=1,2), one run after the other.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Run folder or checkpoint of your own to go on from, without an experiment; only trainer.* and scoring.* "
    "may be overridden.",
)
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
@click.option("--label", hidden=True, help="What tells a run of a grid from the others.")
@click.option("--check", "only_check", is_flag=True, help="Check the config, print it composed, and stop.")
def train(
    experiment: str | None,
    overrides: tuple[str, ...],
    multirun: bool,
    resume: Path | None,
    files: tuple[str, ...],
    label: str | None,
    only_check: bool,
) -> None:
    """Train a GFlowNet from an EXPERIMENT file, or a shipped one by name, with any value overridden.

    An experiment is a YAML file anywhere that says how it differs from the base config:

    \b
      defaults:
        - train
        - override /objective: db
        - _self_
      environment:
        max_fragments: 6

    It may start from another experiment instead of `train`: `quickstart`, or a file such as `../other.yaml`. Files that
    it names are looked for beside it, then in the current folder; those in an override the other way round.

    Everything is checked before the first step. A component is chosen by the name of its file (objective=db; `molgfn
    describe objective` lists them), also one of a folder of yours (searchpath=FOLDER objective=mine for
    FOLDER/objective/mine.yaml); a class of your own by `package.module.Class` or `file.py:Class` in `_target_`,
    which replaces the component that was there with all of its parameters. The runs of a grid (-m) carry in their
    folder's name what tells them apart.

    \b
    Examples:
      molgfn train quickstart
      molgfn train quickstart objective=subtb objective.lambda_=0.8 seed=1
      molgfn train my.yaml output=elsewhere
      molgfn train my.yaml objective=tb,db seed=0,1,2 -m
      molgfn train my.yaml --check
      molgfn train --resume runs/my-20260102-030405
      molgfn train --resume runs/my-20260102-030405 trainer.iterations=20000

    \b
    Exit codes: 0 trained, 1 the run failed, 2 wrong usage or config, 3 unusable input file or checkpoint,
    130 interrupted with Ctrl-C (a checkpoint was saved).
    """
    if resume is not None:
        _resume(resume, [*([experiment] if experiment else []), *overrides], only_check, multirun, given_files(files))
        return
    if files:
        raise click.UsageError("--file is for --resume: a new run names its files in its config.")
    if experiment is None:
        raise click.UsageError("which experiment? Give a .yaml file, or a shipped name such as `quickstart`.")
    if "=" in experiment:
        raise click.UsageError(f"the experiment file comes first, before `{experiment}`.")
    if multirun:
        _grid(experiment, overrides, only_check)
        return
    from molgfn.composing.compose import checked

    config = checked(experiment, overrides)
    _go(config, None, only_check, label, borrowed=_borrowed(overrides))


def _borrowed(overrides: tuple[str, ...]) -> bool:
    """Whether the reward is still the one that the experiment has for another oracle."""
    keys = [o.lstrip("+").split("=")[0] for o in overrides]
    return "oracle" in keys and not any(key == "reward" or key.startswith("reward.") for key in keys)


def _go(
    config: dict[str, Any], resume: Path | None, only_check: bool, label: str | None = None, borrowed: bool = False
) -> None:
    from molgfn.cli.main_numbers import main_numbers
    from molgfn.experiment import assemble
    from molgfn.experiment import train as run

    if only_check:
        assemble(config)
        click.echo(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), nl=False)
        return
    if borrowed:
        click.echo(
            "note: reward.* is what the experiment has for its own oracle; reward.beta and the like fit it to this one",
            err=True,
        )
    result = run(config, resume=resume, label=label)
    click.echo(f"run folder: {result.folder}")
    if result.interrupted:
        click.echo(f"interrupted; go on with: molgfn train --resume {result.folder}", err=True)
        click.get_current_context().exit(130)
    for line in main_numbers(result.metrics, result.experiment.reward.scored):
        click.echo(line, err=True)
    wanted = result.experiment.trainer.iterations
    if result.experiment.reward.spent:
        calls = result.experiment.reward.counters.unique
        click.echo(f"the budget of {calls:,} oracle calls was spent after {result.iteration} iterations")
    elif result.iteration < wanted:
        click.echo(f"error: training ended after {result.iteration} of {wanted} iterations", err=True)
        click.get_current_context().exit(1)


def _resume(place: Path, overrides: list[str], only_check: bool, multirun: bool, given: dict[str, str]) -> None:
    if multirun:
        raise click.UsageError("--resume goes on with one run; it cannot be combined with -m.")
    from molgfn.api.training import resumed

    config, path = resumed(place, overrides, given)
    _go(config, path, only_check)


def _grid(experiment: str, overrides: tuple[str, ...], only_check: bool) -> None:
    """Each point of the grid in a process of its own, so that none inherits anything from the one before."""
    from molgfn.composing.compose import checked, expand

    jobs = expand(overrides, experiment)
    for job in jobs:
        checked(experiment, job)  # all are checked before the first one starts
    failed = []
    for number, job in enumerate(jobs, start=1):
        changed = " ".join(o for o, line in zip(job, overrides, strict=True) if o != line)
        click.echo(f"[{number}/{len(jobs)}] {changed}")
        if only_check:
            continue
        label = ["--label", changed] if changed else []
        command = [sys.executable, "-m", "molgfn.cli.main", "train", experiment, *label, "--", *job]
        code = subprocess.run(command, check=False).returncode
        if code == 130:
            click.get_current_context().exit(130)
        if code:
            failed.append(f"run {number} ({changed}) ended with exit code {code}")
    if failed:
        click.echo("\n".join(failed), err=True)
        click.get_current_context().exit(1)
