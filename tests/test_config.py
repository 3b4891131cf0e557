"""The strict layer: what it refuses and how it says so, and what it builds."""

import textwrap
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field, PositiveFloat

from molgfn.class_paths import import_class, parameters, type_text
from molgfn.config import ROOT, Slot, build, check
from molgfn.errors import ConfigError, VocabularyError

PARTS = """
    from __future__ import annotations
    from abc import ABC, abstractmethod
    from collections.abc import Sequence
    from dataclasses import dataclass
    from pathlib import Path
    from typing import Annotated, Any, Literal
    from pydantic import Field, PositiveFloat
    from molgfn.errors import ConfigError, VocabularyError

    class Shape: ...

    class Square(Shape):
        def __init__(self, *, side: Annotated[float, Field(gt=0)] = 1.0, sides: int = 4,
                     colour: Literal["red", "green"] = "red", label: str | None = None,
                     exact: bool = False, power: int | Literal["auto"] = 1) -> None:
            self.side, self.sides, self.colour, self.label = side, sides, colour, label
            self.exact, self.power = exact, power

    @dataclass(frozen=True)
    class Part:
        shape: Shape
        weight: PositiveFloat = 1.0

    @dataclass(frozen=True)
    class HeavyPart(Part):
        tag: str = ""

    class Group(Shape):
        def __init__(self, *, parts: Annotated[list[Part], Field(min_length=1)], named: dict[str, Shape] = {},
                     pair: tuple[Shape, Shape] | None = None, bounds: tuple[float, float] = (0.0, 1.0),
                     extra: Shape | None = None, many: Sequence[int] = (), path: Path | None = None,
                     live: Any = None, either: Shape | list[Shape] | None = None) -> None:
            self.__dict__.update(locals())

    class Contract(Shape, ABC):
        @abstractmethod
        def area(self): ...

    class Picky(Shape):
        def __init__(self, *, how: str) -> None:
            raise {"value": ValueError("no such way"), "config": ConfigError(["one", "two"]),
                   "file": OSError("no file"), "data": VocabularyError("line 3: bad")}[how]

    class Unresolvable(Shape):
        def __init__(self, *, x: Missing = 1) -> None: ...

    def function() -> Shape:
        return Shape()
"""


@pytest.fixture(autouse=True)
def _parts(tmp_path, monkeypatch):
    """A package of the user's own, outside molgfn."""
    import sys

    (tmp_path / "userparts").mkdir()
    (tmp_path / "userparts" / "__init__.py").write_text("")
    (tmp_path / "userparts" / "shapes.py").write_text(textwrap.dedent(PARTS))
    (tmp_path / "userparts" / "broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [m for m in sys.modules if m.startswith("userparts")]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [m for m in sys.modules if m.startswith("userparts")]:
        del sys.modules[name]


SCHEMA = {"shape": Slot("userparts.shapes.Shape", frozenset({"live"})), "seed": ROOT["seed"]}


def node(name: str, **arguments) -> dict:
    return {"_target_": f"userparts.shapes.{name}", **arguments}


def problems(name: str, **arguments) -> list[str]:
    return check({"shape": node(name, **arguments), "seed": 0}, schema=SCHEMA)


def make(tree: dict, **options):
    return build(tree, import_class("userparts.shapes.Shape"), "shape", **options)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"sid": 2.0}, "shape.sid: Square has no parameter `sid`; did you mean `side`?"),
        ({"Side": 2.0}, "shape.Side: Square has no parameter `Side`; did you mean `side`?"),
        ({"zzz": 2}, "shape.zzz: Square has no parameter `zzz`; there is side, sides, colour, label, exact, power"),
        ({"side": "abc"}, "shape.side: should be a valid number, got 'abc'"),
        ({"side": "2.0"}, "shape.side: should be a valid number, got '2.0'"),
        ({"side": True}, "shape.side: should be a valid number, got True"),
        ({"side": -1}, "shape.side: should be greater than 0, got -1"),
        ({"side": None}, "shape.side: should be a valid number, got None"),
        ({"sides": 8.5}, "shape.sides: should be a valid integer, got 8.5"),
        ({"sides": True}, "shape.sides: should be a valid integer, got True"),
        ({"sides": "8"}, "shape.sides: should be a valid integer, got '8'"),
        ({"sides": [8]}, "shape.sides: should be a valid integer, got [8]"),
        ({"exact": 1}, "shape.exact: should be a valid boolean, got 1"),
        ({"exact": "yes"}, "shape.exact: should be a valid boolean, got 'yes'"),
        ({"label": 3}, "shape.label: should be a valid string, got 3"),
        ({"colour": "gren"}, "shape.colour: should be 'red' or 'green', got 'gren'; did you mean `green`?"),
        (
            {"power": "aut"},
            "shape.power: should be a valid integer or should be 'auto', got 'aut'; did you mean `auto`?",
        ),
    ],
)
def test_plain_values_are_strict(arguments, expected):
    assert problems("Square", **arguments) == [expected]


def test_right_values_pass_and_arrive():
    tree = node("Square", side=2, sides=3, colour="green", label=None, exact=True, power="auto")
    assert check({"shape": tree, "seed": 0}, schema=SCHEMA) == []
    square = make(tree)
    assert (square.side, square.sides, square.colour, square.label) == (2.0, 3, "green", None)
    assert isinstance(square.side, float)
    assert (square.exact, square.power) == (True, "auto")


def test_all_problems_are_reported_together_with_places():
    tree = node(
        "Group",
        parts=[node("Part", shape=node("Square", sid=1), weight=-1), node("Square")],
        named={"a": node("Square", sides=2.5), "b": node("Part", shape=node("Square"))},
        pair=[node("Square")],
        extra=3,
        bounds=[0, "x"],
        many=[1, 2.5],
        typo=1,
    )
    found = check({"shape": tree, "sed": 1}, schema=SCHEMA)
    assert found == [
        "sed: a run has no key `sed`; did you mean `seed`?",
        "shape.parts[0].shape.sid: Square has no parameter `sid`; did you mean `side`?",
        "shape.parts[0].weight: should be greater than 0, got -1",
        "shape.parts[1]: `Square` is not a Part",
        "shape.named.a.sides: should be a valid integer, got 2.5",
        "shape.named.b: `Part` is not a Shape",
        "shape.pair: should have 2 items, has 1",
        "shape.extra: should be a component (a mapping with `_target_`, a Shape), got 3",
        "shape.bounds[1]: should be a valid number, got 'x'",
        "shape.many[1]: should be a valid integer, got 2.5",
        "shape.typo: Group has no parameter `typo`; there is parts, named, pair, bounds, extra, many, path, either",
        "seed: missing",
    ]
    with pytest.raises(ConfigError) as error:
        make(tree)
    assert len(error.value.problems) == 10  # all but the two of the top level


def test_nested_components_are_built_with_their_containers():
    tree = node(
        "Group",
        parts=[node("Part", shape=node("Square", side=3)), node("HeavyPart", shape=node("Square"), tag="x")],
        named={"a": node("Square")},
        pair=[node("Square"), node("Square", side=5)],
        bounds=[1, 2],
        path="a/b",
        either=[node("Square")],
    )
    group = make(tree)
    assert group.parts[0].shape.side == 3.0
    assert group.parts[1].tag == "x"
    assert group.named["a"].side == 1.0
    assert isinstance(group.pair, tuple)
    assert group.pair[1].side == 5.0
    assert group.bounds == (1.0, 2.0)
    assert group.path.name == "b"
    assert group.either[0].sides == 4


def test_a_container_of_components_keeps_its_own_constraints():
    (problem,) = problems("Group", parts=[])
    assert problem.startswith("shape.parts: list should have at least 1 item")
    (problem,) = problems("Group", parts=node("Part", shape=node("Square")))
    assert problem == "shape.parts: `Part` does not belong here: should be list of Part, at least 1 long"
    (problem,) = problems("Group", parts={"a": node("Part", shape=node("Square"))})
    assert problem.startswith("shape.parts: should be list of")
    (problem,) = problems("Square", sides=node("Square"))
    assert problem == "shape.sides: `Square` does not belong here: should be int"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("userparts.shapes.Sqare", "there is no class `Sqare` in userparts.shapes; did you mean `Square`?"),
        ("userparts.shape.Square", "did you mean `userparts.shapes`?"),
        ("userparts.shapes.function", "`userparts.shapes.function` is not a class"),
        ("userparts.shapes.Part", "`Part` is not a Shape"),
        ("userparts.shapes.Contract", "`Contract` is a contract and cannot be built"),
        ("userparts.shapes.Unresolvable", "the constructor of `Unresolvable` cannot be read: name 'Missing'"),
        ("userparts.broken.Thing", "cannot import `userparts.broken` for `userparts.broken.Thing` (division by zero)"),
        ("Square", "should be the dotted path of a class"),
        ("..Square", "cannot import"),
        (3, "should be the dotted path of a class"),
    ],
)
def test_targets_that_cannot_be_used(target, expected):
    (problem,) = check({"shape": {"_target_": target}, "seed": 0}, schema=SCHEMA)
    assert problem.startswith("shape: ")
    assert expected in problem


def test_a_component_needs_a_target():
    assert check({"shape": {"side": 1}, "seed": 0}, schema=SCHEMA) == ["shape: has no `_target_` that names a Shape"]
    (problem,) = check({"shape": "square", "seed": 0}, schema=SCHEMA)
    assert problem == "shape: should be a component (a mapping with `_target_`, a Shape), got 'square'"
    assert (
        check({"shape": None, "seed": 0}, schema={**SCHEMA, "shape": Slot("userparts.shapes.Shape", optional=True)})
        == []
    )
    assert check(["x"], schema=SCHEMA)[0].startswith("config: should be a mapping")


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True, 2**32])
def test_bad_seeds(seed):
    (problem,) = check({"shape": node("Square"), "seed": seed}, schema=SCHEMA)
    assert problem.startswith("seed: should be ")


def test_missing_parameters():
    assert problems("Part", weight=1.0)[0] == "shape: `Part` is not a Shape"
    assert problems("Group") == ["shape.parts: missing; Group needs it"]


def test_live_parameters_are_given_by_the_run_only():
    parts = [node("Part", shape=node("Square"))]
    assert problems("Group", parts=parts, live=1) == ["shape.live: the run itself gives `live` to Group; leave it out"]
    group = make(node("Group", parts=parts), live={"live": "engine", "unknown": 1})
    assert group.live == "engine"


def test_constructor_errors_name_the_place():
    for how, expected in {"value": ["no such way"], "config": ["one", "two"], "file": ["no file"]}.items():
        with pytest.raises(ConfigError) as error:
            make(
                node("Group", parts=[], extra=node("Picky", how=how)) | {"parts": [node("Part", shape=node("Square"))]}
            )
        assert error.value.problems == [f"shape.extra: {text}" for text in expected]
    with pytest.raises(VocabularyError, match="line 3: bad"):
        make(node("Picky", how="data"))


def test_build_does_not_change_the_config():
    tree = node("Group", parts=[node("Part", shape=node("Square"))], bounds=[1, 2])
    before = repr(tree)
    make(tree)
    assert repr(tree) == before


def test_untrusted_accepts_only_trusted_classes():
    tree = node("Square")
    with pytest.raises(ConfigError, match="is not accepted from a checkpoint"):
        make(tree, untrusted=True)
    assert make(tree, untrusted=True, trust=("userparts.",)).side == 1.0
    assert make(tree, untrusted=True, trust=("userparts",)).side == 1.0
    with pytest.raises(ConfigError, match="is not accepted"):
        make(tree, untrusted=True, trust=("userpart",))


@pytest.mark.parametrize(
    ("target", "key", "value"),
    [
        ("molgfn.oracles.own.function.Function", "function", "subprocess.call"),
        ("molgfn.oracles.own.function.Function", "function", "torch.load"),
        ("molgfn.oracles.own.command.Command", "command", ["rm", "-rf", "."]),
    ],
)
def test_untrusted_runs_no_code_that_a_parameter_names(target, key, value):
    problems = check({"oracle": {"_target_": target, key: value}}, schema={"oracle": ROOT["oracle"]}, untrusted=True)
    assert len(problems) == 1
    assert "names code to run" in problems[0]
    assert check({"oracle": {"_target_": target, key: value}}, schema={"oracle": ROOT["oracle"]}) == []


def test_a_trusted_package_may_name_its_functions():
    node = {"oracle": {"_target_": "molgfn.oracles.own.function.Function", "function": "json.dumps"}}
    assert check(node, schema={"oracle": ROOT["oracle"]}, untrusted=True, trust=("json",)) == []


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.eval", "subprocess.Popen", "torch.hub.load", "torch.load", "molgfn.config.build",
        "molgfn.config.json.JSONDecoder", "molgfn.class_paths.Parameter", "torch.os._Environ", "molgfn.cli.main.main",
        "molgfn.config.TypeAdapter",
    ],
)  # fmt: skip
def test_untrusted_refuses_everything_that_is_not_a_component(target):
    with pytest.raises(ConfigError) as error:
        make({"_target_": target}, untrusted=True, trust=("userparts.",))
    assert len(error.value.problems) == 1
    # and when it is nested
    with pytest.raises(ConfigError):
        make(node("Group", parts=[node("Part", shape={"_target_": target})]), untrusted=True, trust=("userparts.",))
    # where the annotation says nothing, nothing is accepted
    parts = [node("Part", shape=node("Square"))]
    with pytest.raises(ConfigError):
        make(node("Group", parts=parts, live={"_target_": target}), untrusted=True, trust=("userparts.",))


def test_parameters_of_an_inherited_dataclass():
    found = parameters(import_class("userparts.shapes.HeavyPart"))
    assert list(found) == ["shape", "weight", "tag"]
    assert found["shape"].required
    assert found["tag"].default == ""


def test_a_schema_that_is_wrong_itself_says_so():
    with pytest.raises(ConfigError, match="the schema itself is wrong"):
        check({"shape": node("Square")}, schema={"shape": Slot("userparts.shapes.Gone")})


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "int"),
        (Annotated[int, Field(ge=1, lt=9)], "int, at least 1, below 9"),
        (PositiveFloat | None, "number, above 0 or null"),
        (Literal["free", "full"], "'free' or 'full'"),
        (tuple[float, float], "list of 2: number, number"),
        (dict[str, list[bool]], "mapping of text to list of true or false"),
        (Annotated[list[str], Field(min_length=2)], "list of text, at least 2 long"),
        (Any, "anything"),
    ],
)
def test_type_text(annotation, expected):
    assert type_text(annotation) == expected


@pytest.mark.parametrize(("text", "word", "read"), [("off", "off", "False"), ("no", "off", "False")])
def test_a_word_that_yaml_reads_as_a_boolean_is_hinted_at(text, word, read):
    logger = yaml.safe_load(f"{{_target_: molgfn.training.logs.loggers.Loggers, wandb: {text}}}")
    (problem,) = check({"logger": logger}, schema={"logger": ROOT["logger"]})
    assert problem.startswith("logger.wandb: should be 'auto'")
    hint = f"YAML reads a bare {word} as {read.lower()}: write '{word}' with quotation marks"
    assert problem.endswith(f"got {read}; {hint}")
    logger["wandb"], logger["project"] = "off", yaml.safe_load("on")
    (problem,) = check({"logger": logger}, schema={"logger": ROOT["logger"]})
    assert problem.endswith("if it was on or yes, write it with quotation marks")
