"""The hooks of mkdocs: pages in, formulas and diagrams drawn, and a look at what came out."""

from __future__ import annotations

import re
from typing import Any

import check
import contents
import diagrams
import formulas
import gallery
import reference
import repository
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

#: address -> file of the repository, for those pages whose links are of the repository
PLACES: dict[str, Any] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Navigation from the list of pages."""
    page = repository.ROOT / "docs" / "README.md"
    config.nav = contents.navigation(page.read_text(encoding="utf-8"), page)
    config.nav += [reference.navigation(), {"About": ["changelog.md", "contents.md"]}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """All that the pages link to, the API and the gallery, beside docs/."""
    files.remove(files.src_uris["README.md"])
    PLACES.update(repository.reached())
    for name, path in PLACES.items():
        if name in files.src_uris:
            continue
        if name.endswith(".md"):
            files.append(File.generated(config, name, content=repository.content(path)))
        else:
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for name, text in reference.pages().items():
        files.append(File.generated(config, name, content=text))
    for name, path in gallery.reports().items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links between files become links between pages."""
    path = PLACES.get(page.file.src_uri)
    try:
        text = markdown if path is None else repository.rewritten(path, markdown)
        return gallery.linked(text) if path == gallery.PAGE else text
    except repository.UnknownLink as error:
        raise PluginError(str(error)) from error


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Formulas, diagrams, and a frame in which a wide table scrolls."""
    try:
        html = diagrams.rendered(formulas.rendered(html))
    except formulas.BadFormula as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error
    return re.sub(r"(<table>.*?</table>)", r'<div class="wide" tabindex="0">\1</div>', html, flags=re.DOTALL)


def on_post_build(config: MkDocsConfig) -> None:
    """The site asks nothing of other servers, and what its pages refer to is there."""
    problems = check.problems(config.site_dir)
    if problems:
        raise PluginError("\n".join(problems))
