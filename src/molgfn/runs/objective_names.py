"""Conditions about the objectives of a run's oracle: their names are written into the config, so that it says all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from molgfn.class_paths import import_class
from molgfn.config import CLASS_KEY, build
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import Scalarisation


def with_objective_names(config: Mapping[str, Any]) -> dict[str, Any]:
    """A checked config of a run in which every condition that leaves ``names`` null has those of the oracle's
    components that are no filter (``objective_names`` of an oracle that has no components in its config).

    Raises:
        ConfigError: the oracle has no components, or fewer than two that are no filter.
    """
    node = config.get("condition")
    if node is None or not _asks(node):
        return dict(config)
    names, what = _objectives(config["oracle"]), str(config["oracle"][CLASS_KEY]).rpartition(".")[2]
    if names is None:
        raise ConfigError(
            f"condition.names: null takes the objectives of the run's oracle, but {what} has no components; take an "
            "oracle of several objectives (such as oracle=seh_four), or list the names"
        )
    if len(names) < 2:
        raise ConfigError(
            f"condition.names: null takes the objectives of the run's oracle, but {what} has only "
            f"{', '.join(names) or 'filters'}; two are the least"
        )
    return {**config, "condition": _filled(node, names)}


def _objectives(oracle: Mapping[str, Any]) -> list[str] | None:
    """The components of an oracle that are no filter; None where it is one property."""
    components = oracle.get("components")
    if isinstance(components, Mapping):
        return [name for name, component in components.items() if not component.get("filter", False)]
    names = getattr(build(oracle, (Oracle, Scalarisation), "oracle"), "objective_names", None)
    return None if names is None else list(names)


def _asks(node: Any) -> bool:
    """A condition in it is about objectives, and does not say which."""
    if not isinstance(node, Mapping):
        return False
    return _open(node) or any(_asks(value) for value in node.values())


def _filled(node: Any, names: list[str]) -> Any:
    if not isinstance(node, Mapping):
        return node
    own = {"names": list(names)} if _open(node) else {}
    return {**{key: _filled(value, names) for key, value in node.items()}, **own}


def _open(node: Mapping[str, Any]) -> bool:
    if CLASS_KEY not in node or node.get("names") is not None:
        return False
    return bool(getattr(import_class(node[CLASS_KEY]), "of_objectives", False))
