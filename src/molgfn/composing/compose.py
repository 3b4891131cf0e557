"""Hydra composes an experiment file and overrides into one plain dict; no other room imports Hydra.

Hydra alone is lenient where it should be strict and strict where it stops at the first mistake. So every plain override
is forced in, whether the key exists or not, and ``config.check`` then refuses all unknown keys together; a group choice
that does not exist is noted and replaced so that composing goes on and finds the next one.
"""

from __future__ import annotations

import difflib
import itertools
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Transformer
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from molgfn.class_paths import did_you_mean, show
from molgfn.composing.inheritance import SEARCHPATH, SELF, Files, read_files, yaml_problem
from molgfn.composing.inheritance import folders as search_folders
from molgfn.composing.places import find_experiment
from molgfn.composing.quoting import hint, quoted
from molgfn.composing.replacement import names_class, without_replaced
from molgfn.composing.search_path import looking_into, members, shipped_groups, subfolders
from molgfn.errors import ConfigError
from molgfn.moved_sources import present_data, present_key
from molgfn.run_files import settle

logger = logging.getLogger("molgfn")

MOST_ATTEMPTS = 10
#: under which Hydra knows the experiment; no file is called so
NAME = "__experiment__"


@dataclass
class Composed:
    """What came out of composing.

    Attributes:
        config: the plain config, interpolations resolved.
        problems: mistakes that Hydra or OmegaConf found, one line each.
        unreliable: top-level keys whose content stands in for a mistake, so that nothing should be said about it.
        folders: of the experiment file and those that it inherits from.
        searchpath: further folders with groups.
        overridden: dotted keys of values that overrides gave.
    """

    config: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    unreliable: set[str] = field(default_factory=set)
    folders: list[Path] = field(default_factory=list)
    searchpath: list[Path] = field(default_factory=list)
    overridden: list[str] = field(default_factory=list)


def compose(experiment: str, overrides: Sequence[str] = ()) -> Composed:
    """Compose the experiment file (or shipped name) with ``key=value`` overrides.

    Raises:
        ConfigError: the experiment or an override cannot be read at all.
    """
    path = find_experiment(experiment)
    files = read_files(path)
    files.bodies = [_present(body) for body in files.bodies]
    files.defaults = files.defaults and [_left_out(entry) for entry in files.defaults]
    parsed = _parse(overrides)
    searchpath = [*_searchpath(parsed), *files.searchpath]
    parsed = [o for o in parsed if o.key_or_group != SEARCHPATH]
    if sweeps := [
        f"{o.input_line}: several values make a grid; add -m to run it{_one_text(o)}"
        for o in parsed
        if o.is_sweep_override()
    ]:
        raise ConfigError(sweeps)
    ConfigStore.instance().store(name=NAME, node=files.node)
    with looking_into([*files.folders, *searchpath]):
        groups = _groups()
        chosen = {o.key_or_group: o.value() for o in parsed if o.key_or_group in groups}
        if nameless := [
            f"{k}: should be a name such as `{k}={members(k)[0]}`, got {show(v)}"
            for k, v in chosen.items()
            if not isinstance(v, (str, dict)) and not (v is None and k in _optional())
        ]:
            raise ConfigError(nameless)
        # values are put in afterwards: to Hydra, a key is a group where a folder is called so, such as `output`
        values = [o for o in parsed if _is_value(o, groups)]
        lines = [str(o.input_line) for o in parsed if not _is_value(o, groups)]
        result = Composed({}, folders=files.folders, searchpath=searchpath)
        result.overridden = [o.key_or_group for o in values]
        for _ in range(MOST_ATTEMPTS):
            try:
                tree = _present_tree(hydra_compose(NAME, lines))
                _ask(tree, files)
                for o in values:
                    OmegaConf.update(tree, o.key_or_group, _value(o), merge=True, force_add=True)
                break
            except MissingConfigException as error:
                lines = _work_around(error, lines, result, groups)
            except yaml.MarkedYAMLError as error:
                raise ConfigError(yaml_problem(error, path)) from None
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError([*result.problems, _hydra_problem(error, groups, path)]) from None
        else:
            raise ConfigError(result.problems)
        given = _given(values)
        if any(map(names_class, [*files.bodies, given])):
            ConfigStore.instance().store(name=NAME, node={} if files.defaults is None else {"defaults": files.defaults})
            choices = _present_tree(hydra_compose(NAME, [line for line in lines if not line.startswith(("+", "~"))]))
            layers = [OmegaConf.to_container(choices, resolve=False), *files.bodies, given]
            plain: Any = OmegaConf.to_container(tree, resolve=False)
            tree = OmegaConf.create(without_replaced(plain, layers))
    if "scalarisation" not in tree:  # a group that is null leaves no key, and oracles interpolate this one
        OmegaConf.update(tree, "scalarisation", None, force_add=True)
    try:
        missing = OmegaConf.missing_keys(tree)
        plain = OmegaConf.to_container(tree, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(result.problems or _interpolation_problem(error)) from None
    result.problems += [f"{key}: must be given (it is `???` so far)" for key in sorted(missing)]
    result.unreliable |= {key.split(".")[0] for key in missing}
    result.config = {str(k): v for k, v in plain.items()} if isinstance(plain, dict) else {}
    return result


def _present(node: dict[str, Any]) -> dict[str, Any]:
    """A config or a part of one, with the keys of ``data`` as they are now."""
    data = node.get("data")
    return {**node, "data": present_data(data)} if isinstance(data, dict) else node


def _present_tree(tree: DictConfig) -> DictConfig:
    plain: Any = OmegaConf.to_container(tree, resolve=False)
    new = _present(plain)
    return tree if new == plain else OmegaConf.create(new)


def folders_named(words: Sequence[str]) -> list[Path]:
    """The folders of overrides such as ``searchpath=lab``, relative to the current one."""
    return _searchpath(_parse(words))


def _searchpath(overrides: Iterable[Override]) -> list[Path]:
    """The folders that overrides name, relative to the current one."""
    given = [o.value() for o in overrides if o.key_or_group == SEARCHPATH]
    return [folder for value in given for folder in search_folders(value, Path.cwd(), SEARCHPATH)]


def _one_text(sweep: Override) -> str:
    """How a text with a comma is written, for a key that may be a text."""
    line = str(sweep.input_line)
    key, _, value = line.partition("=")
    if key.lstrip("+") in shipped_groups() or re.fullmatch(r"[\d.,eE+-]+|.*\(.*\)|(true|false|,)+", value):
        return ""
    word = quoted(key, value)
    return "" if word is None else f", or write {word} if that is one text"


def _groups() -> set[str]:
    """Names that choose a file; a folder that happens to be called like a plain key, such as ``output``, does not."""
    from molgfn.config import GROUPS, Slot

    plain = {key for key, rule in GROUPS.items() if not isinstance(rule, Slot)}
    return {g for g in subfolders() if g not in plain | {"hydra"} and members(g)}


def _ask(tree: DictConfig, files: Files) -> None:
    """What the files leave open by `???` is open, also where a group has a value: OmegaConf would keep that one."""
    node = files.node
    if node.get("defaults") and node["defaults"][-1] != SELF:
        return  # what the groups say is over what the files say

    def mark(below: Any, body: Mapping[str, Any]) -> None:
        for key, value in body.items():
            if value == "???":
                below[key] = value
            elif isinstance(value, dict) and key in below and isinstance(below[key], DictConfig):
                mark(below[key], value)

    mark(tree, node)


def _given(values: Sequence[Override]) -> dict[str, Any]:
    """The values that overrides give, as a tree."""
    tree: dict[str, Any] = {}
    for override in values:
        *parents, last = override.key_or_group.split(".")
        node = tree
        for key in parents:
            node[key] = node[key] if isinstance(node.get(key), dict) else {}
            node = node[key]
        node[last] = _value(override)
    return tree


def checked(experiment: str, overrides: Sequence[str] = (), schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Compose and check, against the schema of a run unless another is given; files are then absolute.

    Raises:
        ConfigError: with every problem that was found.
    """
    return checked_as_written(experiment, overrides, schema)[0]


def checked_as_written(
    experiment: str, overrides: Sequence[str] = (), schema: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``checked`` gives, and the same with its paths as they were written."""
    from molgfn.config import ROOT, check

    result = compose(experiment, overrides)
    settled = settle(result.config, beside=result.folders, searchpath=result.searchpath, overridden=result.overridden)
    for note in settled.notes:
        logger.info("%s", note)
    found = settled.problems + [
        p
        for p in check(settled.config, schema=schema or ROOT)
        if re.split(r"[.:\[]", p, maxsplit=1)[0] not in result.unreliable
    ]
    if sum(p.endswith(": missing") for p in found) > 4:
        found = [p for p in found if not p.endswith(": missing")]
        base = "train" if schema is None or "trainer" in schema else "optimise"
        found = [f"{experiment}: should start with `defaults: [{base}, _self_]`; most of a run is missing", *found]
    if problems := result.problems + found:
        raise ConfigError(problems)
    return settled.config, result.config


def expand(overrides: Sequence[str], experiment: str | None = None) -> list[list[str]]:
    """The grid that overrides such as ``objective=tb,db seed=1,2`` span, the last one changing fastest.

    Args:
        overrides: ``key=value`` texts.
        experiment: beside which files of a group are looked for, too, where ``glob(...)`` chooses from them.

    Raises:
        ConfigError: an override cannot be read, or a pattern fits nothing.
    """
    choices = []
    parsed = _parse(overrides)
    for override in parsed:
        if override.is_sweep_override():
            key = override.get_key_element()
            if isinstance(pattern := override.value(), Glob):
                files = Files() if experiment is None else read_files(find_experiment(experiment))
                values = _fitting(override, pattern, [*files.folders, *_searchpath(parsed), *files.searchpath])
            else:
                values = override.sweep_iterator(transformer=Transformer.encode)
            choices.append([f"{key}={value}" for value in values])
        else:
            choices.append([str(override.input_line)])
    return [list(job) for job in itertools.product(*choices)]


def _fitting(override: Override, pattern: Glob, folders: Sequence[Path]) -> list[str]:
    """The members of a group that a pattern fits."""
    group = override.key_or_group
    with looking_into(folders):
        if group not in (groups := _groups()):
            found = f"{override.input_line}: glob chooses from a group, and `{group}` is none"
            raise ConfigError(f"{found}{did_you_mean(group, sorted(groups))}")
        options = members(group)
    if not (names := pattern.filter(options)):
        raise ConfigError(f"{override.input_line}: fits no member of `{group}`; there is {', '.join(options)}")
    return names


def apply(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of a plain config with ``key=value`` overrides put in (no groups: these need an experiment file)."""
    tree = OmegaConf.create(config)
    for override in _parse(overrides):
        if override.is_delete() or override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: should be one key=value")
        OmegaConf.update(tree, override.key_or_group, override.value(), merge=False, force_add=True)
    plain = OmegaConf.to_container(tree, resolve=True)
    return {str(k): v for k, v in plain.items()} if isinstance(plain, dict) else {}


def _parse(overrides: Iterable[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed, problems = [], []
    for line in overrides:
        try:
            if line.startswith("="):
                problems.append(f"{line}: should be key=value")
                continue
            parsed.append(parser.parse_override(line))
        except HydraException as error:
            reason = str(error).splitlines()[0] if "=" in line or line.startswith("~") else "should be key=value"
            problems.append(f"{line}: {reason}{hint(line)}")
    problems += [f"{o.input_line}: is `{new}` now" for o in parsed if (new := present_key(o.key_or_group or ""))]
    if problems:
        raise ConfigError(problems)
    return parsed


def _optional() -> set[str]:
    """The groups of components that a run may be without."""
    from molgfn.config import GROUPS, Slot

    return {key for key, rule in GROUPS.items() if isinstance(rule, Slot) and rule.optional}


def _leaves_out(override: Override) -> bool:
    """It is ``group=none`` or ``group=null``: the run goes without this component, whatever the experiment says."""
    return override.key_or_group in _optional() and override.value() in (None, "none")


def _left_out(entry: Any) -> Any:
    """An entry of a defaults list, such as ``override /condition: none``, as Hydra knows it: null."""
    if not isinstance(entry, dict) or list(entry.values()) != ["none"]:
        return entry
    (key,) = entry
    group = re.sub(r"^\s*override\s+", "", str(key)).strip().removeprefix("/")
    return {key: None} if group in _optional() else entry


def _value(override: Override) -> Any:
    return None if _leaves_out(override) else override.value()


def _is_value(override: Override, groups: set[str]) -> bool:
    """It is ``key=value``, and neither chooses from a group nor speaks to Hydra itself."""
    key, value = override.key_or_group, override.value()
    chooses = key in groups and not isinstance(value, dict) and not _leaves_out(override)
    chooses = chooses or "/" in key or override.package is not None
    plain = not str(override.input_line).startswith(("+", "~"))
    return plain and not chooses and key.split(".")[0] != "hydra"


def _work_around(error: MissingConfigException, lines: list[str], result: Composed, groups: set[str]) -> list[str]:
    """Note a group choice that does not exist and put an existing one in its place."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    # a file of a group may itself start from another one
    asking = re.match(r"In '([^']+)'", str(error))
    where = f"{asking[1]}.yaml: defaults: " if asking and "/" in asking[1] else ""
    options = list(error.options or [])
    if not options and group in groups:
        options = members(group)
    if not group:
        raise ConfigError(f"{where}{name}: no such config{did_you_mean(name, sorted(groups))}") from None
    hint = did_you_mean(name, options) if options else did_you_mean(group, sorted(groups))
    result.problems.append(f"{where}{group}: there is no `{name}`{hint}")
    result.unreliable.add(group.split("/")[0])
    kept = [line for line in lines if not re.match(rf"\+*{re.escape(group)}(@[^=]*)?=", line)]
    replaced = len(kept) < len(lines) or group not in {line.split("=")[0] for line in lines}
    if not options or not replaced or result.problems.count(result.problems[-1]) > 1:
        raise ConfigError(list(dict.fromkeys(result.problems))) from None
    stand_in = (difflib.get_close_matches(name, options, 1) or options)[0]
    return [*kept, f"{group}={stand_in}"]


def _hydra_problem(error: Exception, groups: set[str], path: Path) -> str:
    text = " ".join(str(error).split()).replace(f"'{NAME}'", str(path)).replace(NAME, path.name)
    if match := re.search(r"Could not override '([^']*)'\. No match in the defaults list", text):
        name = match[1].split("@")[0]
        return f"{name}: no such group to override{did_you_mean(name, sorted(groups))}"
    if match := re.search(r"Could not (?:delete|override|append to config)[^']*'([^']*)'\.? ?(.*)", text):
        return f"{match[1]}: {match[2] or 'no such key'}"
    return text


def _interpolation_problem(error: OmegaConfBaseException) -> str:
    where = error.full_key or "config"
    text = str(error).splitlines()[0]
    unknown = re.search(r"'([A-Za-z_]\w*)' not found", text)
    if unknown and unknown[1] in os.environ:
        return f"{where}: {text}; for an environment variable write ${unknown[1]} or ${{oc.env:{unknown[1]}}}"
    return f"{where}: {text}"
