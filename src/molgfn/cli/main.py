"""The command ``molgfn``: commands load when called, errors are short, exit codes mean something."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from molgfn import __version__
from molgfn.cli.words.command_group import CommandGroup
from molgfn.errors import CheckpointError, ConfigError, DataError, MolgfnError, VocabularyError
from molgfn.signals import interrupting

FINE, FAILED, USAGE, INPUT = 0, 1, 2, 3
#: and the number of the signal, as a shell has it
SIGNALLED = 128
#: what may be wrong with a place where something is written: full, read-only, not allowed, too large
PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG})
#: one message stays under ten lines
MOST_LINES = 8

#: command -> the module that holds it, imported when needed: torch and rdkit take seconds, --help should not
COMMANDS = {
    "train": "Train a GFlowNet from an experiment file.",
    "resume": "Go on with a run that was stopped.",
    "optimise": "Find the best objects with few oracle calls.",
    "sample": "Sample objects from a checkpoint.",
    "evaluate": "Measure a run or a file of SMILES and write a report.",
    "score": "Score a file of molecules with any oracle or reward.",
    "edit": "Change given molecules a little, for the better.",
    "pick": "Pick the best, or diverse, molecules of a file.",
    "compare-molecules": "Say which of two molecules is better, in a local page.",
    "describe": "Explain a component and its parameters.",
    "study": "Run a study: rows x seeds, one table.",
    "fragments": "Build and check fragment vocabularies.",
    "reactions": "Check and build reaction libraries.",
    "data": "List, fetch and inspect sets of molecules.",
    "proxy": "Train a proxy from a table, to use as an oracle.",
}


class Commands(CommandGroup):
    """A group that imports a command's module only when the command is asked for, and turns errors into few lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from molgfn.cli.files.local_path import take_local_paths

        name = cmd_name.replace("-", "_")
        return take_local_paths(getattr(importlib.import_module(f"molgfn.cli.{name}"), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click ends quietly where nobody reads on, as in `molgfn describe objective | head -1`
        except (KeyboardInterrupt, click.Abort) as error:
            click.echo("interrupted", err=True)
            ctx.exit(SIGNALLED + interrupting(error))
        except MolgfnError as error:
            click.echo(_few_lines(error), err=True)
            ctx.exit(exit_code(error))
        except Exception as error:
            if isinstance(error, OSError) and error.errno in PLACE and error.filename is not None:
                click.echo(f"error: {error.filename}: {error.strerror}", err=True)
                ctx.exit(FAILED)
            click.echo(f"error: {type(error).__name__}: {_cut(str(error))}", err=True)
            click.echo("(`molgfn --debug ...` shows where)", err=True)
            ctx.exit(FAILED)


def exit_code(error: MolgfnError) -> int:
    """What the shell is told about an error."""
    if isinstance(error, ConfigError):
        return USAGE
    return INPUT if isinstance(error, (CheckpointError, DataError, VocabularyError)) else FAILED


def _few_lines(error: MolgfnError) -> str:
    if not isinstance(error, ConfigError):
        return f"error: {_cut(str(error))}"
    lines = [line for problem in error.problems for line in problem.splitlines()]
    if len(lines) == 1:
        return f"error: {lines[0]}"
    shown = [f"  {line}" for line in lines[: MOST_LINES if len(lines) <= MOST_LINES else MOST_LINES - 1]]
    more = [f"  ... and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
    return "\n".join([f"error: {len(lines)} problems in the config", *shown, *more])


def _cut(text: str) -> str:
    lines = text.strip().splitlines() or ["(no message)"]
    return "\n".join(lines[:MOST_LINES])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="molgfn")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Molecular generation with GFlowNets: train, sample, evaluate.

    \b
    Examples:
      molgfn train quickstart
      molgfn train my_experiment.yaml objective=db seed=3
      molgfn sample runs/quickstart -n 1000 -o molecules.smi
      molgfn evaluate runs/quickstart
      molgfn describe objective=tb

    \b
    Exit codes:
      0    fine
      1    the run failed
      2    wrong usage or config
      3    an input file or checkpoint that cannot be used
      130  interrupted with Ctrl-C, 143 by SIGTERM, 138 by SIGUSR1 (a training run saves a checkpoint first)
    """
    from molgfn.cli.messages import shown_messages

    context.with_resource(shown_messages())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``molgfn`` script."""
    cli.main(None if arguments is None else list(arguments), prog_name="molgfn")


if __name__ == "__main__":
    sys.exit(main())
