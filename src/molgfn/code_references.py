"""Python code that a user names: ``package.module.name``, or ``file.py:name`` for a file anywhere."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from molgfn.errors import ConfigError
from molgfn.paths import local

#: attribute of a module that was imported from a file: the sha256 of what the file held
CONTENT = "__molgfn_content__"
_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[^:/]+)", re.DOTALL)


def split(reference: str) -> tuple[str, str]:
    """(module or file, name) of a reference; the first is empty where it is none."""
    if found := _FILE.fullmatch(reference):
        return found["file"], found["name"]
    module, _, name = reference.rpartition(".")
    return module, name


def names_file(reference: Any) -> bool:
    """It is ``file.py:name``."""
    return isinstance(reference, str) and _FILE.fullmatch(reference) is not None


def module_of(reference: str) -> ModuleType:
    """The module, imported; a file's folder need not be on Python's path.

    Raises:
        Exception: whatever importing it raises.
    """
    module, _ = split(reference)
    return _from_file(local(module)) if names_file(reference) else importlib.import_module(module)


def _from_file(path: Path) -> ModuleType:
    """The module in a file, imported once per process, and again when the file was edited (beside a notebook).

    Its name is one that no other file's module has.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    source = path.read_bytes()
    content = hashlib.sha256(source).hexdigest()
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules and getattr(sys.modules[name], CONTENT, None) == content:
        return sys.modules[name]
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ConfigError(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    setattr(module, CONTENT, content)
    sys.modules[name] = module  # dataclasses and pickles look their module up there
    # what lies beside the file is importable for it, as it is for a script
    sys.path.append(str(path.parent))
    try:
        # not by exec_module: bytecode that is kept beside a file is told apart from its source by the second only
        exec(loader.source_to_code(source, str(path)), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module
