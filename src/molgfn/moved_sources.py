"""The ``data`` of a run as configs had it before it was a list of sources, and as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TARGET = "_target_"
NOW, THEN = "molgfn.trajectories.mixture.Sources", "molgfn.trajectories.sources.Sources"
ON_POLICY, EXPLORED = (
    "molgfn.trajectories.sources.on_policy.OnPolicy",
    "molgfn.trajectories.sources.explored.Explored",
)
EXPLORATION = "molgfn.policies.exploration.Exploration"
#: old key below ``data`` -> the source that it is now
SOURCES = {"exploration": "policy", "local_search": "local_search", "replay": "replay", "offline": "offline"}
#: old key below ``data`` -> the source whose share it was
SHARES = {"replay_share": "replay", "offline_share": "offline"}


def present_key(key: str) -> str | None:
    """The key, below a run, that an old one such as ``data.replay_share`` is called now; None where it is not old."""
    part, _, rest = key.partition(".")
    first, dot, inner = rest.partition(".")
    if part != "data" or first not in (*SOURCES, *SHARES):
        return None
    if first in SHARES:
        return f"data.sources.{SHARES[first]}.share"
    inner = "taken_back" if (first, inner) == ("local_search", "share") else inner
    return f"data.sources.{SOURCES[first]}{dot}{inner}"


def present_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """A ``data`` node, or part of one, without old keys; ``sources`` that it has already win over them."""
    old = {key: data[key] for key in (*SOURCES, *SHARES) if key in data}
    if not old:
        return dict(data)
    whole = data.get(TARGET) == THEN or (TARGET in data and "sources" not in data)
    sources: dict[str, Any] = {"policy": {TARGET: ON_POLICY}} if whole else {}
    for key, name in SOURCES.items():
        if key in old:
            sources[name] = _present_source(key, old[key])
    for key, name in SHARES.items():
        if key in old and old[key] != 0:
            sources[name] = {**(sources.get(name) or {}), "share": old[key]}
    kept = {key: value for key, value in data.items() if key not in old}
    return {**kept, "sources": _over(sources, data.get("sources") or {})}


def former_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """A ``data`` node as it was written before there were sources; itself where that could not be written."""
    given = data.get("sources")
    if not isinstance(given, Mapping):
        return dict(data)
    sources = {name: dict(node) for name, node in given.items() if isinstance(node, Mapping)}
    policy = {key: value for key, value in sources.pop("policy", {}).items() if (key, value) != ("share", None)}
    plain = policy == {TARGET: ON_POLICY}
    lost = [name for name, node in given.items() if node is not None and name not in SOURCES.values()]
    if lost or "share" in policy or not (plain or policy.get(TARGET) == EXPLORED):
        return dict(data)
    old: dict[str, Any] = {"exploration": None if plain else {**policy, TARGET: EXPLORATION}}
    for key, name in SHARES.items():
        old[key] = sources[name].pop("share", 0.0) if name in sources else 0.0
    if (search := sources.get("local_search")) is not None and "taken_back" in search:
        search["share"] = search.pop("taken_back")
    old |= {name: sources.get(name) for name in ("replay", "local_search", "offline")}
    return {**{key: value for key, value in data.items() if key != "sources"}, **old}


def _present_source(key: str, node: Any) -> Any:
    if key == "exploration":
        if node is None:
            return {TARGET: ON_POLICY}
        return {**node, TARGET: EXPLORED} if isinstance(node, Mapping) and TARGET in node else node
    if key == "local_search" and isinstance(node, Mapping) and "share" in node:
        return {("taken_back" if name == "share" else name): value for name, value in node.items()}
    return node


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``; another class replaces what was there."""
    out = dict(below)
    for name, node in above.items():
        there = out.get(name)
        if isinstance(there, Mapping) and isinstance(node, Mapping):
            other = TARGET in node and node[TARGET] != there.get(TARGET)
            out[name] = node if other else {**there, **node}
        else:
            out[name] = node
    return out
