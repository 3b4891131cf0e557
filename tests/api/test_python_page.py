"""docs/python.md and the notebook: every block and cell runs, in order."""

import ast
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from tests.small_runs import make_small

import molgfn

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_small(monkeypatch)
    yield tmp_path
    plt.close("all")


def test_the_first_example_is_short_and_whole():
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) <= 15
    called = {node.func.attr for node in ast.walk(ast.parse(BLOCKS[0])) if hasattr(getattr(node, "func", None), "attr")}
    assert {"train", "sample", "best", "picture"} <= called


def test_every_block_of_the_page_runs(small, capsys):
    names: dict = {}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
    said = capsys.readouterr().out
    assert (small / "best.png").read_bytes().startswith(b"\x89PNG")
    assert (small / "samples.sdf").is_file()
    assert "reward.beat: Power has no parameter `beat`; did you mean `beta`?" in said
    assert "trainer.iterations: should be a valid integer" in said
    assert names["measured"].report.is_file()
    assert names["run"].iteration == 5


def test_every_function_is_on_the_page():
    functions = [name for name in molgfn.__all__ if name.islower() and name not in ("__version__", "errors")]
    assert set(re.findall(r"^\| `molgfn\.(\w+)\(", PAGE, re.MULTILINE)) == set(functions)


@pytest.fixture(scope="module")
def notebook():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def test_the_notebook_is_stored_without_results(notebook):
    assert NOTEBOOK.stat().st_size < 12_000
    assert (notebook["nbformat"], notebook["nbformat_minor"] >= 5) == (4, True)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        assert isinstance(cell["source"], list)
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_every_cell_of_the_notebook_runs(notebook, small, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: None)
    names: dict = {}
    shown = []
    for number, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {number}", "exec"), names)
        if last is not None:  # a notebook shows the value of a last expression
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
            shown += [html() for html in [getattr(value, "_repr_html_", None)] if html is not None]
    assert any("data:image/png;base64," in page for page in shown), "molecules are shown"
    assert any("<table" in page for page in shown)
    assert len(plt.get_fignums()) >= 1
