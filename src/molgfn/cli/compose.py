"""Hydra composes an experiment file and overrides into one plain dict; this is the only file that imports Hydra.

Hydra alone is lenient where it should be strict and strict where it stops at the first mistake. So every plain override
is forced in, whether the key exists or not, and ``config.check`` then refuses all unknown keys together; a group choice
that does not exist is noted and replaced so that composing goes on and finds the next one.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from molgfn.cli.places import find_experiment, shipped
from molgfn.errors import ConfigError
from molgfn.targets import did_you_mean, show

MOST_ATTEMPTS = 10
#: characters of SMILES and SMARTS that mean something else in an override
SPECIAL = frozenset("#[]()=+/\\@:,{}")


class ShippedConfigs(SearchPathPlugin):
    """Puts the configs that came with molgfn behind the experiment's own folder."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append(provider="molgfn", path=f"file://{shipped('configs')}")


@dataclass
class Composed:
    """What came out of composing.

    Attributes:
        config: the plain config, interpolations resolved.
        problems: mistakes that Hydra or OmegaConf found, one line each.
        unreliable: top-level keys whose content stands in for a mistake, so that nothing should be said about it.
    """

    config: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    unreliable: set[str] = field(default_factory=set)


def compose(experiment: str, overrides: Sequence[str] = ()) -> Composed:
    """Compose the experiment file (or shipped name) with ``key=value`` overrides.

    Raises:
        ConfigError: the experiment or an override cannot be read at all.
    """
    path = find_experiment(experiment)
    parsed = _parse(overrides)
    if sweeps := [o.input_line for o in parsed if o.is_sweep_override()]:
        raise ConfigError([f"{line}: several values make a grid; add -m to run it" for line in sweeps if line])
    with _hydra(path.parent):
        loader = GlobalHydra.instance().config_loader()
        groups = set(loader.list_groups("")) - {"hydra"}
        chosen = {o.key_or_group: o.value() for o in parsed if o.key_or_group in groups}
        if nameless := [
            f"{k}: should be a name such as `{k}={loader.get_group_options(k)[0]}`, got {show(v)}"
            for k, v in chosen.items()
            if not isinstance(v, (str, dict))
        ]:
            raise ConfigError(nameless)
        lines = [_forced(o, groups) for o in parsed]
        result = Composed({})
        for _ in range(MOST_ATTEMPTS):
            try:
                tree = hydra_compose(path.stem, lines)
                break
            except MissingConfigException as error:
                lines = _work_around(error, lines, result, groups)
            except yaml.MarkedYAMLError as error:
                raise ConfigError(_yaml_problem(error, path)) from None
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError([*result.problems, _hydra_problem(error, groups)]) from None
        else:
            raise ConfigError(result.problems)
    try:
        missing = OmegaConf.missing_keys(tree)
        plain = OmegaConf.to_container(tree, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(result.problems or _interpolation_problem(error)) from None
    result.problems += [f"{key}: must be given (it is `???` so far)" for key in sorted(missing)]
    result.unreliable |= {key.split(".")[0] for key in missing}
    result.config = {str(k): v for k, v in plain.items()} if isinstance(plain, dict) else {}
    return result


def checked(experiment: str, overrides: Sequence[str] = (), schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Compose and check, against the schema of a run unless another is given.

    Raises:
        ConfigError: with every problem that was found.
    """
    from molgfn.config import ROOT, check

    result = compose(experiment, overrides)
    found = [
        p
        for p in check(result.config, schema=schema or ROOT)
        if re.split(r"[.:\[]", p, maxsplit=1)[0] not in result.unreliable
    ]
    if sum(p.endswith(": missing") for p in found) > 4:
        found = [p for p in found if not p.endswith(": missing")]
        found = [f"{experiment}: should start with `defaults: [train, _self_]`; most of a run is missing", *found]
    if problems := result.problems + found:
        raise ConfigError(problems)
    return result.config


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """The grid that overrides such as ``objective=tb,db seed=1,2`` span, the last one changing fastest."""
    choices = []
    for override in _parse(overrides):
        if override.is_sweep_override():
            key = override.get_key_element()
            values = override.sweep_iterator(transformer=Transformer.encode)
            choices.append([f"{key}={value}" for value in values])
        else:
            choices.append([str(override.input_line)])
    return [list(job) for job in itertools.product(*choices)]


def apply(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of a plain config with ``key=value`` overrides put in (no groups: these need an experiment file)."""
    tree = OmegaConf.create(config)
    for override in _parse(overrides):
        if override.is_delete() or override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: should be one key=value")
        OmegaConf.update(tree, override.key_or_group, override.value(), merge=False, force_add=True)
    plain = OmegaConf.to_container(tree, resolve=True)
    return {str(k): v for k, v in plain.items()} if isinstance(plain, dict) else {}


def _hydra(folder: Path) -> AbstractContextManager[Any]:
    if ShippedConfigs not in Plugins.instance().discover(SearchPathPlugin):
        Plugins.instance().register(ShippedConfigs)
    # 1.3 warns when version_base is left out, 1.4 when it is given
    old = tuple(int(n) for n in hydra.__version__.split(".")[:2]) < (1, 4)
    options: dict[str, Any] = {"version_base": None} if old else {}
    return initialize_config_dir(str(folder), job_name="molgfn", **options)


def _parse(overrides: Iterable[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed, problems = [], []
    for line in overrides:
        try:
            parsed.append(parser.parse_override(line))
        except HydraException as error:
            reason = str(error).splitlines()[0] if "=" in line or line.startswith("~") else "should be key=value"
            problems.append(f"{line}: {reason}{_quoting_hint(line)}")
    if problems:
        raise ConfigError(problems)
    return parsed


def _quoting_hint(line: str) -> str:
    """How a value with characters that Hydra reads as its own is written so that it stays text."""
    key, _, value = line.partition("=")
    if not SPECIAL.intersection(value) or any(quote in value for quote in "\"'"):
        return ""
    hint = f"; text with special characters is quoted twice: '{key}=\"{value}\"'"
    texts = ",".join(f'"{text}"' for text in _listed(value))
    return f"{hint}, or for a list of texts '{key}=[{texts}]'" if texts else hint


def _listed(value: str) -> list[str]:
    """The texts between the brackets of ``[a,b(c,d)]``; empty where the outer brackets are not those of a list."""
    if not re.fullmatch(r"\[.+\]", value):
        return []
    texts, depth = [""], 0
    for letter in value[1:-1]:
        depth += (letter in "[(") - (letter in "])")
        if depth < 0:
            return []
        if letter == "," and depth == 0:
            texts.append("")
        else:
            texts[-1] += letter
    return [text.strip() for text in texts] if depth == 0 else []


def _forced(override: Override, groups: set[str]) -> str:
    """``key=value`` as ``++key=value`` unless it chooses from a group or speaks to Hydra itself."""
    key = override.key_or_group
    line = str(override.input_line)
    chooses = (key in groups and not isinstance(override.value(), dict)) or "/" in key or override.package is not None
    if chooses or key.split(".")[0] == "hydra" or line.startswith(("+", "~")):
        return line
    return f"++{line}"


def _work_around(error: MissingConfigException, lines: list[str], result: Composed, groups: set[str]) -> list[str]:
    """Note a group choice that does not exist and put an existing one in its place."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    options = list(error.options or [])
    if not group:
        raise ConfigError(f"{name}: no such config{did_you_mean(name, sorted(groups))}") from None
    hint = did_you_mean(name, options) if options else did_you_mean(group, sorted(groups))
    result.problems.append(f"{group}: there is no `{name}`{hint}")
    result.unreliable.add(group.split("/")[0])
    kept = [line for line in lines if not re.match(rf"\+*{re.escape(group)}(@[^=]*)?=", line)]
    replaced = len(kept) < len(lines) or group not in {line.split("=")[0] for line in lines}
    if not options or not replaced or result.problems.count(result.problems[-1]) > 1:
        raise ConfigError(list(dict.fromkeys(result.problems))) from None
    stand_in = (difflib.get_close_matches(name, options, 1) or options)[0]
    return [*kept, f"{group}={stand_in}"]


def _yaml_problem(error: yaml.MarkedYAMLError, path: Path) -> str:
    mark = error.problem_mark or error.context_mark
    # Hydra reads the text itself, so that the mark may not know the file
    name = mark.name if mark and not mark.name.startswith("<") else str(path)
    where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
    return f"{where}: not YAML: {error.problem or error.context}"


def _hydra_problem(error: Exception, groups: set[str]) -> str:
    text = " ".join(str(error).split())
    if match := re.search(r"Could not override '([^']*)'\. No match in the defaults list", text):
        name = match[1].split("@")[0]
        return f"{name}: no such group to override{did_you_mean(name, sorted(groups))}"
    if match := re.search(r"Could not (?:delete|override|append to config)[^']*'([^']*)'\.? ?(.*)", text):
        return f"{match[1]}: {match[2] or 'no such key'}"
    return text


def _interpolation_problem(error: OmegaConfBaseException) -> str:
    where = error.full_key or "config"
    return f"{where}: {str(error).splitlines()[0]}"
