"""``molgfn score``: a file of molecules through any oracle or reward, into a table."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.cli.files.given_files import FILE_HELP, given_files
from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

if TYPE_CHECKING:
    from molgfn.chemistry.files.reading import Record
    from molgfn.chemistry.molecules import Molecule
    from molgfn.datasets.given import GivenFile

#: columns of every table, which no component may be called
TAKEN = ("smiles", "log_reward", "problem")


@click.command(short_help="Score a file of molecules with any oracle or reward.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .csv or .parquet.")
@click.option(
    "--run", type=click.Path(path_type=Path), help="Score with the reward of this run (its folder, or a checkpoint)."
)
@click.option("--trust", multiple=True, metavar="PACKAGE", help="With --run: package of your own that it may name.")
@click.option("--file", "files", multiple=True, metavar="KEY=PATH", help=f"With --run: {FILE_HELP}")
@click.option("--column", help="Column of the SMILES in a table; by default one with such a name.")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Score, and write, so many molecules at once; few where each takes long.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that parse.")
def score(
    file: Path,
    overrides: tuple[str, ...],
    output: Path,
    run: Path | None,
    trust: tuple[str, ...],
    files: tuple[str, ...],
    column: str | None,
    every: int,
    jobs: int,
) -> None:
    """Score the molecules of FILE (.smi, .csv, .tsv, .sdf, also .gz; .parquet) in their order.

    OVERRIDES choose the oracle, and how it is asked, as in an experiment. The table has a row for every entry of the
    file: `smiles` as it was given, the oracle's value under its name, the values of its components, `log_reward`
    where a reward is chosen, what the oracle found (such as the names of alerts), the other columns of the file (names
    of a .smi, tags of an .sdf; `qed (given)` where the name is taken), and `problem`, the reason where a row has no
    value. With --run oracle and reward are those of a run, the value is called `value`, and OVERRIDES change what is
    below them (scoring.workers=8); its budget of calls and its diversity filter do not count, and its files are checked
    to be those it was trained with (--file says where one is now, or which other one to take). Rows are written as they
    come, to OUTPUT with `.part` at its end until all are there; it stays as CSV where the command is interrupted.

    \b
    Examples:
      molgfn score molecules.smi -o scores.csv
      molgfn score molecules.smi oracle=seh_proxy -o scores.csv
      molgfn score known_actives.csv --run runs/quickstart-20260102-030405 -o scores.csv
      molgfn score library.csv oracle=qed_sa reward=power reward.beta=8 -o scores.parquet
      molgfn score library.smi oracle=vina oracle.receptor=target.pdbqt 'oracle.center=[1,2,3]' \\
        scoring.workers=8 scoring.timeout=60 scoring.disk_cache=true -o affinities.csv
      molgfn describe oracle            (lists the oracles)

    \b
    Exit codes: 0 written, 1 no molecule got a value, 2 wrong usage or config, 3 unusable file, 130 interrupted.
    """
    from molgfn.api.object_files import require_folder
    from molgfn.datasets.given import GivenFile

    if output.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{output}: cannot write `{output.suffix or output.name}`; use .csv or .parquet")
    if output.is_dir():
        raise ConfigError(f"{output}: is a folder; give the name of a file")
    require_folder(output.parent, output)
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    if output.exists() and output.samefile(file):
        raise ConfigError(f"{output}: is the file that is read; give the table another name")
    if trust and run is None:
        raise click.UsageError("--trust is for --run; your own config may name what it likes.")
    if files and run is None:
        raise click.UsageError("--file is for --run; your own config names its files itself.")
    scored = _scored(overrides) if run is None else _scored_by(run, overrides, trust, given_files(files))
    given = GivenFile.survey(file, column=column)
    if not given.entries:
        raise DataError(f"{file}: no line with a SMILES")
    part = _part(output)
    done, values, problems = 0, 0, Counter()
    try:
        with part.open("w", newline="", encoding="utf-8") as stream:
            for rows in _chunks(given, scored, every, jobs):
                rows.to_csv(stream, index=False, header=done == 0)
                stream.flush()
                done += len(rows)
                values += int(rows[scored.name].notna().sum())
                problems.update(rows["problem"].dropna())
    except BaseException:  # an interrupt above all: what is there may have taken hours
        if done:
            click.echo(f"{part}: has the first {done:,} of {given.entries:,} rows", err=True)
        else:
            part.unlink(missing_ok=True)
        raise
    if output.suffix == ".parquet":
        _to_parquet(part, output, scored.columns, given.types)
        part.unlink()
    else:
        os.replace(part, output)
    counters = scored.counters
    of = "" if run is not None else f" of {scored.name}"
    click.echo(
        f"{output}: {given.entries:,} molecules, {values:,} with a value{of}; "
        f"{counters.unique:,} different, {counters.disk:,} from disk, {counters.seconds:.1f} s in the oracle"
    )
    for problem, count in problems.most_common(5):
        click.echo(f"no value: {count:,} x {problem}", err=True)
    if values == 0:
        click.echo("error: no molecule got a value", err=True)
        click.get_current_context().exit(1)


def _part(output: Path) -> Path:
    """A new file for rows until all are there; one of an earlier call, or of one that runs beside, is left alone."""
    first = part = output.with_name(output.name + ".part")
    number = 0
    while True:
        try:
            part.touch(exist_ok=False)
            break
        except FileExistsError:
            number += 1
            part = first.with_name(f"{first.name}.{number}")
    if number:
        click.echo(f"{first} of another call is left as it is; rows go to {part}", err=True)
    return part


def _to_parquet(part: Path, output: Path, numbers: list[str], types: dict[str, Any]) -> None:
    """The finished rows as .parquet, with the types of their columns also where a column is empty."""
    import pandas as pd

    from molgfn.datasets.given import as_given

    table = pd.read_csv(part, dtype=str, keep_default_na=False)
    for name in numbers:
        table[name] = table[name].replace("", "nan").astype(float)  # exact, as not every parser of pandas is
    table["problem"] = table["problem"].astype("string").replace("", pd.NA)
    given = {name: kind for name, kind in types.items() if name not in (*numbers, *TAKEN)}
    table = as_given(table, given)
    table.to_parquet(output, index=False)


def composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    """The checked config that the overrides make of ``configs/score.yaml``: oracle, scoring, and a reward or null.

    Raises:
        ConfigError: with every problem that was found.
    """
    from molgfn.composing.compose import checked
    from molgfn.composing.places import shipped
    from molgfn.config import ROOT

    _require_molecules(_chosen(overrides))
    schema = {
        **{key: ROOT[key] for key in ("oracle", "scoring")},
        "reward": type(ROOT["reward"])(ROOT["reward"].base, ROOT["reward"].live, optional=True),
    }
    return checked(str(shipped("configs") / "score.yaml"), overrides, schema)


def _chosen(overrides: tuple[str, ...]) -> str | None:
    """The name of the oracle's config file, where the overrides choose one."""
    found = [match[1] for text in overrides if (match := re.fullmatch(r"\+*oracle=(\w+)", text))]
    return found[-1] if found else None


def _require_molecules(name: str | None) -> None:
    """Refuse a shipped oracle of other objects; its config may ask for an environment, which there is none of here."""
    import yaml

    from molgfn.class_paths import import_class
    from molgfn.composing.places import shipped

    path = shipped("configs") / "oracle" / f"{name}.yaml"
    if path.is_file():
        kind = import_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"]).kind
        if isinstance(kind, ObjectKind):  # that of a composite is not known before it is built
            _require_kind(str(name), kind)


def _require_kind(name: str, kind: ObjectKind) -> None:
    if kind is not MOLECULE:
        raise ConfigError(
            f"oracle: {name} measures {kind.name} objects, not molecules; `molgfn describe oracle` lists the oracles"
        )


def _scored(overrides: tuple[str, ...]) -> _Scored:
    """By what the overrides choose; the column of values is called as the oracle's config file, else as the oracle."""
    from molgfn.experiment import readings_of, reward_of

    config = composed(overrides)
    name = _chosen(overrides)
    if config.get("reward") is not None:
        return _Scored(_unconditional(reward_of(config, training=True)), None, name)
    return _Scored(None, readings_of(config, training=True), name)


def _scored_by(run: Path, overrides: tuple[str, ...], trust: tuple[str, ...], given: dict[str, str]) -> _Scored:
    """By the reward of a run."""
    from molgfn.api.own_files import own_reward
    from molgfn.checkpoint import KEY, files_of, find, read

    path = find(run)
    content = read(path)
    reward = own_reward(path, content[KEY]["config"], files_of(content), trust=trust, given=given, overrides=overrides)
    if reward.kind is not MOLECULE:
        raise ConfigError(f"--run: {run}: its reward is of {reward.kind.name} objects, not molecules")
    return _Scored(_unconditional(reward), None, "value")


def _unconditional(reward: Any) -> Any:
    """The reward itself; refused where it depends on what molecules of a file do not carry."""
    for name in sorted(reward.reads):
        raise ConfigError(
            f"reward.{name}: {type(reward).__name__} reads the condition `{name}`, which molecules of a file do not "
            f"carry; give it a number, such as reward.{name}=8"
        )
    return reward


class _Scored:
    """An oracle, with its reward if there is one, as a maker of table rows.

    Args:
        reward: asked for values and log R; None for values alone.
        readings: asked where there is no reward.
        name: of the column of values; None, or that of one component among several, for the oracle's own.
    """

    def __init__(self, reward: Any, readings: Any, name: str | None) -> None:
        self.reward, self.readings = reward, readings
        oracle = (reward or readings).oracle
        _require_kind(oracle.name, oracle.kind)
        own = set(oracle.component_names)
        if clash := (own | set(oracle.remark_names)) & set(TAKEN):
            raise ConfigError(f"oracle: {', '.join(sorted(clash))}: a column is called so; rename the component")
        # the only component is the value itself, which is shown once unless it goes by another name
        self._same = own == {oracle.name} and name != "value"
        self._own_name = oracle.name
        self.name: str = oracle.name if name is None or (name in own and not self._same) else name

    @property
    def counters(self) -> Any:
        return (self.reward or self.readings.service).counters

    @property
    def columns(self) -> list[str]:
        """Names of the columns that hold numbers."""
        return [self.name, *self._parts, *(["log_reward"] if self.reward is not None else [])]

    _parts: tuple[str, ...] = ()

    def rows(self, given: GivenFile, records: list[Record], molecules: list[Molecule]) -> Any:
        """A table of the entries and their molecules, in order, with what stands beside them in the file."""
        import numpy as np
        import pandas as pd

        keys = [m.smiles for m in molecules]
        if self.reward is not None:
            scores = self.reward(molecules, keys)
            problems = scores.problems
            value, components = scores.value.numpy(), {k: v.numpy() for k, v in scores.components.items()}
            last = {"log_reward": np.where([p is None for p in problems], scores.log_reward.numpy(), np.nan)}
        else:
            _, reading = self.readings(molecules, keys)
            value, components, problems, last = reading.value, reading.components, reading.problems, {}
        if self._same:
            components = {name: column for name, column in components.items() if name != self._own_name}
        parts = {name: column for name, column in components.items() if name != self.name}
        self._parts = tuple(parts)
        words = (self.reward or self.readings.service).remarks(molecules)
        smiles = [m.smiles if record.block else record.text for record, m in zip(records, molecules, strict=True)]
        own = {"smiles": smiles, self.name: value, **parts, **last, **words, "problem": problems}
        beside = given.beside(records, own)
        return pd.DataFrame({**{k: v for k, v in own.items() if k != "problem"}, **beside, "problem": problems})


def _chunks(given: GivenFile, scored: _Scored, every: int, jobs: int) -> Iterator[Any]:
    """One table after the other, while how far it is is shown."""
    from molgfn.cli.progress import shown

    done = 0
    with shown() as show:
        for records, molecules in given.portions(every, jobs=jobs):
            show(scored.name, done, given.entries)
            yield scored.rows(given, records, molecules)
            done += len(records)
