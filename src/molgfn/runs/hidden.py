"""What a run's config hides while the policy trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from molgfn.config import build
from molgfn.hiding.base import HiddenObjects


def run_hidden(
    config: Mapping[str, Any], *, untrusted: bool = False, trust: Sequence[str] = ()
) -> HiddenObjects | None:
    """The part ``hidden`` of a config; None where nothing is hidden. ``untrusted`` and ``trust``: as of ``build``.

    Raises:
        ConfigError: it cannot be built.
    """
    node = config.get("hidden")
    return None if node is None else build(node, HiddenObjects, "hidden", untrusted=untrusted, trust=tuple(trust))
