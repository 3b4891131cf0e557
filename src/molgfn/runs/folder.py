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
    (folder / "config.yaml").write_text(_yaml(config), encoding="utf-8")
    files = run_files.beside(found, folder)
    if files:
        (folder / "files.yaml").write_text(f"# what this run read\n{_yaml(files)}", encoding="utf-8")
    return folder, files


def _yaml(node: Any) -> str:
    return yaml.safe_dump(node, sort_keys=False, allow_unicode=True)
