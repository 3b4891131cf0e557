"""The folder of a run: how it is called, and what is kept in it about where the run came from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from molgfn import run_files
from molgfn.errors import ConfigError
from molgfn.paths import file_name_from, local
from molgfn.training.whole_file import whole_file

#: in a run folder: its config, and what the run read
CONFIG, FILES = "config.yaml", "files.yaml"


def name_problem(config: dict[str, Any]) -> str | None:
    """Why a run cannot be called so."""
    name = config["name"]
    if "/" in name or "\0" in name or name in (".", ".."):
        return f"name: `{name}` is part of a folder's name and may hold no `/`; `output` says where the folder goes"
    return None


def new_folder(config: dict[str, Any], label: str | None = None) -> Path:
    """A new folder ``<output>/<name>-<label>-<date>-<time>`` (numbered when taken).

    Raises:
        ConfigError: it cannot be made.
    """
    words = [config["name"], *([file_name_from(label)] if label else []), f"{datetime.now():%Y%m%d-%H%M%S}"]
    stem = local(config["output"]) / "-".join(words)
    for number in range(1, 10_000):
        folder = stem if number == 1 else stem.with_name(f"{stem.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"output: cannot make a run folder under `{config['output']}`: {error}") from None
        return folder
    raise ConfigError(f"output: no free run folder beside {stem}")


def begin(
    config: dict[str, Any], more: Iterable[tuple[str, Path]], label: str | None = None
) -> tuple[Path, list[dict[str, str]]]:
    """A new run folder with ``config.yaml`` and, where the run reads files, ``files.yaml``; and what that says.

    Args:
        config: of the run, its files absolute.
        more: see ``run_files.record``.
        label: see ``new_folder``.
    """
    found = run_files.record(config, more)  # before there is a folder: a file may turn out to be unreadable
    folder = new_folder(config, label)
    files = run_files.beside(found, folder)
    try:
        if files:
            _write(folder / FILES, f"# what this run read\n{_yaml(files)}")
        _write(folder / CONFIG, _yaml(config))  # last: a folder with a config is one of a run
    except OSError as error:
        raise ConfigError(f"output: nothing can be written in {folder} ({error.strerror or error})") from None
    return folder, files


def config_in(folder: Path) -> dict[str, Any] | None:
    """The config of the run whose folder it is; None where it is none of a run."""
    try:
        config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return config if isinstance(config, dict) else None


def files_in(folder: Path) -> list[dict[str, str]]:
    """What the run of a folder read."""
    place = folder / FILES
    return yaml.safe_load(place.read_text(encoding="utf-8")) or [] if place.is_file() else []


def require_writable(folder: Path) -> None:
    """Refuse a run folder in which nothing can be written, before work starts.

    Raises:
        ConfigError: saying why not.
    """
    trial = folder / "checkpoints" / "trial.part"
    try:
        trial.parent.mkdir(exist_ok=True)
        trial.write_bytes(b"x")
        trial.unlink()
    except OSError as error:
        raise ConfigError(f"{folder}: nothing can be written there ({error.strerror or error})") from None


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _yaml(node: Any) -> str:
    return yaml.safe_dump(node, sort_keys=False, allow_unicode=True)
