"""The site's navigation is the list of pages in docs/README.md: a heading in bold is a section, an entry a page.

An entry of several links is a page with those below it, such as the pages about parts of one's own below that about
extending. A page that is not in the list fails the build, as does an entry without a page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import repository

SECTION = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)\)")


def navigation(text: str, page: Path) -> list[Any]:
    """What mkdocs calls nav, from the text of the list."""
    head, *parts = SECTION.split(text)
    del head
    nav: list[Any] = [{"Home": "index.md"}]
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        entries: list[Any] = []
        for item in re.split(r"^(?:\d+\.|\*) ", body, flags=re.MULTILINE)[1:]:
            pages = [link for link in LINK.findall(item) if link[1].endswith(".md")]
            addresses = [(name, repository.address(repository.target(page, link))) for name, link in pages]
            if not addresses:
                continue
            (_, first), *below = addresses
            # pages of a folder named like the first one stand below it, others after it
            inside = [{n[0].upper() + n[1:]: a} for n, a in below if a.startswith(first.removesuffix(".md") + "/")]
            beside = [a for _, a in below if not a.startswith(first.removesuffix(".md") + "/")]
            if inside:
                heading = repository.content(repository.target(page, pages[0][1])).split("\n")[0].removeprefix("# ")
                entries.append({heading: [{"Overview": first}, *inside]})
            else:
                entries.append(first)
            entries += beside
        nav.append({title: entries})
    return nav
