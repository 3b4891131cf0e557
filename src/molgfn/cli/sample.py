"""``molgfn sample``: objects from a checkpoint into a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from molgfn.cli.files.given_condition import (
    CONDITION_HELP,
    CONDITIONS_HELP,
    WORDS_METAVAR,
    apart,
    given_conditions,
    molecules_apart,
)
from molgfn.cli.files.given_files import FILE_HELP, given_files
from molgfn.cli.files.several_runs import COMPOSE_HELP, FLOWS_HELP, own_rewards, run_or_composition
from molgfn.cli.words.finite_range import FiniteRange
from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.api.conditions import Asked
    from molgfn.objects.base import ObjectKind


@click.command(short_help="Sample objects from a checkpoint.")
@click.argument("runs_and_words", nargs=-1, required=True, metavar=f"CHECKPOINT... {WORDS_METAVAR}")
@click.option("-n", "--number", type=click.IntRange(1), default=1000, show_default=True, help="Objects to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .smi, .sdf, .csv or .parquet.")
@click.option("--routes", type=click.Path(path_type=Path), help="A .json of how each molecule is made, in order.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random stream.")
@click.option("--unique", is_flag=True, help="Each object once; draws until there are enough different ones.")
@click.option(
    "--temperature",
    type=FiniteRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Above 1 flattens the policy.",
)
@click.option(
    "--values/--no-values",
    default=None,
    help="Score the objects with the run's reward: columns, or tags of an .sdf. Default: yes, but for a .smi.",
)
@click.option(
    "--log-pt-samples",
    type=click.IntRange(0),
    help="Backward trajectories per object for log_pt, log P_T, and its standard error; 0 leaves it out. "
    "Default: 16, but for a .smi.",
)
@click.option("--condition", "numbers", multiple=True, metavar="NAME=NUMBER", help=CONDITION_HELP)
@click.option("--conditions", "table", type=click.Path(path_type=Path), help=CONDITIONS_HELP)
@click.option("--compose", metavar="RULE[:WEIGHT,...]", help=COMPOSE_HELP)
@click.option("--flows", type=click.Choice(["exact", "learned"]), help=FLOWS_HELP)
@click.option("--batch", type=click.IntRange(1), default=256, show_default=True, help="Objects drawn at once.")
@click.option("--device", default="cpu", show_default=True, help="Such as cpu or cuda.")
@click.option("--trust", multiple=True, metavar="CODE", help="Package or file.py of yours whose classes the run names.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=FILE_HELP)
def sample(
    runs_and_words: tuple[str, ...],
    number: int,
    output: Path,
    routes: Path | None,
    seed: int,
    unique: bool,
    temperature: float,
    values: bool | None,
    log_pt_samples: int | None,
    numbers: tuple[str, ...],
    table: Path | None,
    compose: str | None,
    flows: Literal["exact", "learned"] | None,
    batch: int,
    device: str,
    trust: tuple[str, ...],
    files: tuple[str, ...],
) -> None:
    """Sample objects from CHECKPOINT: a checkpoint file, a run folder, or a folder of runs (its latest).

    The checkpoint alone is enough, and nothing in it is run: it may name only classes of molgfn and torch, and of the
    packages given with --trust. Objects that are no valid molecule are counted, not written.

    A run that was trained under a condition samples under the one that the words name: condition.temperature=16,
    condition.preference=.2,.8 (numbers in the order of the objectives); the rest has its reference value. A word that
    is given several times makes a grid: all combinations, -n objects of each, in one file. --conditions takes a list of
    conditions from a file, condition=drawn draws a new one for each object, as in training.

    Beside each object stand the numbers of the condition that it was built under (`beta`), `value` (the property that
    the run's reward is made of), its components, `log_reward`, what the oracle found (such as the names of
    alerts), `problem` where there is no value, and `log_pt` with `log_pt_error`: the log probability that the policy,
    at temperature 1, ends at the object. In an .sdf these are tags. The reward is built from the checkpoint, too, of
    the files that the run was trained with; --file says where one is now, or which other one to take. Where it needs
    what is not here (docking), --no-values goes without.

    Of molecules that are built by reactions, `route` says how each was made, `steps` how many reactions it takes, and
    `cost` what it costs where blocks have prices; --routes writes all of it as JSON, one entry for each molecule.

    A run of shapes of molecules (environment=conformers) draws shapes of the molecule that smiles=... names, be it one
    that it was not trained on; given several times, -n shapes of each. An .sdf then has positions; `weight` is what a
    shape counts for at the run's temperature, `cluster` numbers shapes within .5 A of each other.

    With --compose several runs of one environment are combined at each step, with no further training (mean and mixture
    exactly as far as the flows are exact, the others approximately): columns of run 1, 2 ... end in _1, _2 ..., and
    `log_reward` is what the rule makes of their rewards.

    \b
    Examples:
      molgfn sample runs/quickstart-20260102-030405 -n 1000 -o molecules.smi
      molgfn sample last.ckpt -n 200 --unique -o molecules.csv
      molgfn sample last.ckpt -n 10000 --log-pt-samples 0 -o molecules.parquet
      molgfn sample last.ckpt -n 500 --no-values --log-pt-samples 64 -o probabilities.csv
      molgfn sample last.ckpt --temperature 1.5 --seed 3 -o molecules.sdf
      molgfn sample last.ckpt -n 100 condition.temperature=16 -o molecules.csv
      molgfn sample last.ckpt -n 100 condition.temperature=8 condition.temperature=32 -o grid.csv
      molgfn sample last.ckpt -n 500 condition=drawn -o molecules.csv
      molgfn sample runs/conformers smiles=CCCCO -n 1000 -o conformers.sdf
      molgfn sample runs/reactions -n 100 -o out.csv --routes routes.json
      molgfn sample runs/qed runs/sa --compose mean:.3,.7 -n 1000 -o both.csv

    \b
    Exit codes: 0 written, 1 fewer than asked for, 2 wrong usage, 3 unusable checkpoint.
    """
    from molgfn.api.object_files import require_place

    runs, all_words = apart(runs_and_words)
    molecules, words = molecules_apart(all_words)
    given, asked = given_files(files), given_conditions(words, numbers, table)
    if log_pt_samples == 1:
        raise ConfigError("--log-pt-samples: a standard error takes at least 2; 0 leaves log P_T out")
    if not trust:  # code of one's own may have another kind of object, with formats of its own
        _require_room(output, None, values, log_pt_samples, asked)
    require_place(output)
    from molgfn.api.sampled import require_routes
    from molgfn.api.sampling import sample_from_each
    from molgfn.cli.progress import shown
    from molgfn.environments.conditional import without_condition
    from molgfn.environments.recipes import HasRecipes

    each = run_or_composition(runs, compose, flows, asked, trust=trust, device=device)
    if molecules:
        from molgfn.api.conformers import of_molecules

        each = of_molecules(each, molecules)
    loaded, wanted = each[0], number * len(each)
    if routes is not None:
        require_routes(routes, isinstance(without_condition(loaded.environment), HasRecipes))
    room = _require_room(output, loaded.environment.kind, values, log_pt_samples, asked)
    trajectories = (16 if room else 0) if log_pt_samples is None else log_pt_samples
    scored = values or (values is None and room)
    if given and not scored:
        raise click.UsageError("--file is for the run's reward, and without values there is none.")
    reward = own_rewards(loaded, given, "; --no-values samples without it") if scored else None
    with shown() as show:
        drawn = sample_from_each(
            each,
            reward,
            number,
            seed=seed,
            unique=unique,
            temperature=temperature,
            log_pt_samples=trajectories,
            batch=batch,
            progress=show,
        )
    drawn.save(output)
    if routes is not None:
        drawn.save_routes(routes)
    click.echo(f"{output}: {len(drawn.objects)} objects, {drawn.different} different, from {drawn.draws} draws")
    for problem, count in drawn.invalid.most_common(3):
        click.echo(f"not written: {count} x {problem}", err=True)
    for problem, count in Counter(p for p in drawn.columns.get("problem", []) if p is not None).most_common(3):
        click.echo(f"no value: {count} x {problem}", err=True)
    if len(drawn.objects) < wanted:
        what = "different objects" if unique else "valid objects"
        click.echo(f"error: only {len(drawn.objects)} of {wanted} {what} in {drawn.draws} draws", err=True)
        click.get_current_context().exit(1)


def _require_room(
    output: Path, kind: ObjectKind | None, values: bool | None, log_pt_samples: int | None, asked: Asked
) -> bool:
    """Whether a file of objects of a kind (None: not known yet) has room for what stands beside them.

    Raises:
        ConfigError: it cannot be written, or has no room for what was asked for.
    """
    from molgfn.api.object_files import is_bare, require_format, roomy

    require_format(output, kind)
    bare = is_bare(output, kind)
    if bare and (values or log_pt_samples):
        raise ConfigError(f"{output}: a {output.suffix} has no room for values or log P_T; use {roomy(kind)}")
    if bare and asked is not None and not isinstance(asked, Mapping):
        raise ConfigError(
            f"{output}: a {output.suffix} has no room for the condition of each object; use {roomy(kind)}"
        )
    return not bare
