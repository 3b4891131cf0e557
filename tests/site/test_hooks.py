"""The site's hooks: navigation, links, formulas, diagrams, and what a built site is checked for."""

import importlib
import re
import sys

import pytest
from tests.site.blocks import ROOT


@pytest.fixture
def hook(monkeypatch):
    """A module of website/hooks by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "website" / "hooks"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "website")):
            del sys.modules[name]


def pages(nav):
    """All addresses of a navigation."""
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [page for entry in entries for page in pages(entry)]


def test_the_navigation_has_every_page_once(hook):
    repository, contents = hook("repository"), hook("contents")
    page = ROOT / "docs" / "README.md"
    found = pages(contents.navigation(page.read_text(encoding="utf-8"), page))
    assert len(set(found)) == len(found)
    docs = {repository.address(path) for path in (ROOT / "docs").rglob("*.md")} - {"contents.md"}
    assert docs <= set(found)
    assert {"index.md", "contributing.md", "results/index.md"} <= set(found)


def test_pages_of_a_folder_stand_below_its_page(hook):
    contents = hook("contents")
    page = ROOT / "docs" / "README.md"
    text = "**Learn**\n\n1. [extending.md](extending.md): your own [oracle](extending/oracle.md); [data](data.md).\n"
    (home, section) = contents.navigation(text, page)
    assert home == {"Home": "index.md"}
    below = [{"Overview": "extending.md"}, {"Oracle": "extending/oracle.md"}]
    assert section == {"Learn": [{"Extending molgfn": below}, "data.md"]}


def test_links_between_files_become_links_between_pages(hook):
    repository = hook("repository")
    page = ROOT / "docs" / "extending" / "oracle.md"
    text = "[a](../scoring.md#counters) [b](../../README.md) [c](../../experiments/seh/README.md) `[d](x.md)` [e](https://x.y)"
    assert repository.rewritten(page, text) == (
        "[a](../scoring.md#counters) [b](../index.md) [c](../results/seh/index.md) `[d](x.md)` [e](https://x.y)"
    )
    source = repository.rewritten(ROOT / "docs" / "design.md", "[t](../tests/test_layers.py)")
    assert source == "[t](files/tests/test_layers.py.md)"


def test_every_link_of_every_page_has_an_address(hook):
    """The site is built by a command of its own: without this a page that it cannot show is found only there."""
    repository = hook("repository")
    assert {"index.md", "results/index.md", "files/Makefile.md"} & set(repository.reached())
    assert len(repository.reached()) > 100


@pytest.mark.parametrize("link", ["gone.md", "../../outside.md"])
def test_a_dead_link_is_refused(hook, link):
    repository = hook("repository")
    with pytest.raises(repository.UnknownLink, match="which is not there"):
        repository.rewritten(ROOT / "docs" / "design.md", f"[x]({link})")


def test_formulas_become_mathml_and_unknown_commands_are_refused(hook):
    formulas = hook("formulas")
    html = formulas.rendered(r'a <span class="arithmatex">\(P_F(s \mid s&#x27;)\)</span> b')
    assert html.startswith("a <math")
    assert "arithmatex" not in html
    assert "<mi>s</mi>" in html
    assert 'display="block"' in formulas.rendered('<div class="arithmatex">\\[\nx^2\n\\]</div>')
    with pytest.raises(formulas.BadFormula, match="nosuchcommand"):
        formulas.formula(r"\nosuchcommand x", False)


def test_diagrams_become_svg_in_the_colours_of_the_page(hook):
    diagrams = hook("diagrams")
    html = diagrams.rendered('<pre class="mermaid"><code>flowchart LR\n  a["x&lt;br&gt;y"] --&gt; b["z"]</code></pre>')
    assert html.startswith('<div class="diagram" tabindex="0" role="figure" aria-label="Diagram"><svg id="diagram-1"')
    assert "var(--md-default-fg-color)" in html
    assert re.search(r"max-width:[\d.]+px;min-width:\d+px", html)
    assert "#28253D" not in html


def test_every_run_of_the_gallery_has_a_line_in_its_table(hook):
    gallery = hook("gallery")
    text = gallery.linked(gallery.PAGE.read_text(encoding="utf-8"))
    names = [gallery.name(words) for words in gallery.commands().values()]
    assert len(names) == len(set(names)) == 3
    assert all(f"](gallery/{name}.html) |" in text for name in names)


def test_the_api_has_the_public_functions_and_every_room(hook):
    reference = hook("reference")
    made = reference.pages()
    assert "::: molgfn.api.training.train\n" in made["reference/index.md"]
    assert "::: molgfn.objectives.balance.trajectory_balance\n" in made["reference/objectives.md"]
    assert "::: molgfn.oracles.properties.qed\n" in made["reference/oracles.md"]
    assert all(text.count(":::") for text in made.values())


GOOD = '<html><head><link rel="stylesheet" href="s.css"></head><body id="top"><a href="b.html#here">b</a></body></html>'


def test_a_good_site_has_no_problems(hook, tmp_path):
    (tmp_path / "s.css").write_text("")
    (tmp_path / "a.html").write_text(GOOD)
    (tmp_path / "b.html").write_text('<p id="here"><a href="https://elsewhere.org/">a link may lead out</a>')
    assert hook("check").problems(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<script src="https://cdn.org/x.js"></script>', "a.html fetches https://cdn.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.org/f.css">', "a.html fetches //fonts.org/f.css"),
        ('<img src="p.png">', "a.html leads to p.png, which is not there"),
        ('<a href="gone/">x</a>', "a.html leads to gone/, which is not there"),
        ('<a href="#nowhere">x</a>', "a.html leads to #nowhere, and there is no such place on that page"),
    ],
)
def test_what_is_wrong_with_a_site_is_named(hook, tmp_path, body, problem):
    (tmp_path / "a.html").write_text(body)
    assert hook("check").problems(tmp_path) == [problem]
