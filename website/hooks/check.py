"""What a built site must keep: nothing is fetched from elsewhere, and every link within it leads somewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: attributes by which a page makes a browser fetch something
FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("object", "data"),
}
#: of a link element, the relations that are fetched
RELATIONS = {"stylesheet", "icon", "preload", "preconnect", "modulepreload", "manifest"}


class Read(HTMLParser):
    """Ids, links and fetched addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        self.fetched += [given[a] for t, a in FETCHED if t == tag and a in given]
        if tag == "link" and RELATIONS & set(given.get("rel", "").split()):
            self.fetched.append(given.get("href", ""))
        elif tag in ("a", "link") and "href" in given:
            self.links.append(given["href"])


def problems(site: str | Path) -> list[str]:
    """What is wrong with a built site, one sentence each."""
    root = Path(site).resolve()
    pages = {path: Read(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(root).as_posix()
        outside = [a for a in page.fetched if urlsplit(a).netloc]
        found += [f"{name} fetches {a}" for a in outside]
        for link in page.links + [a for a in page.fetched if a not in outside]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            if not there.exists():
                found.append(f"{name} leads to {link}, which is not there")
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].ids | {"__skip"}:
                found.append(f"{name} leads to {link}, and there is no such place on that page")
    return found
