"""The members of config groups, shipped and one's own, and what one of them says when it is composed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from molgfn.composing.compose import NAME, folders_named
from molgfn.composing.inheritance import read_files, yaml_problem
from molgfn.composing.places import find_experiment
from molgfn.composing.search_path import looking_into, places_of_groups, shipped_groups
from molgfn.errors import ConfigError
from molgfn.run_files import settle


def folders_of(words: Sequence[str]) -> list[Path]:
    """Where ``searchpath=FOLDER`` and experiment files say that groups are looked for, in that order.

    Raises:
        ConfigError: a folder or an experiment is not there, or a word is neither.
    """
    given = [word for word in words if word.startswith("searchpath=")]
    found = folders_named(given)
    for word in words:
        if word not in given:
            files = read_files(find_experiment(word))
            found += [*files.folders, *files.searchpath]
    return list(dict.fromkeys(found))


def groups(folders: Sequence[Path] = ()) -> dict[str, dict[str, Path]]:
    """Group -> member -> its file, sorted by name; of files of the same name the first in the order of places."""
    found: dict[str, dict[str, Path]] = {name: {} for name in sorted(shipped_groups())}
    for place in places_of_groups(folders):
        for name, members in found.items():
            for path in sorted((place / name).glob("*.yaml")):
                members.setdefault(path.stem, path)
    return {name: dict(sorted(members.items())) for name, members in found.items() if members}


def composed_member(group: str, name: str, folders: Sequence[Path] = ()) -> dict[str, Any]:
    """The member with what it inherits from others of its group; paths absolute, interpolations as they stand.

    Raises:
        ConfigError: it cannot be composed, or names no class.
    """
    place = groups(folders)[group][name]
    try:
        with looking_into(folders):
            ConfigStore.instance().store(name=NAME, node={"defaults": [{group: name}]})
            tree: Any = OmegaConf.to_container(hydra_compose(NAME), resolve=False)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(yaml_problem(error, place)) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{place}: {str(error).splitlines()[0]}") from None
    settled = settle({group: tree.get(group)}, searchpath=places_of_groups(folders))
    node = settled.config[group]
    if not isinstance(node, dict) or "_target_" not in node:
        raise ConfigError(f"{place}: has no `_target_`, so there is nothing to describe")
    return node
