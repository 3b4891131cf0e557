"""Every path and every name that a page mentions exists."""

import ast
import functools
import importlib
import re
from pathlib import Path

import pytest
import yaml

import molgfn

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "molgfn"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
#: where paths in the text may start
TOPS = [ROOT, PACKAGE]
#: `tests/a.py`, `objectives/`, `experiments/seh/seh.yaml`; not `./mine`, `a/b` of people's own
PATH = re.compile(r"[A-Za-z_][\w.-]*(?:/[\w.*-]+)*/?(?:[\w*-]+\.(?:py|md|yaml|cff|toml|txt|smi))?")
FILE = re.compile(r"[\w-]+\.(?:py|md|cff|toml)")
DOTTED = re.compile(r"molgfn(?:\.[A-Za-z_]\w*)+")
MEMBER = re.compile(r"([A-Z]\w+)\.([a-z_]\w*)(?:\(.*\))?")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def words(page: Path) -> list[str]:
    """What stands in single backticks, outside of blocks of code."""
    plain = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    return [" ".join(word.split()) for word in re.findall(r"`([^`]+)`", plain)]


def blocks(page: Path) -> str:
    return "\n".join(re.findall(r"```.*?\n(.*?)```", text_of(page), flags=re.DOTALL))


def announced(page: Path) -> set[str]:
    """Files that the page itself shows how to write."""
    shown = blocks(page)
    names = re.findall(r"^# (\S+\.(?:py|yaml))$", shown, re.MULTILINE) + re.findall(r'Path\("([^"]+)"\)', shown)
    return {part for name in names for part in (name, Path(name).name, str(Path(name).parent))} - {"."}


def paths(page: Path) -> set[str]:
    """Paths below the checkout or the package that the page mentions."""
    found = set()
    tops = {entry.name for top in TOPS for entry in top.iterdir()}
    for word in words(page):
        word = re.sub(r"/<\w+>\.\w+$", "/", word)  # `configs/oracle/<name>.yaml`: the folder is there
        word = re.sub(r"<\w+>", "*", word)
        if page.name in ("design.md", "CONTRIBUTING.md") and FILE.fullmatch(word):
            found.add(word)
        own_run = word.startswith("runs/") and not word.endswith((".py", "/"))  # where people's runs lie
        if PATH.fullmatch(word) and "/" in word and word.split("/")[0] in tops and not own_run:
            found.add(word)
    return found - announced(page)


def exists(path: str) -> bool:
    return any(any(top.glob(path.rstrip("/"))) if "*" in path else (top / path).exists() for top in TOPS)


def resolves(name: str) -> bool:
    """Whether ``molgfn.a.b.C.d`` can be imported and asked for."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                return False
            found = getattr(found, part, None)
        return True
    return False


@functools.cache
def classes() -> dict[str, set[str]]:
    """Class -> names that its body, or ``self``, gives; with those of its bases in the package."""
    own: dict[str, set[str]] = {}
    bases: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
                names |= {t.id for n in ast.walk(node) for t in _targets(n) if isinstance(t, ast.Name)}
                names |= {t.attr for n in ast.walk(node) for t in _targets(n) if isinstance(t, ast.Attribute)}
                own.setdefault(node.name, set()).update(names)
                bases.setdefault(node.name, set()).update(b.id for b in node.bases if isinstance(b, ast.Name))

    def everything(name: str) -> set[str]:
        return own.get(name, set()).union(*(everything(base) for base in bases.get(name, ()) if base != name))

    return {name: everything(name) for name in own}


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.AnnAssign):
        return [node.target]
    return node.targets if isinstance(node, ast.Assign) else []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_path_exists(page):
    assert [path for path in sorted(paths(page)) if not exists(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_dotted_name_can_be_imported(page):
    named = {name for word in words(page) for name in DOTTED.findall(word)}
    named |= set(DOTTED.findall(blocks(page)))
    files = [Path(name.removeprefix("src/molgfn/")).with_suffix("") for name in announced(page)]
    own = {".".join(("molgfn", *file.parts)) for file in files}
    missing = [n for n in sorted(named) if not any(n == o or n.startswith(f"{o}.") for o in own) and not resolves(n)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_member_of_a_class_exists(page):
    found = {match.groups() for word in words(page) if (match := MEMBER.fullmatch(word))}
    known = classes()
    assert [f"{c}.{m}" for c, m in sorted(found) if c in known and m not in known[c]] == []


@pytest.mark.parametrize("page", PAGES[:2], ids=NAMES[:2])
def test_links_from_the_top_lead_somewhere(page):
    plain = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", plain) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_there_is_something_to_look_for():
    assert len(paths(ROOT / "docs" / "design.md")) > 40
    assert {"tests/test_layers.py", "configs/oracle/"} & {p for page in PAGES for p in paths(page)}
    assert sum(len(DOTTED.findall(text_of(page))) for page in PAGES) > 50


@pytest.mark.parametrize(
    ("path", "there"), [("training/learner.py", True), ("configs/oracle/*.yaml", True), ("training/gone.py", False)]
)
def test_a_path_that_is_not_there_is_found_out(path, there):
    assert exists(path) is there


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("molgfn.train", True),
        ("molgfn.oracles.base.Oracle.units", True),
        ("molgfn.oracles.base.Oracle.unit", False),
        ("molgfn.orcles", False),
        ("molgfn.testing.check_oracle", True),
    ],
)
def test_a_name_that_is_not_there_is_found_out(name, there):
    assert resolves(name) is there


def test_the_readme_and_the_page_about_python_begin_with_the_same_example():
    def first(page):
        return re.search(r"```python\n(.*?)```", text_of(page), re.DOTALL)[1]

    assert first(ROOT / "README.md") == first(ROOT / "docs" / "python.md")


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        plain = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#]+\.md)[^)]*\)", plain):
            target = (page.parent / link).resolve()
            if not link.startswith("http") and target.is_file() and target not in reached:
                todo.append(target)
    assert [page.name for page in PAGES if page not in reached] == []


def test_the_index_has_every_page_in_the_order_of_the_readme():
    index = re.findall(r"\]\(([\w/-]+\.md)\)", text_of(ROOT / "docs" / "README.md"))
    assert sorted(index) == sorted(name.removeprefix("docs/") for name in NAMES[2:] if name != "docs/README.md")
    front = list(dict.fromkeys(re.findall(r"\]\(docs/([\w-]+\.md)", text_of(ROOT / "README.md"))))
    assert [name for name in index if name in front] == front


def test_the_citation_is_valid():
    node = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    # what the schema of the Citation File Format 1.2.0 requires, and what it knows
    assert {"authors", "cff-version", "message", "title"} <= set(node)
    known = {
        "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
        "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
        "repository-code", "title", "type", "url", "version",
    }  # fmt: skip
    assert set(node) <= known
    assert node["cff-version"] == "1.2.0"
    assert node["type"] in ("software", "dataset")
    assert node["authors"]
    person, entity = {"family-names", "given-names", "name-particle", "name-suffix", "alias"}, {"name", "website"}
    for author in node["authors"]:
        assert author.keys() & (person | entity)
        assert not (author.keys() & person and author.keys() & entity)
    assert all(isinstance(word, str) for word in node["keywords"])
    assert len(set(node["keywords"])) == len(node["keywords"])
    assert node["version"] == molgfn.__version__
    assert node["license"] == "MIT"
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
