"""``molgfn resume``: a run goes on where it was stopped; the run folder is all that is needed."""

from __future__ import annotations

from pathlib import Path

import click

from molgfn.cli.files.given_files import FILE_HELP, given_files


@click.command(short_help="Go on with a run that was stopped.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="Iterations in all, those behind it included.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
@click.option("--check", "only_check", is_flag=True, help="Check the config, print it composed, and stop.")
def resume(
    run: Path, overrides: tuple[str, ...], iterations: int | None, files: tuple[str, ...], only_check: bool
) -> None:
    """Go on with RUN, a run folder of your own (or a folder of runs: the latest), where its latest checkpoint is.

    On a CPU what comes out is bit for bit what the run would have come to without the stop. The folder may have been
    moved. A run that was stopped before its first checkpoint begins again in its folder. Where the latest checkpoint is
    damaged, the one before it is taken.

    Only trainer.*, scoring.* and logger.* may be overridden.

    \b
    Examples:
      molgfn resume runs/my-20260102-030405
      molgfn resume runs/my-20260102-030405 --iterations 20000
      molgfn resume runs/my-20260102-030405 logger.wandb=off trainer.checkpoint_minutes=2

    \b
    Exit codes: 0 trained, or there was nothing left to do; 1 the run failed, 2 wrong usage or config, 3 unusable
    checkpoint or input file, 130 interrupted with Ctrl-C, 143 by SIGTERM, 138 by SIGUSR1 (a checkpoint was saved).
    """
    from molgfn.cli.train import go_on
    from molgfn.signals import warning_kept

    changes = list(overrides)
    if iterations is not None:
        changes.append(f"trainer.iterations={iterations}")
    with warning_kept():
        go_on(run, changes, given_files(files), only_check)
