"""``import molgfn``: light, complete, typed, documented."""

import ast
import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import molgfn

NAMES = [name for name in molgfn.__all__ if name not in ("__version__", "errors")]
FUNCTIONS = [name for name in NAMES if name.islower()]
HEAVY = ("torch", "rdkit", "numpy", "pandas", "hydra", "matplotlib", "pytorch_lightning")


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_it_imports_nothing_heavy():
    code = f"import molgfn, sys; dir(molgfn); print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code).strip() == "[]"
    assert python("import molgfn, sys; molgfn.train; print('torch' in sys.modules)").strip() == "True"


def test_type_checkers_see_what_there_is():
    tree = ast.parse(Path(molgfn.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {alias.asname: node.module for node in block.body for alias in node.names}
    assert typed.pop("errors") == "molgfn"
    assert typed == molgfn._PLACES
    assert sorted(typed) == sorted(NAMES)


def test_names_can_be_listed_and_unknown_ones_are_refused():
    assert {*NAMES, "errors"} <= set(dir(molgfn))
    assert python("import molgfn; print(molgfn.errors.ConfigError('a').problems)").strip() == "['a']"
    with pytest.raises(AttributeError, match="has no attribute 'fit'"):
        molgfn.fit  # noqa: B018
    with pytest.raises(ImportError):
        exec("from molgfn import fit")
    assert importlib.import_module("molgfn.config").check  # modules are found as ever


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_types_and_says_what_it_takes_and_raises(name):
    function = getattr(molgfn, name)
    page = inspect.getdoc(function)
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    assert set(hints) == {*parameters, "return"}
    args = page.split("\nArgs:\n")[1].split("\nR")[0]
    for parameter in parameters:
        assert f"    {parameter}: " in args
    assert "Raises:\n    " in page


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(FUNCTIONS)))
def test_every_class_is_documented(name):
    cls = getattr(molgfn, name)
    assert isinstance(cls, type)
    assert len(inspect.getdoc(cls)) > 60
