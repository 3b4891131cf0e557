"""Where the shipped configs and experiments are: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

from molgfn.class_paths import did_you_mean
from molgfn.errors import ConfigError
from molgfn.paths import expanded

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """The folder ``configs`` or ``experiments`` that came with this installation."""
    for candidate in (PACKAGE / folder, PACKAGE.parents[1] / folder):
        if candidate.is_dir():
            return candidate
    raise ConfigError(f"{folder}: this installation of molgfn lacks its `{folder}` folder; install it again")


def find_experiment(text: str) -> Path:
    """The experiment file that ``text`` names: a path, or the name of a shipped one such as ``quickstart``.

    Raises:
        ConfigError: there is no such file, or its name cannot be that of an experiment.
    """
    path = expanded(text)
    if path.is_file():
        if path.suffix != ".yaml":
            raise ConfigError(f"{text}: an experiment is a .yaml file, not `{path.suffix or path.name}`")
        if path.stem in ("train", "optimise") and path.resolve().parent != shipped("configs").resolve():
            # `defaults: [train]` inside would find the file itself
            raise ConfigError(f"{text}: `{path.stem}` is the name of a base config; call the experiment something else")
        return path.resolve()
    if (found := named_experiment(text)) is not None:
        return found
    if path.is_dir():
        raise ConfigError(f"{text}: is a folder; give the .yaml file of an experiment")
    try:
        root = shipped("experiments")
    except ConfigError:
        raise ConfigError(f"{text}: no such file") from None
    names = [
        p.relative_to(root).with_suffix("").as_posix()
        for p in sorted(root.rglob("*.yaml"))
        if not p.stem.endswith(".study")
    ]
    if path.parent.is_dir():
        names += [p.as_posix() for p in sorted(path.parent.glob("*.yaml")) if not p.name.startswith(".")]
    wanted = text if path.suffix == ".yaml" else path.with_suffix("").as_posix()
    called_so = [name for name in names if name.rpartition("/")[2] == wanted]
    raise ConfigError(f"{text}: no such experiment file{did_you_mean((called_so or [wanted])[0], called_so or names)}")


def named_experiment(text: str) -> Path | None:
    """The shipped experiment of that name, such as ``quickstart`` or ``objectives/grid.yaml``; None for none."""
    try:
        root = shipped("experiments")
    except ConfigError:
        return None
    path = Path(text)
    inside = path.relative_to("experiments") if path.parts[:1] == ("experiments",) else path
    if not inside.parts or path.is_absolute() or ".." in path.parts:
        return None
    candidate = root / (inside if inside.suffix == ".yaml" else inside.with_name(f"{inside.name}.yaml"))
    return candidate.resolve() if candidate.is_file() else None
