"""Another ``_target_`` under a key replaces the component that was there, parameters and all.

Hydra merges key by key, so that the parameters of a group's component would stay beside a class of one's own, which
does not know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from molgfn.config import CLASS_KEY
from molgfn.moved import present_path


def names_class(node: Any) -> bool:
    """Somewhere in it a class is named."""
    if isinstance(node, Mapping):
        return CLASS_KEY in node or any(map(names_class, node.values()))
    return False


def without_replaced(tree: dict[str, Any], layers: Iterable[Any]) -> dict[str, Any]:
    """``tree`` without the parameters of components that a later layer replaced.

    Args:
        tree: all layers merged key by key, plain.
        layers: what was merged, in order.
    """
    kept: Any = {}
    replaced: set[tuple[str, ...]] = set()
    for layer in layers:
        kept = _over(kept, layer, (), replaced)
    for place in replaced:
        node, own = tree, kept
        for key in place[:-1]:
            node, own = node[key], own[key]
        node[place[-1]] = _common(node[place[-1]], own[place[-1]])
    return tree


def _over(below: Any, above: Any, place: tuple[str, ...], replaced: set[tuple[str, ...]]) -> Any:
    if not isinstance(below, dict) or not isinstance(above, Mapping):
        return dict(above) if isinstance(above, Mapping) else above
    if (
        place
        and CLASS_KEY in above
        and CLASS_KEY in below
        and present_path(above[CLASS_KEY]) != present_path(below[CLASS_KEY])
    ):
        replaced.add(place)
        return dict(above)
    new = dict(below)
    for key, value in above.items():
        new[key] = _over(below[key], value, (*place, key), replaced) if key in below else value
    return new


def _common(node: Any, own: Any) -> Any:
    if not isinstance(node, dict) or not isinstance(own, Mapping):
        return node
    # in the order of whoever replaced it, which is the order of objectives: the merged tree has the old keys first
    return {k: _common(node[k], v) for k, v in own.items() if k in node}
