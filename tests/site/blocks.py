"""The blocks of code on the pages, and what a page says about one that is not run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "experiments").rglob("README.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
#: why a block may stand on a page and not be run
REASONS = {
    "installs packages",
    "needs a cluster",
    "a sweep's server starts it",
    "these folders are yours",
    "a command before it writes the file",
    "needs a run that failed",
    "takes minutes",
    "needs packages of an extra",
}
BLOCK = re.compile(r"(?:^<!-- not run(?: here)?: ([^\n]*?) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block: the page, its number there, its language, its text, and why it is not run."""

    page: str
    number: int
    language: str
    text: str
    reason: str | None

    @property
    def file(self) -> str | None:
        """The file that the block is, by its first line."""
        found = re.match(r"# (\S+\.(?:py|yaml))\n", self.text)
        return found[1] if found else None


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    name = page.relative_to(ROOT).as_posix()
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(name, i, language, text, reason or None) for i, (reason, language, text) in enumerate(found)]


def command_lines(block: Block) -> list[list[str]]:
    """The words of each command of a block of shell, without what sets variables before it."""
    lines: list[list[str]] = []
    # `runs/prior-<date>` is a folder's name with something in place of the angle brackets
    for line in re.sub(r"<(\w+)>", r"\1", block.text.replace("\\\n", " ")).splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word != "&&":
                words.append(word)
                continue
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                lines.append(words)
            words = []
    return lines


BY_PAGE = {page.relative_to(ROOT).as_posix(): blocks(page) for page in PAGES}
