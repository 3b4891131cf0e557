"""Where config groups are looked for, in order: folders that were named, the current one, the shipped configs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import hydra
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from molgfn.composing.places import shipped


class ShippedConfigs(SearchPathPlugin):
    """Puts the configs that came with molgfn behind the folders of the experiment and the current one."""

    folders: ClassVar[list[Path]] = []

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in self.folders:
            search_path.append(provider="molgfn", path=f"file://{folder}")
        search_path.append(provider="molgfn", path=f"file://{shipped('configs')}")


def shipped_groups() -> set[str]:
    """Names of the groups."""
    return {p.name for p in shipped("configs").iterdir() if p.is_dir()}


def places_of_groups(folders: Sequence[Path] = ()) -> list[Path]:
    """``folders``, the current one where a group lies in it, and the shipped configs, each once; the first one wins."""
    here = [Path.cwd()] if any(any(Path(g).glob("*.yaml")) for g in shipped_groups()) else []
    return list(dict.fromkeys([*folders, *here, shipped("configs")]))


def looking_into(folders: Sequence[Path]) -> AbstractContextManager[Any]:
    """Hydra, looking into these folders, the current one, then the shipped configs."""
    first, *others = places_of_groups(folders)
    ShippedConfigs.folders = others
    if ShippedConfigs not in Plugins.instance().discover(SearchPathPlugin):
        Plugins.instance().register(ShippedConfigs)
    # 1.3 warns when version_base is left out, 1.4 when it is given
    old = tuple(int(n) for n in hydra.__version__.split(".")[:2]) < (1, 4)
    options: dict[str, Any] = {"version_base": None} if old else {}
    return initialize_config_dir(str(first), job_name="molgfn", **options)


def subfolders() -> list[str]:
    """Names of the folders that may be groups, where Hydra looks (see ``looking_into``)."""
    entries = itertools.chain.from_iterable(os.scandir(folder) for folder in _looked_into())
    return sorted({entry.name for entry in entries if entry.is_dir() and entry.name != "__pycache__"})


def members(group: str) -> list[str]:
    """Names of the configs in a group, where Hydra looks."""
    # Hydra's own way asks what each file is several times over, a sixth of the time of composing
    places = [place for folder in _looked_into() if (place := folder / group).is_dir()]
    entries = itertools.chain.from_iterable(map(os.scandir, places))
    return sorted({Path(entry.name).stem for entry in entries if entry.name.endswith(".yaml") and entry.is_file()})


def _looked_into() -> list[Path]:
    """The folders in which Hydra looks now, but for its own."""
    sources = GlobalHydra.instance().config_loader().get_sources()
    return [Path(path) for path in dict.fromkeys(source.path for source in sources if source.scheme() == "file")]
