"""Packages of the optional extras: a test that needs one asks for ``needs_extra``, and is then marked ``extras``.

Where a package is absent the test is skipped, unless ``MOLGFN_TEST_EXTRAS`` (names with commas) says that its extra is
installed: then it fails, so that CI notices an extra that can no longer be installed or imported.
"""

import importlib
import os
from typing import Any

import pytest

INSTALLED = {name.strip() for name in os.environ.get("MOLGFN_TEST_EXTRAS", "").split(",")} - {""}


def extra(name: str, module: str) -> Any:
    """A module of the extra ``name`` of pyproject.toml."""
    if name in INSTALLED:
        return importlib.import_module(module)
    reason = f"needs {module}: pip install -c constraints.txt '.[{name}]' (in the clone)"
    return pytest.importorskip(module, reason=reason)
