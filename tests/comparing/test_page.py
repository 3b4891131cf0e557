"""The page that asks which of two is better: what its script binds and asks for, and what documents say of it."""

import base64
import hashlib
import re

import pytest
from tests.evaluation.test_report import Page
from tests.site.blocks import ROOT

from molgfn.comparing.page import page

SERVED = page(name="mine.smi", total=3, answers="a.csv", command="molgfn train")
#: key of the page -> the answer that it gives
KEYS = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowDown": "tie", "s": "skip", "S": "skip"}


@pytest.fixture(scope="module")
def parsed():
    return Page(SERVED.html)


@pytest.fixture(scope="module")
def script(parsed):
    return parsed.scripts[-1]


def test_nothing_is_loaded_and_the_script_alone_runs(parsed, script):
    assert parsed.open == []
    for tag, attributes in parsed.tags:
        assert tag not in {"link", "iframe", "img", "object", "embed", "form", "a", "base"}
        assert not {"src", "srcset", "href", "data", "action", "xlink:href"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")], "no handlers in attributes"
    assert [attributes for tag, attributes in parsed.tags if tag == "script"] == [{}]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in SERVED.policy


def test_every_request_goes_to_the_server_of_the_page(script):
    """One ``fetch``, of paths that begin with one slash; nothing else in the script can ask for anything."""
    assert script.count("fetch(") == 1
    assert re.search(r"fetch\(path, ", script)
    paths = re.findall(r"\bask\(\s*([^,)]+)", script)
    assert paths.pop(0) == "path"  # of its definition
    assert {path.strip("\"'") for path in paths} == {"/answer", "/undo", "/finish", "/state"}
    for way in ("XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "import(", "new Image", "window.open"):
        assert way not in script
    assert not re.search(r"location\s*(\.\w+\s*)?=[^=]", script)


def test_the_keys_of_the_documents_are_bound(script):
    bound = dict(re.findall(r"(\w+): \"(\w+)\"", re.search(r"const KEYS = {(.*?)};", script)[1]))
    assert bound == KEYS
    assert re.search(r"KEYS\[event\.key\]\) choose\(KEYS\[event\.key\]\)", script)
    assert 'event.key === "u" || event.key === "U") ask("/undo"' in script
    text = " ".join((ROOT / "docs" / "preferences.md").read_text(encoding="utf-8").split())
    assert "the left or right arrow prefers one, the down arrow says that they are equal, `s` skips, `u` takes" in text


def test_every_button_and_key_that_is_shown_does_something(parsed, script):
    buttons = [attributes for tag, attributes in parsed.tags if tag == "button"]
    choices = [attributes["data-choice"] for attributes in buttons if "data-choice" in attributes]
    assert sorted(choices) == ["left", "left", "right", "right", "skip", "tie"]
    assert 'querySelectorAll("[data-choice]")' in script
    others = [attributes["id"] for attributes in buttons if "data-choice" not in attributes]
    assert all(f'by("{name}").addEventListener("click"' in script for name in others)
    assert sorted(others) == ["finish", "undo"]
    shown = re.findall(r"<kbd>(.)</kbd>", SERVED.html)
    assert set(shown) == {"←", "→", "↓", "s", "u"}


def test_every_element_that_the_script_looks_for_is_there(parsed, script):
    there = {attributes["id"] for _, attributes in parsed.tags if "id" in attributes}
    asked = set(re.findall(r"by\(\"(\w+)\"\)", script)) | {"left", "right", "asking", "finished", "others"}
    assert asked <= there
