"""The objective that a run was trained by, as far as its config says without building it."""

from __future__ import annotations

from molgfn.class_paths import import_class, trusted_prefixes
from molgfn.config import CLASS_KEY
from molgfn.errors import ConfigError
from molgfn.objectives.base import Objective
from molgfn.runs.checkpoint import Loaded


def objective_class(loaded: Loaded) -> type[Objective] | None:
    """Its class; None where it may not be imported, or is not there.

    The class says what the policy was taught (``learns_flow``, ``has_target``); an instance may need files that are
    gone, such as the prior of relative trajectory balance.
    """
    path = (loaded.config.get("objective") or {}).get(CLASS_KEY)
    try:
        found = import_class(path, trusted_prefixes(True, loaded.trust))
    except ConfigError:
        return None
    return found if issubclass(found, Objective) else None
