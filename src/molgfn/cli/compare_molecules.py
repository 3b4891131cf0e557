"""``molgfn compare-molecules``: a person says which of two molecules is better."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.comparing.server import CompareServer
    from molgfn.comparing.session import Session


@click.command(short_help="Say which of two molecules is better, in a local page.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .csv of answers; gone on with.")
@click.option("-n", "--pairs", type=click.IntRange(1), help="Pairs to ask.  [default: 100; all of a table of pairs]")
@click.option("--similar", is_flag=True, help="Pairs of molecules near each other (Tanimoto, ECFP4).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of pairs and sides.")
@click.option("--show", multiple=True, metavar="COLUMN", help="Column (SD tag) to show; any number of.  [default: all]")
@click.option("--blind", is_flag=True, help="Show no column, only the molecules.")
@click.option("--column", help="Column of the SMILES in a table; by default one with such a name.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page; by default a free one.")
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
def compare_molecules(
    file: Path,
    output: Path,
    pairs: int | None,
    similar: bool,
    seed: int,
    show: tuple[str, ...],
    blind: bool,
    column: str | None,
    port: int,
    opened: bool,
) -> None:
    """Show molecules of FILE in pairs, in a local page, and keep which is better: for objective=dpo data=preferences.

    FILE has molecules (.csv, .tsv, .parquet, .sdf, .smi; also .gz), each of which comes equally often, or is a table of
    pairs with the columns left and right (or chosen and rejected, an earlier file of answers). In the page the left
    and right arrow prefer a molecule, the down arrow says that both are equal, s skips, u takes the last answer back.
    Each answer is on the disk before the next pair is shown; the same command goes on where it was, with a larger
    --pairs as well. Answers to another file or seed are refused.

    The page is served to this machine alone, and loads nothing from elsewhere. On another machine:
    ssh -L 8000:127.0.0.1:8000, and --port 8000.

    \b
    Examples:
      molgfn compare-molecules samples.csv -o answers.csv
      molgfn compare-molecules samples.sdf -o answers.csv -n 300 --similar --show qed --show sa
      molgfn compare-molecules library.smi -o anna.csv --seed 1 --blind --open
      molgfn compare-molecules anna.csv -o bernd.csv            (a second judge)

    \b
    Exit codes: 0 all are answered, 1 the port is taken, 2 wrong usage, 3 unusable file, 130 interrupted.
    """
    if output.suffix != ".csv":
        raise ConfigError(f"{output}: answers are kept as .csv; give a name that ends so")
    if show and blind:
        raise ConfigError("--show and --blind: give one of them")
    from filelock import FileLock, Timeout

    from molgfn.api.object_files import require_other, require_place
    from molgfn.comparing.answer_file import AnswerFile
    from molgfn.comparing.material import read_material
    from molgfn.comparing.session import Session

    require_place(output)
    require_other(output, file, "the answers")
    material = read_material(
        file, pairs=pairs, similar=similar, seed=seed, column=column, show=() if blind else show or None
    )
    for reason, count in material.left_out.items():
        click.echo(f"left out: {count:,} x {reason}", err=True)
    lock = FileLock(output.parent / f".{output.name}.lock")
    try:
        with lock.acquire(blocking=False):
            answers = AnswerFile(output, material.source, material.smiles())
            if answers.cut_off:
                click.echo(answers.cut_off, err=True)
            session = Session(material.candidates, material.pairs, answers)
            click.echo(
                f"{output}: {len(answers.answers):,} of {len(material.pairs):,} pairs answered "
                f"({len(material.candidates):,} molecules of {material.rows:,} rows)"
            )
            command = f"molgfn train quickstart objective=dpo data=preferences {_preferences(output)}"
            try:
                if not session.finished:
                    _serve(session, file, output, command, port, opened)
            finally:
                with contextlib.suppress(OSError):  # Windows keeps what is open
                    Path(lock.lock_file).unlink()
    except Timeout:
        raise ConfigError(f"{output}: another process is asking for these answers; end it first") from None
    _say_what_is_there(session, output, command)


def _serve(session: Session, file: Path, output: Path, command: str, port: int, opened: bool) -> None:
    """Serve the page until all is answered and finished, or a signal comes; then ``KeyboardInterrupt`` with it."""
    from molgfn.comparing.page import page
    from molgfn.comparing.server import CompareServer
    from molgfn.signals import handled

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    shown = page(name=file.name, total=len(session.pairs), answers=str(output), command=command)
    try:
        server: CompareServer = CompareServer(session, shown, port)
    except OSError as error:
        click.echo(f"error: --port {port}: {error.strerror or error}; leave it out for a free one", err=True)
        click.get_current_context().exit(1)
    with server, handled(interrupt):
        try:
            click.echo(f"open {server.address}\n(Ctrl-C ends; what was answered is kept)")
            if opened:
                import webbrowser

                webbrowser.open(server.address)
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            session.close()
            if not session.finished:
                count, total = len(session.answers.answers), len(session.pairs)
                click.echo(f"{output}: {count:,} of {total:,} pairs answered; the same command goes on", err=True)
                raise


def _say_what_is_there(session: Session, output: Path, command: str) -> None:
    counts = session.counts()
    click.echo(
        f"{output}: all {len(session.pairs):,} pairs answered: {counts.get('chosen', 0):,} preferences, "
        f"{counts.get('tie', 0):,} ties, {counts.get('skip', 0):,} skipped"
    )
    if counts.get("chosen", 0) + counts.get("tie", 0):
        click.echo(f"train on them: {command}")
    else:
        click.echo("all were skipped: there is nothing to train on; --seed makes other pairs", err=True)


def _preferences(output: Path) -> str:
    return f"data.sources.preferences.pairs={shlex.quote(str(output))}"
