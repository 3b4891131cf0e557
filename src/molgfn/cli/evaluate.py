"""``molgfn evaluate``: measure a run or a file of SMILES and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from molgfn.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from molgfn.checkpoint import Loaded
    from molgfn.rewards.base import Reward


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
@click.option("--trust", multiple=True, metavar="PACKAGE", help="Package of your own that the checkpoint may name.")
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
) -> None:
    """Measure WHAT (a run folder, a checkpoint, or a file of molecules) and print the path of the report.

    Metrics, samples and the report go to the folder `evaluation` of the run, or beside the SMILES file to a folder
    with its name and `-evaluation`. With --score-as `scored.csv` has the values of every entry of the file, in its
    order, beside its other columns.

    \b
    Examples:
      molgfn evaluate runs/quickstart-20260102-030405
      molgfn evaluate runs/quickstart-20260102-030405 -n 5000 --reference train.smi
      molgfn evaluate runs/quickstart-20260102-030405 --heldout known_actives.smi
      molgfn evaluate molecules.smi --reference train.smi
      molgfn evaluate molecules.smi --score-as runs/quickstart-20260102-030405

    \b
    Exit codes: 0 report written, 1 failed, 2 wrong usage, 3 unusable checkpoint or file.
    """
    if what.is_dir() or what.suffix == ".ckpt":
        if score_as is not None:
            raise click.UsageError("--score-as is for a file of SMILES; a run is scored by its own reward.")
        report = _run(what, number, output, reference, heldout, seed, untrained, device, trust)
    else:
        if number is not None:
            raise click.UsageError("-n is for a run; a file of SMILES is measured whole.")
        if heldout is not None:
            raise click.UsageError("--heldout is for a run: a file of SMILES has no log P_T.")
        report = _file(what, output, reference, score_as, jobs, trust)
    click.echo(f"report: {report}")


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
) -> Path:
    from molgfn.checkpoint import load
    from molgfn.cli.progress import shown
    from molgfn.cli.sample import usable_device
    from molgfn.evaluation.run import evaluate_run

    loaded = load(what, trust=trust, device=usable_device(device))
    inside = loaded.path.parent.name == "checkpoints"
    run = loaded.path.parent.parent if inside else loaded.path.parent
    folder = _made(output or run / "evaluation")
    settings = _settings(loaded.config, number, reference, heldout, loaded.path, trust)
    fresh = _untrained(loaded, trust).to(loaded.policy.device) if untrained else None
    with shown() as show:
        return evaluate_run(
            run,
            environment=loaded.environment,
            policy=loaded.policy,
            reward=_reward(loaded, trust),
            settings=settings,
            untrained=fresh,
            seed=seed,
            output=folder,
            name=str(loaded.config.get("name", run.name)),
            progress=show,
        ).report


def _file(
    what: Path,
    output: Path | None,
    reference: Path | None,
    score_as: Path | None,
    jobs: int,
    trust: tuple[str, ...],
) -> Path:
    from molgfn.checkpoint import load
    from molgfn.errors import DataError
    from molgfn.evaluation.run import evaluate_molecules
    from molgfn.evaluation.settings import EvaluationSettings

    if not what.is_file():
        raise DataError(f"{what}: no such file or folder")
    loaded = load(score_as, trust=trust) if score_as is not None else None
    if loaded is not None and loaded.environment.domain != "molecule":
        raise ConfigError(f"--score-as: that run makes {loaded.environment.domain} objects, not molecules")
    settings = (
        EvaluationSettings(reference=str(reference) if reference else None)
        if loaded is None
        else _settings(loaded.config, None, reference, None, loaded.path, trust)
    )
    reward = _reward(loaded, trust) if loaded is not None else None
    folder = _made(output or what.with_name(f"{what.name.split('.')[0]}-evaluation"))
    return evaluate_molecules(what, folder, settings=settings, reward=reward, jobs=jobs).report


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot make this folder for the results ({error.strerror}); use -o") from None
    from molgfn.cli.object_files import require_folder

    require_folder(folder, folder)
    return folder


def _reward(loaded: Loaded, trust: tuple[str, ...]) -> Reward:
    """The run's reward; like everything of a checkpoint it may name trusted classes only."""
    from molgfn.experiment import reward_of

    config = _with(loaded, "oracle", "reward")
    try:
        return reward_of(config, untrusted=True, trust=trust)
    except ConfigError as error:
        raise CheckpointError(f"{loaded.path}: the config inside cannot be built\n  {error}") from error


def _settings(
    config: dict[str, Any],
    number: int | None,
    reference: Path | None,
    heldout: Path | None,
    path: Path,
    trust: tuple[str, ...],
) -> Any:
    from molgfn.config import build
    from molgfn.evaluation.settings import EvaluationSettings

    node = {"_target_": "molgfn.evaluation.settings.EvaluationSettings", **config.get("evaluation", {})}
    node |= {"samples": number} if number is not None else {}
    node |= {"reference": str(reference)} if reference is not None else {}
    node |= {"heldout": str(heldout)} if heldout is not None else {}
    try:
        return build(node, EvaluationSettings, "evaluation", untrusted=True, trust=trust)
    except ConfigError as error:
        raise CheckpointError(f"{path}: the config inside cannot be built\n  {error}") from error


def _untrained(loaded: Loaded, trust: tuple[str, ...]) -> Any:
    """The run's policy as it was before the first step."""
    import torch

    from molgfn.config import build
    from molgfn.policies.base import Policy

    torch.manual_seed(int(loaded.config.get("seed", 0)))
    live = {"environment": loaded.environment, "learned_backward": loaded.policy.learned_backward}
    policy = build(loaded.config["policy"], Policy, "policy", live=live, untrusted=True, trust=trust).eval()
    policy.backward_rule = loaded.policy.backward_rule
    return policy


def _with(loaded: Loaded, *keys: str) -> dict[str, Any]:
    if lacking := [k for k in keys if k not in loaded.config]:
        raise CheckpointError(f"{loaded.path}: the config inside has no {' and no '.join(f'`{k}`' for k in lacking)}")
    return loaded.config
