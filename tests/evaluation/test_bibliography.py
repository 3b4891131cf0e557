"""References of a run: where they are found, and that no oracle's is lost."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml

from molgfn.evaluation.report import bibliography
from molgfn.evaluation.report.bibliography import Bibliography
from molgfn.oracles.base import Oracle
from molgfn.rewards.scalarisation import Scalarisation

ORACLES = sorted((Path(__file__).parents[2] / "configs" / "oracle").glob("*.yaml"))


class Sourced:
    source = "a source"


class Inherits(Sourced):
    """No word of where it is from."""


class OneLine(Sourced):
    """Something.

    Reference: Brown et al.,
    GuacaMol. Pinned by tests/test_x.py.

    More.
    """


class Indented(Sourced):
    """Something.

    Reference:
        Rogers and Hahn,
        fingerprints.
    """


class Both(OneLine):
    """Reference: the docstring."""

    reference = "the attribute"


class Empty(Sourced):
    reference = ""


class Generic:
    """Reference: of all of its kind."""


Generic.__module__ = "molgfn.oracles.base"


class Bare(Generic):
    """Nothing."""


class Elsewhere:
    source = "of another package"


Elsewhere.__module__ = "other.oracles"


class FromElsewhere(Elsewhere):
    """Nothing."""


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Sourced, "a source"),
        (Inherits, "a source"),
        (OneLine, "Brown et al., GuacaMol."),
        (Indented, "Rogers and Hahn, fingerprints."),
        (Both, "the attribute"),
        (Empty, "a source"),
        (Bare, ""),
        (FromElsewhere, ""),
    ],
)
def test_where_a_reference_is_found(cls, text, monkeypatch):
    for base in cls.__mro__[:-1]:
        if base.__module__ == __name__:
            monkeypatch.setattr(base, "__module__", "molgfn.oracles.mine")
    monkeypatch.setattr(bibliography, cls.__name__, cls, raising=False)
    found = Bibliography()
    found.add_config({"_target_": f"molgfn.evaluation.report.bibliography.{cls.__name__}"})
    assert [entry.text for entry in found.entries] == [text] * bool(text)


@pytest.mark.parametrize("path", ORACLES, ids=lambda path: path.stem)
def test_every_oracle_that_names_one_is_cited(path):
    node = yaml.safe_load(path.read_text())
    module, _, name = node["_target_"].rpartition(".")
    bases = [c for c in getattr(importlib.import_module(module), name).__mro__ if issubclass(c, Oracle | Scalarisation)]
    named = [
        c
        for c in bases
        if c not in (Oracle, Scalarisation) and ("source" in vars(c) or "Reference:" in (inspect.getdoc(c) or ""))
    ]
    found = Bibliography()
    found.add_config(node)
    assert any(name in entry.users for entry in found.entries) == bool(named)
    assert named, "every shipped oracle says where it is from"
