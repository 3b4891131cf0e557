"""What of the repository is on the site, and under which address.

The pages link to each other as files, so that they can be read where the code is hosted and in an editor. Here every
file that a page links to gets an address on the site: pages below docs/ as they are, the front page as the home page,
the results of experiments below results/, sources as pages of code, data and pictures as files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: pages from which the others are reached
STARTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
#: page in the repository -> page of the site, where the rule does not say it
RENAMED = {
    "README.md": "index.md",
    "docs/README.md": "contents.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
#: what is shown as code -> the language of its block
CODE = {".py": "python", ".yaml": "yaml", ".sh": "bash", ".toml": "toml", ".cff": "yaml", ".txt": "text"}
#: what is handed out as it is
FILES = {".csv", ".json", ".jsonl", ".png", ".smi", ".svg"}
FENCES = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


class UnknownLink(ValueError):
    """A page links to something that is not there, or that the site cannot show."""


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with ``change`` made to all of it that is no code."""
    parts = FENCES.split(text)
    return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))


def links(text: str) -> list[str]:
    """The relative links of a page."""
    found: list[str] = []
    outside_code(text, lambda part: found.extend(link[1] for link in LINK.findall(part)) or part)
    return [link for link in found if not re.match(r"[a-z]+:|#", link)]


def target(page: Path, link: str) -> Path:
    """The file that a link of a page means; for a folder its README.md where it has one."""
    path = (page.parent / link.partition("#")[0]).resolve()
    if path.is_dir() and (path / "README.md").is_file():
        return path / "README.md"
    if not path.exists() or not path.is_relative_to(ROOT):
        raise UnknownLink(f"{page.relative_to(ROOT)} links to {link}, which is not there")
    return path


def address(path: Path) -> str:
    """Where on the site a file of the repository is."""
    name = path.relative_to(ROOT).as_posix()
    if name in RENAMED:
        return RENAMED[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    shown = re.sub(r"^experiments/", "results/", name)
    if path.suffix == ".md":
        return re.sub(r"README\.md$", "index.md", shown)
    if path.suffix in FILES:
        return shown
    if path.suffix in CODE or path.suffix == ".ipynb" or path.name in ("Makefile", "LICENSE"):
        return f"files/{shown}.md"
    if path.is_dir():
        return f"files/{shown}/index.md"
    raise UnknownLink(f"{name} is linked to, and the site has no way to show it")


def content(path: Path) -> str:
    """The markdown of a file of the repository that is shown as a page."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        entries = sorted(e.name for e in path.iterdir() if e.suffix in CODE)
        return f"# {name}/\n\n" + "\n".join(f"* [{e}]({e})" for e in entries) + "\n"
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return notebook(text)
    return f"# {name}\n\n````{CODE.get(path.suffix, 'text')}\n{text}\n````\n"


def notebook(text: str) -> str:
    """The cells of a notebook that is stored without results, as markdown."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```python\n{body}\n```" if kind == "code" else body for kind, body in cells) + "\n"


def reached() -> dict[str, Path]:
    """Address on the site -> file, of all that is reached from the pages."""
    found: dict[str, Path] = {}
    todo = [*(ROOT / name for name in STARTS), *sorted((ROOT / "docs").rglob("*.md"))]
    while todo:
        path = todo.pop()
        if found.setdefault(address(path), path) != path:
            raise UnknownLink(f"{path} and {found[address(path)]} have the same address, {address(path)}")
        if path.suffix == ".md" or path.is_dir():
            todo += [t for link in links(content(path)) if (t := target(_beside(path), link)) not in found.values()]
    return found


def rewritten(path: Path, text: str) -> str:
    """The text of the page with its links leading to addresses of the site."""
    here = Path("/") / address(path)

    def change(match: re.Match[str]) -> str:
        link = match[2]
        if re.match(r"[a-z]+:|#", link):
            return match[0]
        there = Path("/") / address(target(_beside(path), link))
        anchor = f"#{link.partition('#')[2]}" if "#" in link else ""
        return f"{match[1]}{relative(here.parent, there)}{anchor}{match[3]}"

    return outside_code(text, lambda part: LINK.sub(change, part))


def relative(folder: Path, there: Path) -> str:
    """The relative path from a folder to a file, both absolute."""
    common = 0
    for a, b in zip(folder.parts, there.parts, strict=False):
        if a != b:
            break
        common += 1
    return "/".join([".."] * (len(folder.parts) - common) + list(there.parts[common:]))


def _beside(path: Path) -> Path:
    """What links are relative to: the file, or something in the folder."""
    return path / "-" if path.is_dir() else path
