"""Labels that come into a loop with trained weights: a run that learnt from the same oracle has had them before."""

from __future__ import annotations

from typing import Any

from molgfn.class_paths import import_class
from molgfn.config import CLASS_KEY
from molgfn.errors import ConfigError
from molgfn.runs.checkpoint import DATA, KEY, find, read


def runs_in(config: dict[str, Any]) -> dict[str, str]:
    """The trained runs that a config names: key -> place."""
    found = {}
    if (place := (config.get("learning") or {}).get("init_from")) is not None:
        found["learning.init_from"] = place
    if (place := (config.get("objective") or {}).get("prior")) is not None:
        found["objective.prior"] = place
    for name, node in config["candidates"].get("proposers", {}).items():
        if node is not None and node.get("run") is not None:
            found[f"candidates.proposers.{name}.run"] = node["run"]
    return found


def carried_labels(config: dict[str, Any]) -> dict[str, int]:
    """Different objects that each of these runs had asked the very oracle of this config for, to learn from: key ->
    count. A run with another oracle, or one that read no reward (a prior by maximum likelihood), carries none; a run
    that is named twice counts once.

    Raises:
        CheckpointError: there is no such run.
    """
    out: dict[str, int] = {}
    seen = set()
    for key, place in runs_in(config).items():
        path = find(place)
        if path not in seen:
            seen.add(path)
            if count := _labels(read(path), config):
                out[key] = count
    return out


def _labels(content: dict[str, Any], config: dict[str, Any]) -> int:
    theirs = content[KEY]["config"]
    if theirs.get("oracle") != config["oracle"] or not _learns(theirs.get("objective")):
        return 0
    loop = content.get("optimisation")
    if isinstance(loop, dict):
        state = loop["state"]
        return len(state["calls"][0]) + int(state["labels"])
    counters = content.get(DATA, {}).get("reward", {}).get("counters", {})
    return int(counters.get("unique", 0)) if isinstance(counters, dict) else 0


def _learns(objective: Any) -> bool:
    """Whether the objective of a run reads rewards; where nobody can say, it may have."""
    try:
        return bool(getattr(import_class(objective[CLASS_KEY]), "reads_reward", True))
    except (ConfigError, TypeError, KeyError):
        return True
