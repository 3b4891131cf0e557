"""The direction of imports: a folder imports only what stands before it, and nothing goes round in a circle.

Read from the source (imports inside functions count), so nothing here depends on what happens to be imported.
"""

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src"

#: from the bottom up; what stands in one tuple is one layer, whose members see each other only if they are one folder
ORDER = [
    ("errors", "moved_sources", "docstrings"),
    ("correlations", "former_names", "ranks", "signals", "written_by"),
    ("moved",),
    ("paths",),
    ("code_references",),
    ("downloads",),
    ("chemistry", "networks"),
    ("objects",),
    ("proxies",),
    ("datasets",),
    ("information",),
    ("conditions",),
    ("environments",),
    ("hiding",),
    ("oracles",),
    ("serving",),
    ("rewards",),
    ("policies",),
    ("trajectories",),
    ("objectives",),
    ("evaluation",),
    ("training",),
    ("testing", "class_paths"),
    ("config",),
    ("compatibility",),
    ("run_files",),
    ("composing",),
    ("runs",),
    ("acquisition",),
    ("experiment",),
    ("optimising",),
    ("editing",),
    ("api",),
    ("gym",),
    ("study",),
    ("comparing",),
    ("cli",),
    ("__main__",),
]
LAYER = {name: i for i, names in enumerate(ORDER) for name in names}
#: layer -> the only modules (and folders) of another layer that it may see
ONLY = {
    ("objectives", "trajectories"): {
        "trajectories.batch",
        "trajectories.evaluated",
        "trajectories.quantities",
        "trajectories.union",
    },
    ("config", "testing"): set(),
}
#: folder -> siblings that the others in it may import (the contract, and what is written once for all of them)
CONTRACTS = {
    "environments": {
        "base",
        "actions",
        "atom_graphs",
        "backward_weights",
        "build_steps",
        "constant",
        "enumerable",
        "enumeration",
        "graphs",
        "hashing",
        "plain_graphs",
        "real_actions",
        "recipes",
        "slots",
        "strings",
    },
    "oracles": {"base"},
    "oracles.continuous": {"base"},
    "oracles.guacamol": {"similarity"},
    "oracles.structure": {"best_route"},
    "oracles.masks": {"networks"},
    "oracles.physics": {"tight_binding"},
    "oracles.conformations": {"energy"},
    **{f"oracles.{room}": set() for room in ("models", "own", "properties", "synthetic")},
    "oracles.sets": {"information"},
    "objectives": {"base", "comparison", "residuals", "regression"},
    "objectives.policy_gradients": {"advantages", "critics", "actor_critic", "frozen"},
    **{f"objectives.{room}": set() for room in ("balance", "divergences")},
    "objectives.preferences": {"pairwise", "reference"},
    "objectives.soft_q": {"soft_dqn"},
    "objectives.backward": {"base"},
    "evaluation.metrics": {"base"},
    "acquisition.models": {"base", "criterion", "fitted"},
    "acquisition.selectors": {"base", "set_training"},
    "acquisition.proposers": {"base", "genetic", "given"},
    "hiding": {"base", "drawing"},
    "optimising.learning": {"base", "batches"},
    "trajectories.quantities": {"base", "evaluation", "networks"},
}
#: package -> the parts that may not (``chemistry``) or may only (``cli``) import it
NOT_IN = {"torch": {"chemistry"}, "torch_geometric": {"chemistry"}, "pytorch_lightning": {"chemistry", "objectives"}}
ONLY_IN = {"hydra": {"composing"}, "omegaconf": {"composing", "cli"}}
#: what molgfn/__init__.py may name, and that for type checkers only
LIGHT = re.compile(r"api\.|errors$")
NAMELESS = {"utils", "util", "common", "misc", "core", "helpers"}
LONGEST = 400


@dataclass(frozen=True)
class Module:
    """``name`` is dotted and without ``molgfn.``; a package's ``__init__`` has the package's name."""

    name: str
    source: str

    @property
    def part(self) -> str:
        return self.name.partition(".")[0]


def read(root: Path) -> list[Module]:
    """All modules of the package; the top ``__init__`` is called ``""``."""
    modules = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts[1:]
        modules.append(Module(".".join(p for p in parts if p != "__init__"), path.read_text(encoding="utf-8")))
    return modules


def imports(module: Module, known: set[str]) -> tuple[set[str], set[str]]:
    """Modules of the package, and top-level names of other packages, that a module imports."""
    return _imported(ast.walk(ast.parse(module.source)), module, known)


def for_checkers(module: Module, known: set[str]) -> set[str]:
    """Modules of the package that a module imports for type checkers alone, at its top."""
    blocks = [
        n for n in ast.parse(module.source).body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"
    ]
    return _imported([node for block in blocks for node in block.body], module, known)[0]


def _imported(nodes: Iterable[ast.AST], module: Module, known: set[str]) -> tuple[set[str], set[str]]:
    own, other = set(), set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:  # not used here: an absolute import says which layer it reaches into
                start = "molgfn.?relative"
            # `from package import module` imports the module
            inner = [f"{start}.{alias.name}" for alias in node.names]
            names = [n if n.removeprefix("molgfn.") in known else start for n in inner]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "molgfn":
                own.add(name.removeprefix("molgfn").removeprefix("."))
            else:
                other.add(name.partition(".")[0])
    return own - {module.name}, other


def breaches(modules: list[Module]) -> list[str]:
    """Every breach of the rules, one line each."""
    known = {m.name for m in modules}
    found, graph = [], {}
    for m in modules:
        own, other = imports(m, known)
        if not m.part:  # every import of anything runs molgfn/__init__.py: it names the API for type checkers only
            typed = for_checkers(m, known)
            found += [f"imports {target}" for target in sorted(own) if target not in typed or not LIGHT.match(target)]
            found += [f"imports {package}" for package in sorted(other - sys.stdlib_module_names)]
            own = set()
        graph[m.name] = own & known
        if m.part and m.part not in LAYER:
            found.append(f"{m.name}: `{m.part}` has no place in the order of layers")
            continue
        if m.source.count("\n") > LONGEST:
            found.append(f"{m.name}: more than {LONGEST} lines")
        if bad := NAMELESS & set(m.name.split(".")):
            found.append(f"{m.name}: `{bad.pop()}` says nothing; call it after what it does")
        found += [f"{m.name}: imports {p}" for p in sorted(other) if m.part in NOT_IN.get(p, ())]
        found += [f"{m.name}: imports {p}" for p in sorted(other) if m.part not in ONLY_IN.get(p, {m.part})]
        found += [f"{m.name}: imports {target}" for target in sorted(own) if target and not allowed(m, target)]
    return found + [f"{' -> '.join(circle)}: a circle" for circle in circles(graph)]


def allowed(m: Module, target: str) -> bool:
    part = target.partition(".")[0]
    if part not in LAYER:
        return False
    if part != m.part:
        seen = ONLY.get((m.part, part), {target})
        return LAYER[part] < LAYER[m.part] and any(f"{target}.".startswith(f"{one}.") for one in seen)
    folder = m.name.rpartition(".")[0]
    inside, _, sibling = target.rpartition(".")
    if m.name == inside:  # a package gathers what lies in it
        return True
    if folder in CONTRACTS and inside == folder:
        return sibling in CONTRACTS[folder]
    return True


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One circle of imports for each that a depth-first search closes."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for target in sorted(graph.get(name, ())):
                visit(target, [*path, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return found


def test_the_package_keeps_the_rules():
    modules = read(ROOT)
    assert len(modules) > 50, "the package was not found"
    assert breaches(modules) == []


def test_every_layer_that_is_named_exists():
    assert {m.part for m in read(ROOT)} - {""} == set(LAYER)


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("chemistry.a", "import molgfn.environments.base", "chemistry.a: imports environments.base"),
        ("chemistry.a", "def f():\n    from molgfn.oracles.base import Oracle", "imports oracles.base"),
        ("chemistry.a", "from molgfn.networks import mlp", "imports networks.mlp"),
        ("chemistry.a", "import torch.nn", "chemistry.a: imports torch"),
        ("objectives.a", "from molgfn.trajectories.sampler import Sampler", "imports trajectories.sampler"),
        ("objectives.a", "from molgfn.trajectories.evaluate import evaluate", "imports trajectories.evaluate"),
        ("objectives.a", "from molgfn.objectives.b import B", "imports objectives.b"),
        ("objectives.soft_q.a", "from molgfn.objectives.soft_q.b import B", "imports objectives.soft_q.b"),
        ("objectives.a", "from molgfn.objectives import b", "imports objectives.b"),
        ("objectives.backward.a", "from molgfn.objectives.backward.b import B", "imports objectives.backward.b"),
        ("oracles.a", "from molgfn.oracles.b import B", "imports oracles.b"),
        ("environments.a", "from molgfn.environments.b import B", "imports environments.b"),
        ("evaluation.metrics.a", "from molgfn.evaluation.metrics.b import B", "imports evaluation.metrics.b"),
        ("evaluation.a", "from molgfn.config import build", "evaluation.a: imports config"),
        ("evaluation.a", "if TYPE_CHECKING:\n    from molgfn.training.data import Data", "imports training.data"),
        ("training.a", "from molgfn.testing import check_oracle", "imports testing"),
        ("config", "from omegaconf import OmegaConf", "config: imports omegaconf"),
        ("training.a", "import hydra", "training.a: imports hydra"),
        ("cli.a", "import hydra", "cli.a: imports hydra"),
        ("training.a", "from . import data", "relative"),
        ("training.utils", "", "`utils` says nothing"),
        ("chemistry.common.a", "", "`common` says nothing"),
        ("helpers", "", "`helpers` has no place"),
        ("training.a", "x = 1\n" * 401, "more than 400 lines"),
        ("", "from molgfn.config import build", "imports config"),
        ("", "from molgfn.api.runs import load", "imports api.runs"),
        ("", "def f():\n    from molgfn.api.runs import load", "imports api.runs"),
        ("", "if TYPE_CHECKING:\n    from molgfn.config import build", "imports config"),
        ("", "import pandas", "imports pandas"),
    ],
)
def test_a_breach_is_found(name, source, says):
    around = [
        "errors",
        "networks.mlp",
        "environments.base",
        "environments.b",
        "oracles.base",
        "oracles.b",
        "objectives.b",
        "config",
    ]
    around += [
        "objectives.soft_q.b",
        "objectives.backward.b",
        "evaluation.metrics.b",
        "trajectories.sampler",
        "trajectories.evaluate",
        "training.data",
        "testing",
        "api.runs",
    ]
    modules = [Module(n, "") for n in around if n != name]
    assert breaches(modules) == []
    assert [line for line in breaches([*modules, Module(name, source)]) if says in line]


def test_a_circle_is_found_wherever_it_closes():
    modules = [
        Module("training.a", "import torch\nfrom molgfn.training.b import B"),
        Module("training.b", "def late():\n    from molgfn.training import c"),
        Module("training.c", "from molgfn.training.a import A"),
    ]
    assert breaches(modules) == ["training.a -> training.b -> training.c -> training.a: a circle"]
    assert breaches(modules[:2]) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("chemistry.a", "from molgfn.errors import DataError\nimport rdkit"),
        ("objectives.a", "from molgfn.trajectories.evaluated import Evaluated"),
        ("objectives.a", "from molgfn.trajectories.quantities.flows import LogZ"),
        ("objectives.a", "from molgfn.objectives import residuals"),
        ("objectives.backward.a", "from molgfn.objectives.base import Loss"),
        ("oracles.__init__", "from molgfn.oracles.base import Oracle"),
        ("composing.a", "import hydra\nfrom molgfn import __version__"),
        ("training.a", "x = 1\n" * 400),
        ("", "import importlib\nif TYPE_CHECKING:\n    from molgfn.api.runs import load as load"),
    ],
)
def test_what_is_allowed(name, source):
    others = [
        Module(n, "")
        for n in (
            "",
            "objectives.residuals",
            "trajectories.batch",
            "trajectories.evaluated",
            "trajectories.quantities.flows",
            "api.runs",
        )
        if n != name
    ]
    assert breaches([*others, Module(name.removesuffix(".__init__"), source)]) == []
