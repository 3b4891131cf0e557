"""``molgfn train``: compose, check, train; grids run one after the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from molgfn.cli.attended import attended
from molgfn.cli.files.given_files import FILE_HELP, given_files


@click.command(short_help="Train a GFlowNet from an experiment file.")
@click.argument("experiment", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-m", "--multirun", is_flag=True, help="Run a grid (seed=1,2), one run after the other.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="The same as `molgfn resume`.",
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

    \b
    Exit codes: 0 trained, 1 the run failed, 2 wrong usage or config, 3 unusable input file or checkpoint,
    130 interrupted with Ctrl-C, 143 by SIGTERM, 138 by SIGUSR1 (a checkpoint was saved; `molgfn resume` goes on).
    """
    from molgfn.signals import warning_kept

    with warning_kept():
        _train(experiment, overrides, resume, multirun, files, label, only_check)


def _train(
    experiment: str | None,
    overrides: tuple[str, ...],
    resume: Path | None,
    multirun: bool,
    files: tuple[str, ...],
    label: str | None,
    only_check: bool,
) -> None:
    """What ``molgfn train`` does with its command line."""
    if resume is not None:
        if multirun:
            raise click.UsageError("--resume goes on with one run; it cannot be combined with -m.")
        from molgfn.api.training import resumed

        changes = [*([experiment] if experiment else []), *overrides]
        carry_out(*resumed(resume, changes, given_files(files)), only_check)
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
    from molgfn.experiment.requeueing import run_of_job

    config = checked(experiment, overrides)
    if not only_check and (begun := run_of_job(config)) is not None:  # before this job was put back into the queue
        click.echo(f"this job goes on with its run: {begun}", err=True)
        go_on(begun)
        return
    carry_out(config, None, only_check, label, borrowed=_borrowed(overrides))


def go_on(
    run: Path, changes: Sequence[str] = (), given: Mapping[str, str] | None = None, only_check: bool = False
) -> None:
    """Go on with a run; where nothing is left to do, say how it would go on, which is no failure.

    Args:
        run: as of ``api.training.resumed``.
        changes: overrides.
        given: files.
        only_check: print the config instead.
    """
    from molgfn.api.training import FinishedError, resumed

    try:
        config, place = resumed(run, changes, given)
    except FinishedError as error:
        click.echo(str(error), err=True)
        return
    carry_out(config, place, only_check)


def _borrowed(overrides: tuple[str, ...]) -> bool:
    """Whether the reward is still the one that the experiment has for another oracle."""
    keys = [o.lstrip("+").split("=")[0] for o in overrides]
    return "oracle" in keys and not any(key == "reward" or key.startswith("reward.") for key in keys)


def carry_out(
    config: dict[str, Any], resume: Path | None, only_check: bool, label: str | None = None, borrowed: bool = False
) -> None:
    """Train what a checked config describes, say what came of it, and end with the exit code that tells.

    Args:
        config: composed.
        resume: see ``experiment.train``.
        only_check: print the config instead.
        label: see ``experiment.train``.
        borrowed: the reward was made for another oracle.
    """
    from molgfn.cli.main import SIGNALLED
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
    wanted, spent = result.experiment.trainer.iterations, result.experiment.reward.spent
    over = spent or result.ended is not None
    interrupted = result.signal is not None and result.iteration < wanted and not over
    if not result.experiment.ranks.first:  # of several processes that a launcher started, the first says it
        code = SIGNALLED + (result.signal or 0) if interrupted else int(result.iteration < wanted and not over)
        click.get_current_context().exit(code)
    click.echo(f"run folder: {result.folder}")
    if interrupted:
        click.echo(f"interrupted; go on with: molgfn resume {result.folder}", err=True)
        click.get_current_context().exit(SIGNALLED + (result.signal or 0))
    for line in main_numbers(result.metrics, result.experiment.reward.scored):
        click.echo(line, err=True)
    if spent:
        calls = result.experiment.reward.counters.unique
        click.echo(f"the budget of {calls:,} oracle calls was spent after {result.iteration} iterations")
    elif result.ended is not None:
        click.echo(f"{result.ended} were spent after {result.iteration} iterations")
    elif result.iteration < wanted:
        click.echo(f"error: training ended after {result.iteration} of {wanted} iterations", err=True)
        click.get_current_context().exit(1)


def _grid(experiment: str, overrides: tuple[str, ...], only_check: bool) -> None:
    """Each point of the grid in a process of its own, so that none inherits anything from the one before."""
    from molgfn.cli.main import SIGNALLED
    from molgfn.composing.compose import checked, expand
    from molgfn.signals import SIGNALS

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
        code = attended(command)
        if code in {SIGNALLED + number for number in SIGNALS}:
            click.get_current_context().exit(code)
        if code:
            failed.append(f"run {number} ({changed}) ended with exit code {code}")
    if failed:
        click.echo("\n".join(failed), err=True)
        click.get_current_context().exit(1)
