"""What the comments of a contract say is in its docstring, so that ``help()`` shows it."""

import ast
import importlib
import inspect
import pydoc
import re
from pathlib import Path

import pytest

from molgfn.docstrings import attribute_sentences, attributes_in_docstring

SOURCE = Path(__file__).parents[1] / "src" / "molgfn"
#: contracts that people read when they write a part of their own
NAMED = {
    "Environment",
    "ListedActions",
    "Enumerable",
    "Policy",
    "Objective",
    "BackwardPolicyTraining",
    "Oracle",
    "Reward",
    "Source",
    "Quantity",
    "Metric",
    "ObjectKind",
    "Condition",
}


def contracts() -> list[tuple[str, str]]:
    """(module, class) of every abstract class whose attributes have sentences."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        if "#:" not in text or "abstractmethod" not in text:
            continue
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and declared(module, node.name):
                cls = getattr(importlib.import_module(f"molgfn.{module}"), node.name)
                abstract = any(getattr(member, "__isabstractmethod__", False) for member in vars(cls).values())
                if (abstract or inspect.isabstract(cls)) and attribute_sentences(cls):
                    found.append((module, node.name))
    return found


def declared(module: str, name: str) -> set[str]:
    """The attributes that a class declares in its body."""
    tree = ast.parse((SOURCE / f"{module.replace('.', '/')}.py").read_text())
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    names = {node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def plain(text: str) -> str:
    return " ".join(text.split())


CONTRACTS = contracts()


def test_the_contracts_are_found():
    assert {name for _, name in CONTRACTS} >= NAMED


@pytest.mark.parametrize(("module", "name"), CONTRACTS, ids=[name for _, name in CONTRACTS])
def test_help_shows_each_attribute_with_its_sentence(module, name):
    cls = getattr(importlib.import_module(f"molgfn.{module}"), name)
    page = pydoc.render_doc(cls, renderer=pydoc.plaintext)
    shown = plain(page.replace("\n |", "\n"))
    names = declared(module, name)
    assert names, "the contract declares nothing"
    text = (SOURCE / f"{module.replace('.', '/')}.py").read_text()
    sentences = attribute_sentences(cls)
    assert names <= set(sentences), f"without a `#:` sentence: {sorted(names - set(sentences))}"
    for attribute, sentence in sentences.items():
        assert plain(f"{attribute}: {sentence}") in shown
        assert sentence[:40] in re.sub(r"\n\s+#: ?", " ", text), "the sentence is not the one in the source"
    assert cls.__doc__.count("Attributes:") == 1


def test_the_sentences_are_those_beside_the_attributes():
    assert attribute_sentences(Sample) == {
        "first": "one sentence on two lines",
        "second": "beside it: with a colon",
        "third": "of an instance",
    }
    assert Sample.__doc__ == (
        "A class.\n\nAttributes:\n    first: one sentence on two lines\n    second: beside it: with a colon\n"
        "    third: of an instance"
    )


def test_a_class_without_sentences_keeps_its_docstring():
    assert attributes_in_docstring(Plain) is Plain
    assert inspect.getdoc(Plain) == "Another.\n\nWith more."
    assert attribute_sentences(int) == {}


@attributes_in_docstring
class Sample:
    """A class."""

    #: one sentence
    #: on two lines
    first: int
    second: str = "a"  #: beside it: with a colon
    # a plain comment
    other: int = 3

    def __init__(self) -> None:
        #: of an instance
        self.third = 1
        #: of nothing

        self.fourth = 2


class Plain:
    """Another.

    With more.
    """

    value: int = 1
