"""Numbers of things that the code knows, wherever a page counts them."""

import re
import tomllib
from collections.abc import Callable

import pytest
import yaml
from tests.site.blocks import PAGES, ROOT

from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.motifs import MOTIFS
from molgfn.chemistry.reactions.loading import load_library
from molgfn.objects.string_tasks import STRING_TASKS
from molgfn.oracles.models.admet import REGRESSION

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBER = rf"(\d[\d,]*|{'|'.join(WORDS)})"


def value(text: str) -> int:
    return WORDS.index(text.lower()) if text.lower() in WORDS else int(text.replace(",", ""))


def study(name: str) -> dict:
    return yaml.safe_load((ROOT / "experiments" / name).read_text(encoding="utf-8"))


def shipped_vocabulary() -> int:
    """Fragments of the vocabulary that the quickstart names."""
    node = yaml.safe_load((ROOT / "configs" / "environment" / "fragments.yaml").read_text(encoding="utf-8"))
    chosen = (study("quickstart.yaml").get("environment") or {}).get("vocabulary", node["vocabulary"])
    return len(Vocabulary.load(chosen))


def pmo_tasks() -> int:
    return len(study("pmo/tasks.study.yaml")["rows"])


#: what pages count: a pattern with the number in its group -> how many there are, and on how many pages it is said
COUNTS: dict[str, tuple[Callable[[], int], int]] = {
    rf"motifs that chemists avoid \({NUMBER} now": (lambda: len(MOTIFS), 1),
    rf"{NUMBER} (?:tasks|oracles) of (?:the )?PMO": (pmo_tasks, 4),
    rf"PMO at its full budget was run on three of the {NUMBER} tasks": (pmo_tasks, 1),
    rf"up to five of (?:the )?{NUMBER} (?:shipped )?fragments": (shipped_vocabulary, 2),
    rf"`admet` has {NUMBER} endpoints that are quantities": (lambda: len(REGRESSION), 1),
    rf"up to 3 fragments, {NUMBER} rows of objectives": (
        lambda: len(study("objectives/fragments_exact.study.yaml")["rows"]),
        1,
    ),
}


def said(pattern: str) -> dict[str, list[int]]:
    """Page -> numbers that it says."""
    found = {
        page.relative_to(ROOT).as_posix(): re.findall(pattern, " ".join(page.read_text(encoding="utf-8").split()), re.I)
        for page in PAGES
    }
    return {page: [value(number) for number in numbers] for page, numbers in found.items() if numbers}


@pytest.mark.parametrize("pattern", COUNTS)
def test_what_pages_count_is_what_there_is(pattern):
    count, pages = COUNTS[pattern]
    there = said(pattern)
    assert {page: set(numbers) for page, numbers in there.items()} == {page: {count()} for page in there}
    assert len(there) >= pages, "a page says it in other words: look for the number that nobody compares any more"


def test_the_shipped_library_of_reactions_is_as_large_as_its_row_says():
    page = (ROOT / "docs" / "reaction_libraries.md").read_text(encoding="utf-8")
    blocks, reactions = re.search(r"^\| `textbook` \| ([\d,]+) \| (\d+) \|", page, re.MULTILINE).groups()
    library = load_library("textbook")
    assert (value(blocks), value(reactions)) == (len(library.blocks), len(library.reactions))


def test_the_tasks_of_strings_are_as_the_table_says():
    page = (ROOT / "docs" / "strings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:(\d+) blocks|([A-Z01]+)), (\d+) \| ([\d,]+|2\^\d+) \|", page, re.MULTILINE)
    assert {name for name, *_ in rows} == set(STRING_TASKS)
    for name, blocks, symbols, length, objects in rows:
        alphabet, steps = STRING_TASKS[name]
        assert (int(blocks or len(symbols)), int(length)) == (len(alphabet), steps)
        base, _, power = objects.replace(",", "").partition("^")
        assert int(base) ** int(power or 1) == len(alphabet) ** steps


def test_folders_have_as_many_studies_as_the_list_of_experiments_says():
    page = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(rf"\| \[(\w+)/\]\([^)]*\): {NUMBER} studies \|", page)
    assert {folder: value(number) for folder, number in rows} == {
        folder: len(list((ROOT / "experiments" / folder).glob("*.study.yaml"))) for folder, _ in rows
    }
    assert len(rows) >= 5


def test_versions_of_python_are_those_of_the_package():
    first, last = re.search(
        r"Python 3\.(\d+) to 3\.(\d+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    ).groups()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == f">=3.{first},<3.{int(last) + 1}"


def test_every_folder_of_experiments_has_a_page_and_a_row():
    folders = {path.parent.name for path in (ROOT / "experiments").glob("*/*.yaml")}
    page = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"\]\((\w+)/", page))
    assert sorted(folders - rows) == []
