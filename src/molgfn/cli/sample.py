"""``molgfn sample``: objects from a checkpoint into a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.errors import ConfigError

if TYPE_CHECKING:
    from molgfn.checkpoint import Loaded
    from molgfn.objects.base import ObjectKind

#: draws per wanted object after which sampling gives up finding more
MOST_DRAWS = 20


@click.command(short_help="Sample objects from a checkpoint.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("-n", "--number", type=click.IntRange(1), default=1000, show_default=True, help="Objects to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .smi, .sdf, .csv or .parquet.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random stream.")
@click.option("--unique", is_flag=True, help="Each object once; draws until there are enough different ones.")
@click.option(
    "--temperature",
    type=click.FloatRange(0, min_open=True),
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
@click.option("--batch", type=click.IntRange(1), default=256, show_default=True, help="Objects drawn at once.")
@click.option("--device", default="cpu", show_default=True, help="Such as cpu or cuda.")
@click.option("--trust", multiple=True, metavar="CODE", help="Package or file.py of yours whose classes the run names.")
def sample(
    checkpoint: Path,
    number: int,
    output: Path,
    seed: int,
    unique: bool,
    temperature: float,
    values: bool | None,
    log_pt_samples: int | None,
    batch: int,
    device: str,
    trust: tuple[str, ...],
) -> None:
    """Sample objects from CHECKPOINT: a checkpoint file, a run folder, or a folder of runs (its latest).

    The checkpoint alone is enough, and nothing in it is run: it may name only classes of molgfn and torch, and of the
    packages given with --trust. Objects that are no valid molecule are counted, not written.

    Beside each object stand `value` (the property that the run's reward is made of), its components, `log_reward`, what
    the oracle found (such as the names of alerts), `problem` where there is no value, and `log_pt` with `log_pt_error`:
    the log probability that the policy, at temperature 1, ends at the object. In an .sdf these are tags. The reward is
    built from the checkpoint, too; where it needs what is not here (docking, a proxy's file), --no-values goes without.

    \b
    Examples:
      molgfn sample runs/quickstart-20260102-030405 -n 1000 -o molecules.smi
      molgfn sample last.ckpt -n 200 --unique -o molecules.csv
      molgfn sample last.ckpt -n 10000 --log-pt-samples 0 -o molecules.parquet
      molgfn sample last.ckpt -n 500 --no-values --log-pt-samples 64 -o probabilities.csv
      molgfn sample last.ckpt --temperature 1.5 --seed 3 -o molecules.sdf

    \b
    Exit codes: 0 written, 1 fewer than asked for, 2 wrong usage, 3 unusable checkpoint.
    """
    from molgfn.cli.files.object_files import require_place, write_objects

    if log_pt_samples == 1:
        raise ConfigError("--log-pt-samples: a standard error takes at least 2; 0 leaves log P_T out")
    if not trust:  # code of one's own may have another kind of object, with formats of its own
        _require_room(output, None, values, log_pt_samples)
    require_place(output)
    from molgfn.checkpoint import load

    loaded = load(checkpoint, trust=trust, device=usable_device(device))
    kind = loaded.environment.kind
    room = _require_room(output, kind, values, log_pt_samples)
    trajectories = (16 if room else 0) if log_pt_samples is None else log_pt_samples
    from molgfn.cli.files import sampled
    from molgfn.cli.progress import shown

    reward = sampled.reward(loaded, trust) if values or (values is None and room) else None
    columns: dict[str, list[Any]] = {}

    with shown() as show:
        drawn = draw(
            loaded,
            number,
            seed=seed,
            unique=unique,
            temperature=temperature,
            batch=batch,
            progress=lambda done: show("sampled", done, number),
        )
        objects, keys = drawn.objects, drawn.keys
        if reward is not None:
            columns = sampled.values(loaded, reward, objects, keys, lambda done: show("scored", done, len(objects)))
        if trajectories:
            columns |= sampled.log_pt(loaded, objects, keys, samples=trajectories, seed=seed, progress=show)
    write_objects(objects, output, kind, columns)
    click.echo(f"{output}: {len(drawn.objects)} objects, {drawn.different} different, from {drawn.draws} draws")
    for problem, count in drawn.invalid.most_common(3):
        click.echo(f"not written: {count} x {problem}", err=True)
    for problem, count in Counter(p for p in columns.get("problem", []) if p is not None).most_common(3):
        click.echo(f"no value: {count} x {problem}", err=True)
    if len(drawn.objects) < number:
        what = "different objects" if unique else "valid objects"
        click.echo(f"error: only {len(drawn.objects)} of {number} {what} in {drawn.draws} draws", err=True)
        click.get_current_context().exit(1)


def _require_room(output: Path, kind: ObjectKind | None, values: bool | None, log_pt_samples: int | None) -> bool:
    """Whether a file of objects of a kind (None: not known yet) has room for what stands beside them.

    Raises:
        ConfigError: it cannot be written, or has no room for what was asked for.
    """
    from molgfn.cli.files.object_files import is_bare, require_format, roomy

    require_format(output, kind)
    bare = is_bare(output, kind)
    if bare and (values or log_pt_samples):
        raise ConfigError(f"{output}: a {output.suffix} has no room for values or log P_T; use {roomy(kind)}")
    return not bare


@dataclass
class Drawn:
    """Sampled objects in order, with what was drawn on the way."""

    objects: Any
    keys: list[str] = field(default_factory=list)
    different: int = 0
    draws: int = 0
    invalid: Counter[str] = field(default_factory=Counter)


def draw(
    loaded: Loaded,
    number: int,
    *,
    seed: int = 0,
    unique: bool = False,
    temperature: float = 1.0,
    batch: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Drawn:
    """``number`` valid objects (``unique``: different ones), or as many as ``MOST_DRAWS * number`` draws give.

    ``progress`` is told after each batch how many there are. The same arguments give the same objects; a larger
    ``number`` with the same ``batch`` begins with the same ones.
    """
    import torch

    from molgfn.policies.exploration import Exploration
    from molgfn.trajectories.sampler import Sampler

    environment, kind = loaded.environment, loaded.environment.kind
    sampler = Sampler(environment)
    generator = torch.Generator(loaded.policy.device).manual_seed(seed)
    exploration = None if temperature == 1.0 else Exploration(temperature=temperature)
    out, seen = Drawn(kind.parse([])), set()
    parts: list[Any] = []
    while len(out.keys) < number and out.draws < MOST_DRAWS * max(number, batch):
        with torch.no_grad():
            trajectories = sampler.forward(loaded.policy, batch, generator=generator, exploration=exploration)
        objects = environment.objects(trajectories.terminal)
        rows: list[int] = []
        for row, (key, problem) in enumerate(zip(kind.keys(objects), kind.problems(objects), strict=True)):
            if len(out.keys) == number:
                break
            out.draws += 1
            if problem is not None:
                out.invalid[problem] += 1
            elif not (unique and key in seen):
                seen.add(key)
                rows.append(row)
                out.keys.append(key)
        parts.append(kind.take(objects, rows))
        if progress is not None:
            progress(len(out.keys))
    out.objects, out.different = kind.cat(parts), len(seen)
    return out


def usable_device(name: str) -> str:
    """``name`` where torch has such a device here.

    Raises:
        click.BadParameter: it has not.
    """
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise click.BadParameter(f"{name}: not usable here ({reason[:100]})", param_hint="--device") from None
    return name
